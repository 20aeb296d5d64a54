// Brotli's encoder (RFC 7932).
#include <brotli/encode.h>
