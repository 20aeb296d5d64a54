#include <ini.h>

/* Debian's libinih has its options as global variables, read while it parses. The server sets them
   here, once and before it parses anything; Swift never touches them.

   They keep lines whole up to `max_line` bytes, the newline and the zero included (200 otherwise), and
   leave to the reader what libinih gets wrong: an indented line is a key, not the rest of the one before
   it, and a semicolon between quotes is no comment. */
static inline void gh_ini_configure(int max_line) {
    ini_use_stack = false;
    ini_allow_realloc = false;
    /* What is allocated and what is filled: two variables that have to agree. */
    ini_initial_alloc = max_line;
    ini_max_line = max_line;
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    ini_allow_no_value = false;
    ini_stop_on_first_error = false;
}
