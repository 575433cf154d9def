#include "services/messengerctl/admin/admin_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.pb-c.h"
#include "services/common/base/id.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "services/common/rpc/wire.h"
#include "services/messengerctl/local_time.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/table.h"

enum { PAGE = 200, SHOWN = 100 /* to people, unless they say how many */ };

/* --- for people ------------------------------------------------------------------------------ */

static struct table audit_table(void)
{
    static const char *const titles[] = { "TIME", "KIND",    "OUTCOME", "TIMES", "USER",
                                          "BY",   "ADDRESS", "SUBJECT", "DEVICE" };

    return (struct table){ .titles = titles, .columns = sizeof(titles) / sizeof(titles[0]) };
}

static void add_entry(struct table *table, const Messenger__AuditEntry *entry)
{
    char time[LOCAL_TIME_SIZE], count[24];

    local_time_print(entry->at_ms, time);
    snprintf(count, sizeof(count), "%" PRId64, entry->count);
    table_add(table, time);
    table_add(table, entry->kind);
    table_add(table, entry->outcome);
    table_add(table, count);
    table_add(table, *entry->account_tag != '\0' ? entry->account_tag : entry->account_id);
    table_add(table, entry->by);
    table_add(table, entry->address);
    table_add(table, entry->subject);
    table_add(table, entry->device);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void put_date(struct json_writer *w, const char *name, int64_t wall_ms)
{
    static const int64_t last_ms = INT64_C(253402300799999); /* of the year 9999 */
    char date[TEXT_DATE_SIZE];

    if (wall_ms <= 0 || wall_ms > last_ms)
        return;
    text_iso_date(wall_ms, date);
    json_put_string(w, name, date);
}

static void put_text(struct json_writer *w, const char *name, const char *text)
{
    if (*text != '\0')
        json_put_string(w, name, text);
}

static void print_json(const Messenger__AuditEntry *entry)
{
    struct json_writer w = { 0 };

    json_begin_object(&w);
    json_put_string(&w, "id", entry->id);
    put_date(&w, "at", entry->at_ms);
    put_date(&w, "last", entry->last_ms);
    json_put_int(&w, "count", entry->count);
    json_put_string(&w, "kind", entry->kind);
    json_put_string(&w, "outcome", entry->outcome);
    put_text(&w, "by", entry->by);
    put_text(&w, "userId", entry->account_id);
    put_text(&w, "userTag", entry->account_tag);
    put_text(&w, "address", entry->address);
    put_text(&w, "subject", entry->subject);
    put_text(&w, "device", entry->device);
    json_end_object(&w);
    console_json(buffer_text(&w.out));
    buffer_finish(&w.out);
}

static void print_page(struct table *table, bool json, const Messenger__AuditEntries *page)
{
    for (size_t i = 0; i < page->n_entries; i++)
        if (json)
            print_json(page->entries[i]);
        else
            add_entry(table, page->entries[i]);
    if (!json)
        table_print(table);
}

/* --- asking ---------------------------------------------------------------------------------- */

/* An id of 24 hex digits, or an e-mail address, or a tag, to which the '@' is added. The caller
 * frees it. */
static char *name_of(const char *name)
{
    struct id id;

    return xasprintf("%s%s", strchr(name, '@') == NULL && !id_from_hex(name, &id) ? "@" : "", name);
}

/* Frees the former page. */
static Messenger__AuditEntries *fetch_page(struct admin_link *link,
                                           Messenger__ListAuditRequest *request,
                                           Messenger__AuditEntries *former)
{
    char *missing = xasprintf("no account has the tag or e-mail address %s", request->name);
    struct admin_call call = { "ListAudit", &request->base, &messenger__audit_entries__descriptor,
                               missing };
    Messenger__AuditEntries *page;

    if (former != NULL)
        request->before = former->next;
    bool done = admin_link_call(link, &call, &page);
    wire_free(former);
    free(missing);
    return done ? page : NULL;
}

/* At most `limit` entries; 0: all. */
static bool print_entries(struct admin_link *link, Messenger__ListAuditRequest *request, bool json,
                          int64_t limit)
{
    struct table table = audit_table();
    Messenger__AuditEntries *page = NULL;
    bool more = true;

    for (int64_t left = limit; more; left -= (int64_t)page->n_entries) {
        request->limit = limit > 0 && left < PAGE ? (uint32_t)left : PAGE;
        page = fetch_page(link, request, page);
        if (page == NULL)
            return false;
        print_page(&table, json, page);
        more = *page->next != '\0' && page->n_entries > 0 && console_is_written() &&
               (limit == 0 || left > (int64_t)page->n_entries);
    }
    wire_free(page);
    return true;
}

bool admin_audit_list(struct admin_link *link, const struct command_line *line)
{
    Messenger__ListAuditRequest request = MESSENGER__LIST_AUDIT_REQUEST__INIT;
    bool json = (line->options & OPTION_JSON) != 0;

    char *name = name_of(line->user != NULL ? line->user : "@");
    request.name = wire_borrow(line->user != NULL ? name : "");
    request.since_ms = line->since_ms;
    request.until_ms = line->until_ms;
    request.kind = wire_borrow(line->kind != NULL ? line->kind : "");
    request.address = wire_borrow(line->address != NULL ? line->address : "");
    bool done = print_entries(link, &request, json, line->limit > 0 || json ? line->limit : SHOWN);
    free(name);
    return done;
}
