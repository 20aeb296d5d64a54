#!/bin/sh
# Fails on purpose, so that you see what a failure looks like: the browser gets
# an error page, the error log gets the line below and how the script ended.
#
# Whatever a script writes to stderr (file descriptor 2) goes to the error log
# and is no part of the page. An exit status other than 0 means that it failed.

echo "broken.sh: cannot open orders.db (this is only a demo, nothing is lost)" >&2
exit 3
