#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/message/store/message_store.h"
#include "tests/bench/fail.h"
#include "tests/bench/fill_sqlite.h"
#include "tests/bench/people.h"

/* Dates: the first message was long ago, and each comes so much after the one before. */
enum { DATE_STEP_MS = 20 };
static const int64_t first_date_ms = 1600000000000;

enum { INSERT_ACCOUNT, INSERT_CONVERSATION, INSERT_MESSAGE, INSERT_DIALOG };

struct conversation {
    uint32_t one, other; /* `one` writes first, then they take turns */
    uint32_t last_seq;
    uint32_t one_mod, other_mod; /* their user sequences at the last message */
    int64_t last_date_ms;
};

struct filling {
    const struct fill *fill;
    struct fill_db *db;
    struct conversation *conversations;
    uint32_t count;
    uint32_t *user_seqs;
    int64_t messages; /* so far */
    char *text;
};

static void make_tables(const char *path)
{
    char *url = xasprintf("sqlite://%s", path);
    struct message_store *store = NULL;

    if (message_store_open(url, &store) != STATUS_OK)
        fail("%s cannot be made", path);
    message_store_close(&store);
    free(url);
}

static struct id make_id(int64_t number)
{
    uint64_t high = people_mix((uint64_t)number), low = people_mix(high);
    struct id id;

    memcpy(id.bytes, &high, sizeof(high));
    memcpy(id.bytes + sizeof(high), &low, ID_BYTES - sizeof(high));
    return id;
}

static int64_t account(uint32_t user)
{
    return (int64_t)user + 1;
}

static void add_message(struct filling *f, uint32_t number)
{
    struct conversation *c = &f->conversations[number];
    bool by_one = c->last_seq++ % 2 == 0;
    uint32_t sender = by_one ? c->one : c->other, receiver = by_one ? c->other : c->one;
    int64_t sender_mod = ++f->user_seqs[sender], receiver_mod = ++f->user_seqs[receiver];
    struct id id = make_id(f->messages);

    c->last_date_ms = first_date_ms + f->messages * DATE_STEP_MS;
    c->one_mod = f->user_seqs[c->one];
    c->other_mod = f->user_seqs[c->other];
    fill_run(f->db, INSERT_MESSAGE, "ibiiiitii", ((int64_t)number + 1) << 32 | c->last_seq, &id,
             account(sender), account(receiver), c->last_date_ms, (int64_t)(c->last_seq + 1) / 2,
             f->text, sender_mod, receiver_mod);
    f->messages++;
}

static void add_dialog(struct filling *f, uint32_t number, bool of_one)
{
    const struct conversation *c = &f->conversations[number];
    int64_t by_one = (c->last_seq + 1) / 2, by_other = c->last_seq / 2;

    fill_run(f->db, INSERT_DIALOG, "iiiiiiii", account(of_one ? c->one : c->other),
             account(of_one ? c->other : c->one), (int64_t)number + 1, (int64_t)c->last_seq,
             c->last_date_ms, (int64_t)(of_one ? c->one_mod : c->other_mod),
             of_one ? by_other : by_one, of_one ? by_one : by_other);
}

/* --- who writes with whom ---------------------------------------------------------------- */

static void pair_up(struct filling *f, uint32_t one, uint32_t other)
{
    f->conversations[f->count++] = (struct conversation){ .one = one, .other = other };
}

static void pair_all_up(struct filling *f)
{
    const struct fill *fill = f->fill;
    uint32_t ring = fill->rounds > 0 ? fill->users - FILL_SPECIAL_USERS : 0;

    f->conversations =
        xcalloc((size_t)ring * FILL_RING_STEPS + fill->contacts + 1, sizeof(*f->conversations));
    for (uint32_t i = 0; i < ring; i++)
        for (uint32_t step = 1; step <= FILL_RING_STEPS; step++)
            pair_up(f, i, (i + step) % ring);
    for (uint32_t i = 0; i < fill->contacts; i++)
        pair_up(f, i, fill->users - 1);
    if (fill->deep > 0)
        pair_up(f, fill->users - 3, fill->users - 2);
}

static void write_messages(struct filling *f)
{
    const struct fill *fill = f->fill;
    uint32_t special = fill->contacts + (fill->deep > 0), ring = f->count - special;

    for (uint32_t round = 0; round < fill->rounds; round++)
        for (uint32_t i = 0; i < ring; i++)
            add_message(f, i);
    for (uint32_t round = 0; round < FILL_HUB_MESSAGES; round++)
        for (uint32_t i = 0; i < fill->contacts; i++)
            add_message(f, ring + i);
    for (uint32_t i = 0; i < fill->deep; i++)
        add_message(f, f->count - 1);
}

void fill_messages(const struct fill *fill, const char *path)
{
    struct filling f = { .fill = fill };

    make_tables(path);
    f.db = fill_open(path);
    f.user_seqs = xcalloc(fill->users, sizeof(*f.user_seqs));
    f.text = xmalloc(fill->text_bytes + 1);
    memset(f.text, 'x', fill->text_bytes);
    f.text[fill->text_bytes] = '\0';
    fill_prepare(f.db, "INSERT INTO account (id, key, tag, user_seq) VALUES (?,?,?,?)");
    fill_prepare(f.db, "INSERT INTO conversation (id) VALUES (?)");
    fill_prepare(f.db, "INSERT INTO message (rowid, id, sender, receiver, date_ms, sender_count,"
                       " text, sender_mod, receiver_mod) VALUES (?,?,?,?,?,?,?,?,?)");
    fill_prepare(f.db, "INSERT INTO dialog (owner, peer, conversation, last_seq, last_date_ms,"
                       " last_mod, mod, in_count, out_count, in_read, out_read)"
                       " VALUES (?,?,?,?,?,?,?6,?7,?8,0,0)");
    pair_all_up(&f);
    write_messages(&f);
    for (uint32_t i = 0; i < f.count; i++) {
        fill_run(f.db, INSERT_CONVERSATION, "i", (int64_t)i + 1);
        add_dialog(&f, i, true);
        add_dialog(&f, i, false);
    }
    for (uint32_t i = 0; i < fill->users; i++) {
        char tag[TAG_SIZE];
        people_tag(i, tag);
        if (f.user_seqs[i] > 0)
            fill_run(f.db, INSERT_ACCOUNT, "itti", account(i), tag + 1, tag,
                     (int64_t)f.user_seqs[i]);
    }
    fill_close(&f.db);
    free(f.conversations);
    free(f.user_seqs);
    free(f.text);
}
