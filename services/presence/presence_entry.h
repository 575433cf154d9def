#ifndef PRESENCE_PRESENCE_ENTRY_H
#define PRESENCE_PRESENCE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/tag.h"

/*
 * One user in the bucket: where the user has sockets, and how far the contacts have been notified.
 *
 * Of each user, one event at a time is published, by whichever instance: `sent` is its number, and
 * it is repeated until it is acknowledged. What changes meanwhile waits in the entry, and is
 * condensed to at most two events that follow, so that online and offline alternate.
 */
enum { GATEWAY_ID_SIZE = 33, GATEWAYS_MAX = 256 };

struct presence_entry {
    char tag[TAG_SIZE]; /* as the gateways report it */
    char (*gateways)[GATEWAY_ID_SIZE];
    size_t gateway_count; /* 0: offline */
    uint64_t change;      /* increases with each change from offline to online or back */
    uint64_t sent;        /* the last event published; at most `change` */
    bool sent_online;     /* its state */
    bool announced;       /* it is acknowledged, and is the last change: nothing is to be sent */
};

/* Frees what the entry owns. */
void presence_entry_finish(struct presence_entry *entry);

struct presence_entry presence_entry_copy(const struct presence_entry *entry);
bool presence_entry_has(const struct presence_entry *entry, const char *gateway_id);

/* Adds or removes a gateway; false when that changes nothing, or the entry is full. */
bool presence_entry_set(struct presence_entry *entry, const char *gateway_id, bool online);

/* The user went online or offline with the change `change`, greater than all before. True: the
 * event `sent` is new, and must be published once the entry is stored. */
bool presence_entry_turn(struct presence_entry *entry, uint64_t change);

/* The contacts have been notified of the event `sent`. False: that was known, nothing changes.
 * Afterwards either the entry is announced, or its event `sent` is a new one, to be published once
 * the entry is stored. */
bool presence_entry_acknowledge(struct presence_entry *entry, uint64_t sent);

/* The bytes of a bucket's value and back; false when they are none. The caller finishes the
 * entry in either case. */
struct buffer;
void presence_entry_pack(const struct presence_entry *entry, struct buffer *out);
bool presence_entry_unpack(const void *data, size_t length, struct presence_entry *entry_out);

#endif
