#!/bin/sh
# A slow answer: one line a second for ten seconds. The server sends on each
# line when the script writes it, so the page grows before your eyes.
#
# The shell writes every "echo" at once. Other languages collect their output
# first; tell them not to:  Perl   $| = 1;
#                           Python print("...", flush=True)
#                           C      fflush(stdout);
#
# Close the page half-way, and the server ends this script.

cat <<'END'
Content-Type: text/html; charset=utf-8
Cache-Control: no-store

<!DOCTYPE html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A slow stream</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<nav><a href="/">Gatehouse demo</a></nav>
<main>
<h1>A slow stream</h1>
<p>One line a second, each on its way as soon as the script has written it.</p>
<ol class="log">
END

line=1
while [ "$line" -le 10 ]; do
    echo "<li>It is $(date +%H:%M:%S), this is line $line of 10.</li>"
    line=$((line + 1))
    sleep 1
done

cat <<'END'
</ol>
<p>That was all.</p>
</main>
</body>
</html>
END
