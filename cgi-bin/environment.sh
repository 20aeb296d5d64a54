#!/bin/sh
# Shows what a CGI script is told about the request: its environment variables.
#
# awk reads them from its array ENVIRON, which, unlike the output of "env", is
# right even where a value holds a line break. Everything in them may come from
# a stranger, so the characters that mean something in HTML are escaped first.

cat <<'END'
Content-Type: text/html; charset=utf-8
Cache-Control: no-store

<!DOCTYPE html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The CGI environment</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<nav><a href="/">Gatehouse demo</a></nav>
<main>
<h1>The CGI environment</h1>
<p>The server tells a script about the request in environment variables. See
how they change with
<a href="/cgi-bin/environment.sh/extra/path?colour=blue&amp;size=9">a path and a
query behind the name</a>. Names that begin with <code>HTTP_</code> are the
fields that the browser sent.</p>
<table class="variables">
<thead><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead>
<tbody>
END

# Step 1: one line for each variable, name and value with a tab between them.
awk '
function escaped(text) {
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    gsub(/>/, "\\&gt;", text)
    gsub(/"/, "\\&quot;", text)
    gsub(/\t/, "\\&#9;", text)
    gsub(/\r/, "\\&#13;", text)
    gsub(/\n/, "\\&#10;", text)
    return text
}
BEGIN {
    for (name in ENVIRON)
        printf "%s\t%s\n", escaped(name), escaped(ENVIRON[name])
}' |

# Step 2: by name. In the C locale the order is the same on every machine, and
# bytes that are no valid text do no harm.
LC_ALL=C sort |

# Step 3: table rows, with a word on the variables that scripts use most.
LC_ALL=C awk '
BEGIN {
    means["REQUEST_METHOD"]  = "What is asked for: GET and HEAD fetch, POST sends a form."
    means["QUERY_STRING"]    = "What stands behind the ? of the address, still encoded."
    means["CONTENT_LENGTH"]  = "Bytes to read from standard input: no more will come."
    means["CONTENT_TYPE"]    = "How the bytes on standard input are written."
    means["PATH_INFO"]       = "What follows the name of the script in the address, decoded."
    means["PATH_TRANSLATED"] = "PATH_INFO as a file below the folder of the pages."
    means["SCRIPT_NAME"]     = "Where the script is on the web: use it in links to itself."
    means["SCRIPT_FILENAME"] = "Where the script is on the disk."
    means["DOCUMENT_ROOT"]   = "The folder of the pages."
    means["REQUEST_URI"]     = "Path and query exactly as the browser sent them."
    means["REMOTE_ADDR"]     = "The address of the client."
    means["REMOTE_USER"]     = "Who logged in, once the server has checked the password."
    means["SERVER_NAME"]     = "The name of this site, to build full addresses with."
    means["SERVER_PORT"]     = "The port of this site."
    means["SERVER_PROTOCOL"] = "The version of HTTP that the client speaks."
    means["GATEWAY_INTERFACE"] = "The version of CGI: a sign that a web server has started the script."
    means["HTTP_HOST"]       = "The name that the browser asked for. Anyone can write anything here."
    means["HTTP_COOKIE"]     = "The cookies of this site, with \"; \" between them."
    means["HTTP_USER_AGENT"] = "The program that sent the request."
    means["HTTP_REFERER"]    = "The page with the link that led here."
    means["PATH"]            = "Where programs are looked for."
    means["PWD"]             = "The current folder: that of the script. Set by the shell itself."
}
{
    tab   = index($0, "\t")
    name  = substr($0, 1, tab - 1)
    value = substr($0, tab + 1)
    note  = (name in means) ? "<small>" means[name] "</small>" : ""
    gsub(/_/, "_<wbr>", name)  # long names may break after an underscore
    print "<tr><th scope=\"row\">" name "</th><td><code>" value "</code>" note "</td></tr>"
}'

cat <<'END'
</tbody>
</table>
</main>
</body>
</html>
END
