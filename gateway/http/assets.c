#include "gateway/http/assets.h"

#include <string.h>

enum { HASH_LENGTH = 16 };

const struct asset *assets_find(const char *name)
{
    for (size_t i = 0; i < assets_made.count; i++)
        if (strcmp(assets_made.files[i].name, name) == 0)
            return &assets_made.files[i];
    return NULL;
}

const char *assets_name(const char *path, bool *is_fixed_out)
{
    bool has_hash = strspn(path, "0123456789abcdef") == HASH_LENGTH && path[HASH_LENGTH] == '/';

    *is_fixed_out = has_hash && strncmp(path, assets_made.hash, HASH_LENGTH) == 0;
    return has_hash ? path + HASH_LENGTH + 1 : path;
}

unsigned assets_codings(const struct asset *asset)
{
    unsigned codings = 0;

    for (int coding = CODING_IDENTITY; coding < CODINGS; coding++)
        if (asset->forms[coding].data != NULL)
            codings |= 1u << coding;
    return codings;
}
