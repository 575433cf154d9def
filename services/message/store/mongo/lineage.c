#include "services/message/store/mongo/lineage.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/id.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/documents.h"

#define LEFT_BEHIND_MS INT64_C(86400000) /* the beat of a process that is gone */

enum { OWNERS_MAX = 65536 /* known at a time */, BEAT_ID_SIZE = 8 + MESSAGE_MONGO_RUN_SIZE };

struct message_mongo_lineage {
    struct mongo_db *db;
    int64_t beat; /* stored: the beating thread's alone */

    pthread_mutex_t lock; /* guards what follows */
    char run[MESSAGE_MONGO_RUN_SIZE];
    bool first;
    struct hashmap *owners; /* that have a number in this run */
};

/* With the lock, if there are others. */
static void begin_run(struct message_mongo_lineage *lineage, bool first)
{
    id_random_hex(lineage->run, (MESSAGE_MONGO_RUN_SIZE - 1) / 2);
    lineage->first = first;
    hashmap_destroy(&lineage->owners);
    lineage->owners = hashmap_create();
}

static void name_beat(const struct message_mongo_lineage *lineage, char id_out[BEAT_ID_SIZE])
{
    snprintf(id_out, BEAT_ID_SIZE, "beat/%s", lineage->run);
}

struct message_mongo_lineage *message_mongo_lineage_start(struct mongo_db *db, bool creates)
{
    struct message_mongo_lineage *lineage = xcalloc(1, sizeof(*lineage));

    lineage->db = db;
    pthread_mutex_init(&lineage->lock, NULL);
    begin_run(lineage, creates);
    return lineage;
}

void message_mongo_lineage_stop(struct message_mongo_lineage **lineage)
{
    struct message_mongo_lineage *l = *lineage;
    char id[BEAT_ID_SIZE];

    if (l == NULL)
        return;
    name_beat(l, id);
    if (l->beat > 0 && mongo_delete(l->db, META, BCON_NEW("_id", BCON_UTF8(id))) != STATUS_OK)
        log_info("mongo: the beat of this process is left behind");
    hashmap_destroy(&l->owners);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *lineage = NULL;
}

/* --- the beat ------------------------------------------------------------------------------ */

static void take_beat(void *ctx, const bson_t *document)
{
    *(int64_t *)ctx = mongo_int(document, "beat");
}

static enum status write_beat(struct message_mongo_lineage *lineage, const char *id, int64_t beat)
{
    struct mongo_upsert upsert = {
        .filter = BCON_NEW("_id", BCON_UTF8(id)),
        .change = BCON_NEW("$set", "{", "beat", BCON_INT64(beat), "at",
                           BCON_DATE_TIME(clock_wall_ms()), "}"),
    };
    return mongo_upsert(lineage->db, META, &upsert, 1, MONGO_DURABLE);
}

/* If a process of another clock loses its beat by this, it begins a new run, which harms nobody. */
static void remove_left_behind(struct message_mongo_lineage *lineage)
{
    int64_t before_ms = clock_wall_ms() - LEFT_BEHIND_MS;
    bson_t *filter = BCON_NEW("_id", "{", "$gt", "beat/", "$lt", "beat0", "}", "at", "{", "$lt",
                              BCON_DATE_TIME(before_ms), "}");

    if (mongo_delete(lineage->db, META, filter) != STATUS_OK)
        log_debug("mongo: beats that were left behind are removed later");
}

static bool notice_turn(struct message_mongo_lineage *lineage, int64_t found)
{
    if (found >= lineage->beat)
        return false;
    log_error("the store was turned back from beat %" PRId64 " to %" PRId64
              ": clients that have seen more must read their lists again",
              lineage->beat, found);
    pthread_mutex_lock(&lineage->lock);
    begin_run(lineage, false);
    pthread_mutex_unlock(&lineage->lock);
    lineage->beat = 0;
    return true;
}

bool message_mongo_lineage_beat(struct message_mongo_lineage *lineage)
{
    char id[BEAT_ID_SIZE];
    int64_t found = 0;

    name_beat(lineage, id);
    if (lineage->beat == 0)
        remove_left_behind(lineage);
    else if (mongo_find(lineage->db, META, BCON_NEW("_id", BCON_UTF8(id)), NULL, take_beat,
                        &found) != STATUS_OK)
        return false;
    if (notice_turn(lineage, found))
        return true;
    /* From the one found: the answer to the last write may have been lost. */
    if (write_beat(lineage, id, found + 1) == STATUS_OK)
        lineage->beat = found + 1;
    return false;
}

/* --- writers ------------------------------------------------------------------------------- */

bool message_mongo_lineage_run(struct message_mongo_lineage *lineage,
                               char run_out[MESSAGE_MONGO_RUN_SIZE])
{
    pthread_mutex_lock(&lineage->lock);
    memcpy(run_out, lineage->run, MESSAGE_MONGO_RUN_SIZE);
    bool first = lineage->first;
    pthread_mutex_unlock(&lineage->lock);
    return first;
}

bool message_mongo_lineage_has(struct message_mongo_lineage *lineage, const char *run,
                               const char *owner_key)
{
    pthread_mutex_lock(&lineage->lock);
    bool has = strcmp(lineage->run, run) == 0 && hashmap_get(lineage->owners, owner_key) != NULL;
    pthread_mutex_unlock(&lineage->lock);
    return has;
}

void message_mongo_lineage_note(struct message_mongo_lineage *lineage, const char *run,
                                const char *owner_key)
{
    pthread_mutex_lock(&lineage->lock);
    if (strcmp(lineage->run, run) == 0) {
        if (hashmap_count(lineage->owners) >= OWNERS_MAX) {
            hashmap_destroy(&lineage->owners);
            lineage->owners = hashmap_create();
        }
        hashmap_put(lineage->owners, owner_key, lineage);
    }
    pthread_mutex_unlock(&lineage->lock);
}
