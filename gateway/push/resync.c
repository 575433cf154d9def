#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "gateway/push/resync.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/gateway.h"
#include "gateway/push/logouts.h"
#include "message.pb-c.h"
#include "presence.pb-c.h"
#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"

enum { CONTACTS_MOST = 1000, RETRY_LEAST_MS = 100, RETRY_MOST_MS = 2000 };

/* How far back a change is asked for: longer than it takes to see that a connection is dead, and
 * than the clocks of two machines are apart. One that was told before is not told again. */
enum { LOOK_BACK_MS = 60 * 60 * 1000 };

struct catch_up {
    struct gateway *gateway;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    bool wanted, stopping;
    struct hashmap *unknown; /* keys of users whose contacts' presence was not known */
};

enum telling { TELL_CHANGED, TELL_ONLINE };

/* --- contacts who came or went ----------------------------------------------------------- */

static enum status tell_some(struct gateway *gateway, const struct rpc_context *context,
                             const char *key, const Messenger__ContactList *contacts,
                             enum telling telling)
{
    Messenger__GetChangedRequest request = MESSENGER__GET_CHANGED_REQUEST__INIT;
    Messenger__GetChangedReply *reply;

    request.n_tags = contacts->n_tags;
    request.tags = contacts->tags;
    if (telling == TELL_CHANGED)
        request.after = (uint64_t)(clock_wall_ms() - LOOK_BACK_MS) * 1000;
    enum status status = rpc_call(gateway->bus, context, "presence.GetChanged", &request.base,
                                  &messenger__get_changed_reply__descriptor, &reply, NULL);
    for (size_t i = 0; status == STATUS_OK && i < reply->n_states; i++) {
        const Messenger__GetChangedReply__State *state = reply->states[i];
        if (telling == TELL_CHANGED || state->online)
            deliver_presence(gateway->deliver, key, state->tag, state->change, state->online,
                             telling == TELL_ONLINE);
    }
    wire_free(reply);
    return status;
}

/* Nobody is told anything any more when the gateway stops. */
static bool is_stopping(const struct catch_up *catch_up)
{
    return atomic_load(&catch_up->gateway->stopping);
}

static enum status tell_user(struct catch_up *catch_up, const char *tag, enum telling telling)
{
    struct gateway *gateway = catch_up->gateway;
    Messenger__GetContactsRequest request = MESSENGER__GET_CONTACTS_REQUEST__INIT;
    Messenger__ContactList *contacts;
    char after[TAG_SIZE + 1] = "", key[TAG_SIZE];
    struct rpc_context context;
    enum status status = STATUS_OK;
    bool more = tag_to_key(tag, key);

    request.owner_tag = wire_borrow(tag);
    request.after_tag = after;
    while (status == STATUS_OK && more && !is_stopping(catch_up)) {
        rpc_context_start(&context, CATCH_UP_TIMEOUT_MS);
        status = rpc_call(gateway->bus, &context, "message.GetContacts", &request.base,
                          &messenger__contact_list__descriptor, &contacts, NULL);
        if (status != STATUS_OK)
            break;
        more = contacts->n_tags == CONTACTS_MOST;
        if (contacts->n_tags > 0) {
            status = tell_some(gateway, &context, key, contacts, telling);
            snprintf(after, sizeof(after), "%s", contacts->tags[contacts->n_tags - 1]);
        }
        wire_free(contacts);
    }
    return status;
}

/* --- the thread -------------------------------------------------------------------------- */

static void pause_before_retry(struct catch_up *catch_up, unsigned failures)
{
    struct timespec until = clock_after_ms(backoff_pause(failures, RETRY_LEAST_MS, RETRY_MOST_MS));

    pthread_mutex_lock(&catch_up->lock);
    if (!catch_up->stopping)
        pthread_cond_clockwait(&catch_up->cond, &catch_up->lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&catch_up->lock);
}

/* Until it can be done, or the user has no socket here any more. */
static void tell(struct catch_up *catch_up, const char *tag, enum telling telling)
{
    unsigned failures = 0;
    char key[TAG_SIZE];

    while (!is_stopping(catch_up) && tag_to_key(tag, key) &&
           registry_is_online(catch_up->gateway->registry, key) &&
           tell_user(catch_up, tag, telling) != STATUS_OK)
        pause_before_retry(catch_up, ++failures);
}

static void tell_everybody(struct catch_up *catch_up)
{
    unsigned failures = 0;
    size_t count;
    char **tags = registry_tags(catch_up->gateway->registry, &count);

    while (!is_stopping(catch_up) &&
           logouts_check_all(catch_up->gateway, CATCH_UP_TIMEOUT_MS) != STATUS_OK)
        pause_before_retry(catch_up, ++failures);
    for (size_t i = 0; i < count; i++) {
        tell(catch_up, tags[i], TELL_CHANGED);
        free(tags[i]);
    }
    free(tags);
}

/* Takes one of those whose contacts' presence was not known. */
static bool take_unknown_locked(struct catch_up *catch_up, char tag_out[TAG_SIZE + 1])
{
    size_t cursor = 0;
    const char *key;
    void *ignored;

    if (!hashmap_next(catch_up->unknown, &cursor, &key, &ignored))
        return false;
    snprintf(tag_out, TAG_SIZE + 1, "@%s", key);
    hashmap_remove(catch_up->unknown, tag_out + 1);
    return true;
}

static void run_resync(void *arg)
{
    struct catch_up *catch_up = arg;
    char tag[TAG_SIZE + 1];

    pthread_mutex_lock(&catch_up->lock);
    while (!catch_up->stopping) {
        bool everybody = catch_up->wanted;
        bool somebody = !everybody && take_unknown_locked(catch_up, tag);
        catch_up->wanted = false;
        if (!everybody && !somebody) {
            pthread_cond_wait(&catch_up->cond, &catch_up->lock);
            continue;
        }
        pthread_mutex_unlock(&catch_up->lock);
        if (everybody)
            tell_everybody(catch_up);
        else
            tell(catch_up, tag, TELL_ONLINE);
        pthread_mutex_lock(&catch_up->lock);
    }
    pthread_mutex_unlock(&catch_up->lock);
}

/* --- from any thread --------------------------------------------------------------------- */

void catch_up_begin(struct catch_up *catch_up)
{
    pthread_mutex_lock(&catch_up->lock);
    catch_up->wanted = true;
    pthread_cond_signal(&catch_up->cond);
    pthread_mutex_unlock(&catch_up->lock);
}

void catch_up_presence(struct catch_up *catch_up, const char *key)
{
    pthread_mutex_lock(&catch_up->lock);
    hashmap_put(catch_up->unknown, key, catch_up);
    pthread_cond_signal(&catch_up->cond);
    pthread_mutex_unlock(&catch_up->lock);
}

struct catch_up *catch_up_create(struct gateway *gateway)
{
    struct catch_up *catch_up = xcalloc(1, sizeof(*catch_up));

    catch_up->gateway = gateway;
    catch_up->unknown = hashmap_create();
    pthread_mutex_init(&catch_up->lock, NULL);
    pthread_cond_init(&catch_up->cond, NULL);
    catch_up->thread = thread_start("resync", run_resync, catch_up);
    return catch_up;
}

void catch_up_destroy(struct catch_up **catch_up)
{
    struct catch_up *c = *catch_up;

    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->cond);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    hashmap_destroy(&c->unknown);
    pthread_cond_destroy(&c->cond);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *catch_up = NULL;
}
