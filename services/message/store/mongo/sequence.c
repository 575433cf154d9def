#include "services/message/store/mongo/sequence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"

enum {
    MISSES_MAX = 8,
    ROUNDS_MAX = 2000,
    STEP_ID_SIZE = 8 + MESSAGE_MONGO_RUN_SIZE + CHANGE_ID_SIZE
};

/* A document of the log, which has a number. */
struct taken {
    uint64_t mod; /* 0: none was found */
    uint64_t to;  /* of a step: the number of the change that follows it */
    uint64_t given;
};

struct sequence_writer sequence_writer_of(struct mongo_db *db,
                                          struct message_mongo_lineage *lineage)
{
    struct sequence_writer writer = { .db = db, .lineage = lineage };

    writer.first_run = message_mongo_lineage_run(lineage, writer.run);
    return writer;
}

/* --- what is known ------------------------------------------------------------------------- */

static struct taken taken_of(const bson_t *document)
{
    return (struct taken){ .mod = (uint64_t)mongo_int(document, "mod"),
                           .to = (uint64_t)mongo_int(document, "to"),
                           .given = (uint64_t)mongo_int(document, "given") };
}

static void take_taken(void *ctx, const bson_t *document)
{
    *(struct taken *)ctx = taken_of(document);
}

static void take_mod(void *ctx, const bson_t *document)
{
    *(uint64_t *)ctx = (uint64_t)mongo_int(document, "mod");
}

void sequence_raise(struct sequence *sequence, uint64_t mod)
{
    if (mod > sequence->known)
        sequence->known = sequence->given = mod;
}

static void learn(struct sequence *sequence, const struct taken *taken)
{
    if (taken->to == 0) {
        sequence_raise(sequence, taken->mod);
    } else if (taken->to - 1 > sequence->known) {
        sequence->known = taken->to - 1;
        sequence->given = taken->given;
    }
}

/* The log's newest document, and the position, which may be behind it; a store that was copied
 * knows the position, not the changes that led to it. */
static enum status read_newest(struct mongo_db *db, const char *owner_key, struct taken *newest_out,
                               uint64_t *position_out)
{
    *newest_out = (struct taken){ 0 };
    *position_out = 0;
    enum status status =
        mongo_find(db, CHANGES, BCON_NEW("owner", BCON_UTF8(owner_key)),
                   BCON_NEW("sort", "{", "mod", BCON_INT32(-1), "}", "limit", BCON_INT64(1)),
                   take_taken, newest_out);
    if (status == STATUS_OK)
        status = mongo_find(db, POSITIONS, BCON_NEW("_id", BCON_UTF8(owner_key)), NULL, take_mod,
                            position_out);
    return status;
}

enum status sequence_newest(struct mongo_db *db, const char *owner_key, uint64_t *mod_out)
{
    struct taken newest;
    uint64_t position;

    enum status status = read_newest(db, owner_key, &newest, &position);
    uint64_t given = newest.to > 0 ? newest.given : newest.mod;
    *mod_out = given > position ? given : position;
    return status;
}

/* A number was found taken. When this is repeated, the position was far behind. */
static enum status go_on(struct sequence_writer *writer, struct sequence *sequence,
                         const struct taken *taken)
{
    struct taken newest;
    uint64_t position;

    learn(sequence, taken);
    if (++sequence->misses <= MISSES_MAX)
        return STATUS_OK;
    sequence->misses = 0;
    enum status status = read_newest(writer->db, sequence->owner, &newest, &position);
    if (status == STATUS_OK) {
        learn(sequence, &newest);
        sequence_raise(sequence, position);
    }
    return status;
}

/* --- the log ------------------------------------------------------------------------------- */

static enum status find_by_id(struct sequence_writer *writer, const char *id,
                              struct taken *taken_out)
{
    *taken_out = (struct taken){ 0 };
    return mongo_find(writer->db, CHANGES, BCON_NEW("_id", BCON_UTF8(id)), NULL, take_taken,
                      taken_out);
}

/* What has the number. */
static enum status find_by_mod(struct sequence_writer *writer, const struct sequence *sequence,
                               uint64_t mod, struct taken *taken_out)
{
    *taken_out = (struct taken){ .mod = mod }; /* if it is not visible yet */
    return mongo_find(
        writer->db, CHANGES,
        BCON_NEW("owner", BCON_UTF8(sequence->owner), "mod", BCON_INT64((int64_t)mod)), NULL,
        take_taken, taken_out);
}

/* A duplicate key: of the document with this id, which is then found, or of the number. */
static enum status resolve(struct sequence_writer *writer, struct sequence *sequence,
                           const char *id, uint64_t tried, struct taken *found_out)
{
    struct taken taken;

    enum status status = find_by_id(writer, id, found_out);
    if (status != STATUS_OK)
        return status;
    learn(sequence, found_out);
    if (found_out->mod != 0)
        return STATUS_OK;
    status = find_by_mod(writer, sequence, tried, &taken);
    return status == STATUS_OK ? go_on(writer, sequence, &taken) : status;
}

void sequence_take(struct sequence_writer *writer, struct sequence *sequence, uint64_t mod)
{
    sequence->known = sequence->given = mod;
    message_mongo_lineage_note(writer->lineage, writer->run, sequence->owner);
}

enum status sequence_resolve(struct sequence_writer *writer, struct sequence *sequence,
                             const char *change_id, uint64_t tried, uint64_t *mod_out)
{
    struct taken found;

    enum status status = resolve(writer, sequence, change_id, tried, &found);
    *mod_out = found.mod;
    return status;
}

/* --- steps --------------------------------------------------------------------------------- */

/* One try to make a step. */
struct attempt {
    struct sequence *sequence;
    bson_t *document;
    char id[STEP_ID_SIZE];
    struct taken step;
};

static void plan_step(struct sequence_writer *writer, struct sequence *sequence,
                      struct attempt *attempt)
{
    uint32_t random;

    id_random_bytes(&random, sizeof(random));
    attempt->sequence = sequence;
    attempt->step = (struct taken){ .mod = sequence->known + 1,
                                    .to = sequence->known + 2 + random,
                                    .given = sequence->given };
    snprintf(attempt->id, sizeof(attempt->id), "%s/step/%s", sequence->owner, writer->run);
    attempt->document = BCON_NEW("_id", BCON_UTF8(attempt->id), "owner", BCON_UTF8(sequence->owner),
                                 "mod", BCON_INT64((int64_t)attempt->step.mod), "kind",
                                 BCON_UTF8("step"), "to", BCON_INT64((int64_t)attempt->step.to),
                                 "given", BCON_INT64((int64_t)attempt->step.given));
}

/* The number is taken, or the run has its step, made by another thread or before it was forgotten.
 */
static enum status resolve_step(struct sequence_writer *writer, struct attempt *attempt)
{
    struct taken found;

    enum status status = resolve(writer, attempt->sequence, attempt->id, attempt->step.mod, &found);
    attempt->sequence->begun = found.mod != 0;
    return status;
}

static enum status try_steps(struct sequence_writer *writer, struct attempt *attempts, size_t count)
{
    bson_t **documents = xcalloc(count, sizeof(*documents));
    enum status *outcomes = xcalloc(count, sizeof(*outcomes));

    for (size_t i = 0; i < count; i++)
        documents[i] = attempts[i].document;
    enum status status = mongo_insert(writer->db, CHANGES, documents, count, false, outcomes);
    for (size_t i = 0; i < count; i++) {
        if (status == STATUS_OK && outcomes[i] == STATUS_OK) {
            learn(attempts[i].sequence, &attempts[i].step);
            attempts[i].sequence->begun = true;
        } else if (status == STATUS_OK) {
            status = resolve_step(writer, &attempts[i]);
        }
        bson_destroy(documents[i]);
    }
    free(outcomes);
    free(documents);
    return status;
}

/* All numbers of a database whose first run goes on were given by it. */
static bool needs_step(struct sequence_writer *writer, struct sequence *sequence)
{
    if (!sequence->begun)
        sequence->begun = writer->first_run ||
                          message_mongo_lineage_has(writer->lineage, writer->run, sequence->owner);
    return !sequence->begun;
}

enum status sequence_begin(struct sequence_writer *writer, struct sequence *sequences, size_t count)
{
    struct attempt *attempts = xcalloc(count, sizeof(*attempts));
    enum status status = STATUS_OK;
    size_t n = 1;

    for (int rounds = 0; status == STATUS_OK && n > 0 && rounds < ROUNDS_MAX; rounds++) {
        n = 0;
        for (size_t i = 0; i < count; i++)
            if (needs_step(writer, &sequences[i]))
                plan_step(writer, &sequences[i], &attempts[n++]);
        if (n > 0)
            status = try_steps(writer, attempts, n);
    }
    free(attempts);
    if (status == STATUS_OK && n > 0)
        log_warn("mongo: no number could be had for the steps of %zu users", n);
    return status == STATUS_OK && n > 0 ? STATUS_UNAVAILABLE : status;
}
