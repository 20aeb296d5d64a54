#!/usr/bin/perl
# A form, sent with GET or with POST, and the values that came in.
#
# CGI.pm has not come with Perl since 5.22. For a plain form nothing of it is
# needed: this script uses only what every Perl has.
use strict;
use warnings;
use utf8;                             # this file itself is UTF-8
use Encode qw(decode);

binmode STDIN;                        # bytes in: we decode them ourselves
binmode STDOUT, ':encoding(UTF-8)';   # characters out, as UTF-8

my $LIMIT  = 64 * 1024;               # bytes of POST data that we take
my $method = $ENV{REQUEST_METHOD} // 'GET';
my $query  = $ENV{QUERY_STRING} // '';
my $body   = '';

if ($method eq 'POST') {
    my ($type) = ($ENV{CONTENT_TYPE} // '') =~ m{^\s*([^;\s]+)};
    my $length = $ENV{CONTENT_LENGTH} || 0;

    fail('415 Unsupported Media Type', 'This script reads plain forms only.')
        if lc($type // '') ne 'application/x-www-form-urlencoded';
    fail('400 Bad Request', 'CONTENT_LENGTH is not a number.')
        if $length !~ /^[0-9]+$/;
    fail('413 Content Too Large', "This script reads $LIMIT bytes at most.")
        if $length > $LIMIT;

    # Read as many bytes as the server announces.
    my $got = read STDIN, $body, $length;
    fail('400 Bad Request', 'The form did not arrive in full.')
        if !defined $got || $got != $length;
}
elsif ($method ne 'GET' && $method ne 'HEAD') {
    fail('405 Method Not Allowed', 'Use GET or POST.', "Allow: GET, HEAD, POST\n");
}

# A list of [name, value, source], in the order in which they came. A name may
# come more than once, as the check boxes below do.
my @fields = (
    (map { [@$_, 'query'] } pairs($query)),
    (map { [@$_, 'body'] } pairs($body)),
);
my ($name) = map { $_->[1] } grep { $_->[0] eq 'name' } @fields;
my ($text) = map { $_->[1] } grep { $_->[0] eq 'text' } @fields;
my %likes  = map { $_->[1] => 1 } grep { $_->[0] eq 'likes' } @fields;

my $boxes = join '', map {
    my $checked = $likes{$_} ? ' checked' : '';
    qq{<label><input type="checkbox" name="likes" value="$_"$checked> $_</label>\n};
} qw(tea coffee water);

page('A form', <<"END");
@{[ results() ]}
<form action="@{[ html($ENV{SCRIPT_NAME} // '') ]}" accept-charset="utf-8">
<p><label for="name">Your name</label>
<input id="name" name="name" autocomplete="name" value="@{[ html($name // '') ]}"></p>
<p><label for="text">Some text, in any language: Grüße, Привет, 你好, 😀</label>
<textarea id="text" name="text" rows="4">
@{[ html($text // '') ]}</textarea></p>
<fieldset><legend>You like</legend>
$boxes</fieldset>
<p><button formmethod="get">Send with GET</button>
<button formmethod="post">Send with POST</button></p>
</form>
<p>GET puts the values into the address: good for a search, as the answer can be
bookmarked. POST puts them into the body of the request: right for whatever
changes something.</p>
END

# "a=1&b=x+y%21" becomes (['a', '1'], ['b', 'x y!']).
sub pairs {
    my ($encoded) = @_;
    return map { [map { text($_) } (split(/=/, $_, 2), '', '')[0, 1]] }
        grep { length } split /&/, $encoded;
}

# Undoes the encoding of one name or value: + is a blank, %XX a byte, and the
# bytes are UTF-8. Wrong UTF-8 becomes the replacement character.
sub text {
    my ($bytes) = @_;
    $bytes =~ tr/+/ /;
    $bytes =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return decode('UTF-8', $bytes);
}

# Makes text safe between tags and inside quoted attributes. Everything that
# came from outside goes through here on its way into the page.
sub html {
    my ($text) = @_;
    my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;',
                  '"' => '&quot;', "'" => '&#39;');
    $text =~ s/([&<>"'])/$entity{$1}/g;
    return $text;
}

sub results {
    return '' if !@fields;
    my $rows = join '', map {
        my ($field, $value, $source) = @$_;
        '<tr><th scope="row">' . html($field) . '</th><td class="text">' . html($value)
            . '</td><td>' . length($value) . "</td><td>$source</td></tr>\n";
    } @fields;
    my $raw = html(decode('UTF-8', $method eq 'POST' ? $body : $query));
    return <<"END";
<table>
<caption>What came in with @{[ html($method) ]}</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Value</th>
<th scope="col">Characters</th><th scope="col">From</th></tr></thead>
<tbody>
$rows</tbody>
</table>
<p>As it was sent: <code>$raw</code></p>
END
}

sub page {
    my ($title, $content, $header) = @_;
    print $header // '', <<"END";
Content-Type: text/html; charset=utf-8

<!DOCTYPE html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<nav><a href="/">Gatehouse demo</a></nav>
<main>
<h1>$title</h1>
$content</main>
</body>
</html>
END
}

sub fail {
    my ($status, $message, $header) = @_;
    page($status, "<p>$message</p>\n", "Status: $status\n" . ($header // ''));
    exit;
}
