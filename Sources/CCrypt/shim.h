#include <crypt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* crypt(3) without the 32 KiB of `struct crypt_data` in Swift: writes the hash of `phrase` by the method,
   the salt and the cost of `setting` into `out`, and leaves nothing of the phrase behind. */
static inline bool gh_crypt(const char *phrase, const char *setting, char out[CRYPT_OUTPUT_SIZE]) {
    struct crypt_data *data = calloc(1, sizeof *data);
    if (data == NULL) return false;
    const char *hash = crypt_r(phrase, setting, data);
    bool ok = hash != NULL && hash[0] != '*' && strlen(hash) < CRYPT_OUTPUT_SIZE;
    if (ok) strcpy(out, hash);
    explicit_bzero(data, sizeof *data);
    free(data);
    return ok;
}
