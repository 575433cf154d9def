#include "services/common/base/networks.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/common/base/text.h"

enum { ADDRESS_BYTES = 16, V4_BEGIN = 12, V4_BITS = 32, V6_BITS = 128 };

/* IPv4 is kept as IPv6 has it, behind ::ffff:, so that one comparison serves both. */
struct address {
    bool is_v4;
    unsigned char bytes[ADDRESS_BYTES];
};

struct network {
    struct address address;
    int bits; /* of `bytes`, which must be equal */
};

struct networks {
    size_t count;
    struct network items[];
};

static bool read_address(const char *text, struct address *out)
{
    static const unsigned char mapped[V4_BEGIN] = { [10] = 0xff, [11] = 0xff };

    *out = (struct address){ .is_v4 = false };
    if (inet_pton(AF_INET, text, out->bytes + V4_BEGIN) == 1) {
        memcpy(out->bytes, mapped, sizeof(mapped));
        out->is_v4 = true;
        return true;
    }
    if (inet_pton(AF_INET6, text, out->bytes) != 1)
        return false;
    out->is_v4 = memcmp(out->bytes, mapped, sizeof(mapped)) == 0;
    return true;
}

/* "10.0.0.0/8", or an address alone. The length of a range counts in the way it is written. */
static bool read_network(char *entry, struct network *out)
{
    char *slash = strchr(entry, '/');
    bool is_long = strchr(entry, ':') != NULL;
    int64_t bits = is_long ? V6_BITS : V4_BITS;

    if (slash != NULL) {
        *slash = '\0';
        if (!text_to_int(slash + 1, 0, bits, &bits))
            return false;
    }
    out->bits = (int)bits + (is_long ? 0 : V6_BITS - V4_BITS);
    if (!read_address(entry, &out->address))
        return false;
    /* A range as wide as ::/0 holds no IPv4 address, however that is kept. */
    out->address.is_v4 = out->address.is_v4 && out->bits >= V6_BITS - V4_BITS;
    return true;
}

struct networks *networks_parse(const char *list, char bad_out[NETWORKS_ENTRY_SIZE])
{
    /* No more entries than the list has bytes. */
    struct networks *networks =
        xcalloc(1, sizeof(*networks) + (strlen(list) + 1) * sizeof(networks->items[0]));

    for (list += strspn(list, ", "); *list != '\0'; list += strspn(list, ", ")) {
        size_t length = strcspn(list, ", ");
        char entry[NETWORKS_ENTRY_SIZE];
        snprintf(bad_out, NETWORKS_ENTRY_SIZE, "%.*s", (int)length, list);
        memcpy(entry, bad_out, sizeof(entry));
        if (length >= sizeof(entry) || !read_network(entry, &networks->items[networks->count++])) {
            networks_destroy(&networks);
            return NULL;
        }
        list += length;
    }
    return networks;
}

void networks_destroy(struct networks **networks)
{
    free(*networks);
    *networks = NULL;
}

static bool is_in(const struct network *network, const struct address *address)
{
    size_t whole = (size_t)network->bits / 8;
    int rest = network->bits % 8;

    if (network->address.is_v4 != address->is_v4 ||
        memcmp(network->address.bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 || (network->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

bool networks_contain(const struct networks *networks, const char *text)
{
    struct address address;

    if (!read_address(text, &address))
        return false;
    for (size_t i = 0; i < networks->count; i++)
        if (is_in(&networks->items[i], &address))
            return true;
    return false;
}

bool networks_is_address(const char *text)
{
    struct address address;
    return read_address(text, &address);
}
