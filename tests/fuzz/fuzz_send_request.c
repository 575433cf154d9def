/* Bytes from the bus: a SendRequest that was read, written and read again is the same. Fields that
 * this version does not know do not count: the library keeps some that it could not read again. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "message.pb-c.h"
#include "services/common/rpc/wire.h"

static Messenger__SendRequest *unpack(const void *data, size_t size)
{
    return wire_unpack(&messenger__send_request__descriptor, data, size);
}

static void check_strings(const Messenger__SendRequest *request, size_t size)
{
    const char *const strings[] = { request->sender_tag, request->receiver_tag, request->text,
                                    request->client_message_id, request->origin };
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        assert(strings[i] != NULL && strlen(strings[i]) <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Messenger__SendRequest *request = unpack(data, size);
    struct buffer once = { 0 }, twice = { 0 };

    if (request == NULL)
        return 0;
    check_strings(request, size);
    unsigned unknown = request->base.n_unknown_fields;
    request->base.n_unknown_fields = 0;
    wire_pack(&request->base, &once);
    request->base.n_unknown_fields = unknown; /* to be freed */
    Messenger__SendRequest *back = unpack(once.data, once.length);
    assert(back != NULL);
    assert(strcmp(back->sender_tag, request->sender_tag) == 0);
    assert(strcmp(back->receiver_tag, request->receiver_tag) == 0);
    assert(strcmp(back->text, request->text) == 0);
    assert(strcmp(back->client_message_id, request->client_message_id) == 0);
    assert(strcmp(back->origin, request->origin) == 0);
    wire_pack(&back->base, &twice);
    assert(once.length == twice.length);
    assert(once.length == 0 || memcmp(once.data, twice.data, once.length) == 0);
    wire_free(request);
    wire_free(back);
    buffer_finish(&once);
    buffer_finish(&twice);
    return 0;
}

size_t fuzz_seed(unsigned number, uint8_t *out, size_t capacity)
{
    static char texts[][16] = { "", "@amy", "@bob", "hi \xF0\x9F\x98\x80", "c-1" };
    Messenger__SendRequest request = MESSENGER__SEND_REQUEST__INIT;
    struct buffer packed = { 0 };

    if (number >= 4)
        return 0;
    request.sender_tag = texts[1];
    request.receiver_tag = texts[number > 0 ? 2 : 0];
    request.text = texts[number > 1 ? 3 : 0];
    request.client_message_id = texts[number > 2 ? 4 : 0];
    wire_pack(&request.base, &packed);
    size_t size = packed.length <= capacity ? packed.length : 0;
    memcpy(out, packed.data, size);
    buffer_finish(&packed);
    return size;
}
