// zlib (RFC 1950 to 1952): the gzip coding.
#include <zlib.h>
