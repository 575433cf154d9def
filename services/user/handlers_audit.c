#include "services/user/handlers_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.pb-c.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "services/common/rpc/wire.h"
#include "services/user/caller.h"
#include "services/user/login/client_network.h"
#include "services/user/named_user.h"

enum { LISTED_MAX = 500, PLACE_SIZE = 20 + 1 + ID_HEX + 1 };

/* --- places: "<milliseconds>-<id>", opaque to callers ---------------------------------------- */

static void print_place(const struct user_audit_place *place, char out[PLACE_SIZE])
{
    char hex[ID_HEX + 1];

    id_to_hex(&place->id, hex);
    snprintf(out, PLACE_SIZE, "%" PRId64 "-%s", place->at_ms, hex);
}

static bool read_place(const char *text, struct user_audit_place *place_out)
{
    const char *dash = strchr(text, '-');
    char number[PLACE_SIZE];

    if (dash == NULL || dash - text >= PLACE_SIZE)
        return false;
    snprintf(number, sizeof(number), "%.*s", (int)(dash - text), text);
    return text_to_int(number, 0, INT64_MAX, &place_out->at_ms) &&
           id_from_hex(dash + 1, &place_out->id);
}

/* --- what is asked for ----------------------------------------------------------------------- */

/* What a filter points to. */
struct query {
    struct user_audit_filter filter;
    struct user_audit_place before;
    struct id account;
    char address[CLIENT_NETWORK_SIZE], network[CLIENT_NETWORK_SIZE];
};

/* What is wrong with a page that is asked for; NULL: nothing. */
static const char *set_page(const char *before, uint32_t limit, struct query *query)
{
    query->before.at_ms = INT64_MAX;
    query->filter.before = &query->before;
    if (limit == 0 || limit > LISTED_MAX)
        return "limit: must be 1 to 500";
    return *before == '\0' || read_place(before, &query->before)
               ? NULL
               : "before: is none of an answer's next";
}

/* Also failures, which have the network. */
static void set_address(const Messenger__ListAuditRequest *wanted, struct query *query)
{
    query->filter.address = query->address;
    query->filter.network = query->network;
    client_network_of(wanted->address, query->address, query->network);
}

static const char *set_filter(const Messenger__ListAuditRequest *wanted, struct query *query)
{
    const struct user_audit_place until = { .at_ms = wanted->until_ms };

    *query = (struct query){ .filter = { .kind = wanted->kind, .since_ms = wanted->since_ms } };
    set_address(wanted, query);
    if (*wanted->kind != '\0' && !audit_kinds_has(wanted->kind))
        return "kind: is none";
    if (wanted->since_ms < 0 || wanted->until_ms < 0)
        return "since_ms, until_ms: must not be negative";
    const char *problem = set_page(wanted->before, wanted->limit, query);
    if (until.at_ms != 0 && until.at_ms <= query->before.at_ms)
        query->before = until;
    return problem;
}

/* 24 hex digits are an id, also of an account that is gone. A tag may have '@'. */
static enum status set_account(struct user_service *service, const char *name, struct query *query)
{
    enum status status = STATUS_OK;
    struct user user;

    if (*name == '\0')
        return STATUS_OK;
    if (!id_from_hex(name, &query->account)) {
        status = named_user_find(service, name, &user);
        if (status != STATUS_OK)
            return status;
        query->account = user.id;
        memory_wipe(user.password_hash, sizeof(user.password_hash));
    }
    query->filter.account = &query->account;
    return status;
}

/* --- the answer ------------------------------------------------------------------------------ */

struct view {
    Messenger__AuditEntry entry;
    char id[ID_HEX + 1], account[ID_HEX + 1];
};

static void set_view(const struct user_audit_entry *entry, struct view *view)
{
    static const struct id none = { { 0 } };

    messenger__audit_entry__init(&view->entry);
    id_to_hex(&entry->place.id, view->id);
    if (memcmp(&entry->account, &none, sizeof(none)) != 0)
        id_to_hex(&entry->account, view->account);
    view->entry.id = view->id;
    view->entry.at_ms = entry->place.at_ms;
    view->entry.last_ms = entry->last_ms;
    view->entry.count = entry->count;
    view->entry.kind = wire_borrow(entry->kind);
    view->entry.outcome = wire_borrow(entry->outcome);
    view->entry.by = wire_borrow(entry->by);
    view->entry.account_id = view->account;
    view->entry.account_tag = wire_borrow(entry->account_tag);
    view->entry.address = wire_borrow(entry->address);
    view->entry.device = wire_borrow(entry->device);
    view->entry.subject = wire_borrow(entry->subject);
}

static void reply_entries(struct rpc_request *call, const struct user_audit_list *list, bool more)
{
    struct view *views = xcalloc(list->count, sizeof(*views));
    Messenger__AuditEntry **pointers = xcalloc(list->count, sizeof(*pointers));
    Messenger__AuditEntries reply = MESSENGER__AUDIT_ENTRIES__INIT;
    char next[PLACE_SIZE] = "";

    for (size_t i = 0; i < list->count; i++) {
        set_view(&list->items[i], &views[i]);
        pointers[i] = &views[i].entry;
    }
    if (more)
        print_place(&list->items[list->count - 1].place, next);
    reply.n_entries = list->count;
    reply.entries = pointers;
    reply.next = next;
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(views);
}

/* `status` is that of the account. */
static void list(struct user_service *service, struct rpc_request *call, enum status status,
                 const struct query *query, size_t limit, const char *missing)
{
    struct user_audit_list found;

    if (status == STATUS_OK)
        status = user_store_list_audit(service->store, &query->filter, limit, &found);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, missing);
        return;
    }
    reply_entries(call, &found, found.count == limit);
    free(found.items);
}

void handle_list_audit(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__ListAuditRequest *wanted = request;
    struct query query;

    const char *problem = set_filter(wanted, &query);
    if (problem != NULL)
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
    else
        list(ctx, call, set_account(ctx, wanted->name, &query), &query, wanted->limit,
             "name: no such user");
}

void handle_list_own_audit(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__ListOwnAuditRequest *wanted = request;
    struct query query = { .filter = { .kind = "", .address = "", .network = "" } };
    struct user user;

    const char *problem = set_page(wanted->before, wanted->limit, &query);
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    enum status status = caller_load_account(ctx, wanted->account, &user);
    query.filter.account = &user.id;
    list(ctx, call, status, &query, wanted->limit, "the account does not exist");
    memory_wipe(user.password_hash, sizeof(user.password_hash));
}
