#include "services/messengerctl/admin/admin_print.h"

#include <stdio.h>
#include <stdlib.h>

#include "services/common/base/json_writer.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "services/messengerctl/console.h"

_Static_assert((int)ADMIN_PRINT_DATE_SIZE == (int)TEXT_DATE_SIZE, "the same dates");

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t LAST_MS = INT64_C(253402300799999); /* of the year 9999 */
static const Messenger__User no_user = MESSENGER__USER__INIT;

/* The end of a session or a code, which is in seconds. */
static int64_t from_seconds(int64_t seconds)
{
    return seconds > 0 && seconds <= LAST_MS / 1000 ? seconds * 1000 : 0;
}

static const Messenger__User *user_of(const Messenger__UserRecord *record)
{
    return record->user != NULL ? record->user : &no_user;
}

/* --- for people ----------------------------------------------------------------------------- */

static void print_date(int64_t wall_ms, char out[ADMIN_PRINT_DATE_SIZE])
{
    if (wall_ms > 0 && wall_ms <= LAST_MS)
        text_iso_date(wall_ms, out);
    else
        snprintf(out, ADMIN_PRINT_DATE_SIZE, "-");
}

void admin_print_end(int64_t seconds, char out[ADMIN_PRINT_DATE_SIZE])
{
    print_date(from_seconds(seconds), out);
}

static void add_date(struct table *table, int64_t wall_ms)
{
    char date[ADMIN_PRINT_DATE_SIZE];

    print_date(wall_ms, date);
    table_add(table, date);
}

/* The caller frees it. */
static char *name_of(const Messenger__User *user)
{
    return xasprintf("%s%s%s", user->first_name, *user->last_name != '\0' ? " " : "",
                     user->last_name);
}

struct table admin_print_user_table(void)
{
    static const char *const titles[] = { "TAG", "NAME", "E-MAIL", "CREATED", "DISABLED" };

    return (struct table){ .titles = titles, .columns = COUNT_OF(titles) };
}

struct table admin_print_invite_table(void)
{
    static const char *const titles[] = {
        "ID", "MADE BY", "CREATED", "EXPIRES", "USED BY", "USED"
    };

    return (struct table){ .titles = titles, .columns = COUNT_OF(titles) };
}

static const char *disabled_word(const Messenger__UserRecord *record)
{
    if (record->deleted)
        return "deleted";
    return record->disabled ? "yes" : "no";
}

static void add_user(struct table *table, const Messenger__UserRecord *record)
{
    const Messenger__User *user = user_of(record);
    char *name = name_of(user);

    table_add(table, user->tag);
    table_add(table, name);
    table_add(table, record->email);
    add_date(table, record->created_ms);
    table_add(table, disabled_word(record));
    free(name);
}

static void add_invite(struct table *table, const Messenger__Invite *invite)
{
    table_add(table, invite->id);
    table_add(table, invite->creator_tag);
    add_date(table, invite->created_ms);
    add_date(table, from_seconds(invite->expires_at));
    table_add(table, invite->used_by_tag);
    add_date(table, invite->used_ms);
}

static void add_session(struct table *table, const Messenger__Session *session)
{
    table_add(table, session->id);
    add_date(table, session->seen_ms);
    add_date(table, session->created_ms);
    add_date(table, from_seconds(session->expires_at));
    table_add(table, session->address);
    table_add(table, session->device);
}

static void print_session_table(const Messenger__UserDetails *details)
{
    static const char *const titles[] = { "SESSION", "SEEN",    "CREATED",
                                          "EXPIRES", "ADDRESS", "DEVICE" };
    struct table table = { .titles = titles, .columns = COUNT_OF(titles) };

    for (size_t i = 0; i < details->n_sessions; i++)
        add_session(&table, details->sessions[i]);
    table_print(&table);
}

static void print_field(const char *title, const char *value)
{
    console_line("%-9s  %s", title, *value != '\0' ? value : "-");
}

static void print_record(const Messenger__UserRecord *record)
{
    const Messenger__User *user = user_of(record);
    char *name = name_of(user);
    char created[ADMIN_PRINT_DATE_SIZE];

    print_date(record->created_ms, created);
    print_field("tag", user->tag);
    print_field("name", name);
    print_field("e-mail", record->email);
    print_field("id", user->id);
    print_field("picture", user->img);
    print_field("created", created);
    print_field("disabled", record->disabled ? "yes" : "no");
    free(name);
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* Absent when there is none. */
static void put_date(struct json_writer *w, const char *name, int64_t wall_ms)
{
    char date[ADMIN_PRINT_DATE_SIZE];

    if (wall_ms <= 0 || wall_ms > LAST_MS)
        return;
    print_date(wall_ms, date);
    json_put_string(w, name, date);
}

static void put_text(struct json_writer *w, const char *name, const char *text)
{
    if (*text != '\0')
        json_put_string(w, name, text);
}

static void put_record(struct json_writer *w, const Messenger__UserRecord *record)
{
    const Messenger__User *user = user_of(record);

    json_put_string(w, "id", user->id);
    json_put_string(w, "tag", user->tag);
    json_put_string(w, "firstName", user->first_name);
    json_put_string(w, "lastName", user->last_name);
    json_put_string(w, "img", user->img);
    json_put_string(w, "email", record->email);
    put_date(w, "created", record->created_ms);
    json_put_bool(w, "disabled", record->disabled);
    if (record->deleted)
        json_put_bool(w, "deleted", true);
}

static void put_session(struct json_writer *w, const Messenger__Session *session)
{
    json_begin_object(w);
    json_put_string(w, "id", session->id);
    json_put_string(w, "device", session->device);
    json_put_string(w, "address", session->address);
    put_date(w, "created", session->created_ms);
    put_date(w, "seen", session->seen_ms);
    put_date(w, "expires", from_seconds(session->expires_at));
    json_end_object(w);
}

static void put_invite(struct json_writer *w, const Messenger__Invite *invite)
{
    json_begin_object(w);
    json_put_string(w, "id", invite->id);
    put_text(w, "creatorTag", invite->creator_tag);
    put_date(w, "created", invite->created_ms);
    put_date(w, "expires", from_seconds(invite->expires_at));
    put_text(w, "usedByTag", invite->used_by_tag);
    put_date(w, "used", invite->used_ms);
    json_end_object(w);
}

static void print_json(struct json_writer *w)
{
    console_json(buffer_text(&w->out));
    buffer_finish(&w->out);
    *w = (struct json_writer){ 0 };
}

/* --- either --------------------------------------------------------------------------------- */

void admin_print_users(struct table *table, bool json, const Messenger__UserRecords *users)
{
    struct json_writer w = { 0 };

    for (size_t i = 0; i < users->n_users; i++) {
        if (!json) {
            add_user(table, users->users[i]);
            continue;
        }
        json_begin_object(&w);
        put_record(&w, users->users[i]);
        json_end_object(&w);
        print_json(&w);
    }
    if (!json)
        table_print(table);
}

void admin_print_invites(struct table *table, bool json, const Messenger__InviteList *invites)
{
    struct json_writer w = { 0 };

    for (size_t i = 0; i < invites->n_invites; i++) {
        if (!json) {
            add_invite(table, invites->invites[i]);
            continue;
        }
        put_invite(&w, invites->invites[i]);
        print_json(&w);
    }
    if (!json)
        table_print(table);
}

void admin_print_sessions(bool json, const Messenger__UserDetails *details)
{
    struct json_writer w = { 0 };

    if (!json) {
        print_session_table(details);
        return;
    }
    for (size_t i = 0; i < details->n_sessions; i++) {
        put_session(&w, details->sessions[i]);
        print_json(&w);
    }
}

static void print_details_json(const Messenger__UserDetails *details)
{
    struct json_writer w = { 0 };

    json_begin_object(&w);
    put_record(&w, details->record);
    json_key(&w, "sessions");
    json_begin_array(&w);
    for (size_t i = 0; i < details->n_sessions; i++)
        put_session(&w, details->sessions[i]);
    json_end_array(&w);
    json_end_object(&w);
    print_json(&w);
}

void admin_print_details(bool json, const Messenger__UserDetails *details)
{
    if (json) {
        print_details_json(details);
        return;
    }
    print_record(details->record);
    console_line("%s", "");
    print_session_table(details);
}
