#include "services/presence/presence_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "presence.pb-c.h"
#include "services/common/base/buffer.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"

void presence_entry_finish(struct presence_entry *entry)
{
    free(entry->gateways);
    *entry = (struct presence_entry){ .tag = "" };
}

static size_t find_gateway(const struct presence_entry *entry, const char *gateway_id)
{
    size_t i = 0;
    while (i < entry->gateway_count && strcmp(entry->gateways[i], gateway_id) != 0)
        i++;
    return i;
}

bool presence_entry_has(const struct presence_entry *entry, const char *gateway_id)
{
    return find_gateway(entry, gateway_id) < entry->gateway_count;
}

static void append_gateway(struct presence_entry *entry, const char *gateway_id)
{
    entry->gateways =
        xrealloc(entry->gateways, (entry->gateway_count + 1) * sizeof(*entry->gateways));
    snprintf(entry->gateways[entry->gateway_count++], GATEWAY_ID_SIZE, "%s", gateway_id);
}

bool presence_entry_set(struct presence_entry *entry, const char *gateway_id, bool online)
{
    size_t i = find_gateway(entry, gateway_id);
    bool is_there = i < entry->gateway_count;

    if (is_there == online || (online && entry->gateway_count >= GATEWAYS_MAX))
        return false;
    if (online)
        append_gateway(entry, gateway_id);
    else
        memcpy(entry->gateways[i], entry->gateways[--entry->gateway_count], GATEWAY_ID_SIZE);
    return true;
}

struct presence_entry presence_entry_copy(const struct presence_entry *entry)
{
    struct presence_entry copy = *entry;

    copy.gateways = NULL;
    if (entry->gateway_count > 0) {
        copy.gateways = xcalloc(entry->gateway_count, sizeof(*copy.gateways));
        memcpy(copy.gateways, entry->gateways, entry->gateway_count * sizeof(*copy.gateways));
    }
    return copy;
}

bool presence_entry_turn(struct presence_entry *entry, uint64_t change)
{
    bool publish = entry->announced;

    entry->change = change;
    if (publish) {
        entry->announced = false;
        entry->sent = change;
        entry->sent_online = entry->gateway_count > 0;
    }
    return publish;
}

bool presence_entry_acknowledge(struct presence_entry *entry, uint64_t sent)
{
    bool online = entry->gateway_count > 0;

    if (entry->announced || entry->sent != sent)
        return false;
    if (entry->change == sent) {
        entry->announced = true;
    } else {
        /* The same state again: there were at least two changes, so a number is free between. */
        entry->sent = online != entry->sent_online ? entry->change : entry->change - 1;
        entry->sent_online = !entry->sent_online;
    }
    return true;
}

void presence_entry_pack(const struct presence_entry *entry, struct buffer *out)
{
    Messenger__PresenceEntry message = MESSENGER__PRESENCE_ENTRY__INIT;
    char *gateways[GATEWAYS_MAX];

    for (size_t i = 0; i < entry->gateway_count; i++)
        gateways[i] = entry->gateways[i];
    message.tag = wire_borrow(entry->tag);
    message.gateways = gateways;
    message.n_gateways = entry->gateway_count;
    message.announced = entry->announced;
    message.change = entry->change;
    message.sent = entry->sent;
    message.sent_online = entry->sent_online;
    wire_pack(&message.base, out);
}

bool presence_entry_unpack(const void *data, size_t length, struct presence_entry *entry_out)
{
    Messenger__PresenceEntry *message =
        wire_unpack(&messenger__presence_entry__descriptor, data, length);

    *entry_out = (struct presence_entry){ .tag = "" };
    if (message == NULL || strlen(message->tag) >= TAG_SIZE) {
        wire_free(message);
        return false;
    }
    snprintf(entry_out->tag, sizeof(entry_out->tag), "%s", message->tag);
    entry_out->announced = message->announced;
    entry_out->change = message->change;
    /* An instance of an earlier version has published every change. */
    entry_out->sent = message->sent != 0 ? message->sent : message->change;
    entry_out->sent_online = message->sent != 0 ? message->sent_online : message->n_gateways > 0;
    for (size_t i = 0; i < message->n_gateways && i < GATEWAYS_MAX; i++)
        append_gateway(entry_out, message->gateways[i]);
    wire_free(message);
    return true;
}
