#!/bin/sh
# The smallest CGI script: one header line, an empty line, then the answer.

echo "Content-Type: text/plain; charset=utf-8"
echo
echo "Hello from a shell script!"
