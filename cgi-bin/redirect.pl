#!/usr/bin/perl
# Two header lines that steer the server:
#
#   Status: 404 Not Found     the status of the answer; 200 OK without it
#   Location: /somewhere      the answer is elsewhere
#
# A Location that is a path, without a Status, is a local redirect: the server
# answers with that page itself, and the browser does not notice. With a Status
# (or with a whole address, http://...), the browser is told to go there.
use strict;
use warnings;

# Only the places in this table can be reached. A script that sends visitors to
# whatever address stands in the query would lend its good name to anyone.
my %answers = (
    local => "Location: /cgi-bin/hello.sh\n",
    other => "Status: 303 See Other\nLocation: /files/\n",
    gone  => "Status: 410 Gone\n",
);

my ($choice) = ($ENV{QUERY_STRING} // '') =~ /^go=(\w+)$/;
my $header = defined $choice ? $answers{$choice} // "Status: 404 Not Found\n" : '';

if ($header =~ /^Location:/m) {
    print $header, "\n";
    exit;
}

my ($status) = $header =~ /^Status: (.*)/;
my $heading = $status // 'Status and Location';

print $header, <<"END";
Content-Type: text/html; charset=utf-8

<!DOCTYPE html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$heading</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<nav><a href="/">Gatehouse demo</a></nav>
<main>
<h1>$heading</h1>
<p>A script chooses the status of its answer, or sends the visitor on.</p>
<dl class="links">
<dt><a href="/cgi-bin/redirect.pl?go=other">Go to the files</a></dt>
<dd>Status 303 and a Location: the browser goes there, and the address changes.</dd>
<dt><a href="/cgi-bin/redirect.pl?go=local">Answer with another page</a></dt>
<dd>A Location alone: the server shows hello.sh, and the address stays.</dd>
<dt><a href="/cgi-bin/redirect.pl?go=gone">Say that it is gone</a></dt>
<dd>Status 410 and this page below it.</dd>
</dl>
<p>The address bar does not show a status; <code>curl -i</code> does.</p>
</main>
</body>
</html>
END
