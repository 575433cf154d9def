/*
 * services/message/store/message_store: many threads and processes at once, and processes that are
 * killed. What every kind of message store keeps to, like test_message_store.c.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "services/common/base/log.h"
#include "tests/unit/message/store/message_store_client.h"
#include "tests/unit/process.h"

/* --- many at once -------------------------------------------------------------------------- */

enum {
    CROWD_PROCESSES = 2,
    CROWD_THREADS = 16,
    CROWD_SENDS = 100,
    CROWD_ALL = CROWD_PROCESSES * CROWD_THREADS * CROWD_SENDS
};

/* What each send yielded, in memory that all processes share. */
struct crowd_result {
    uint64_t seq, user_seqs[2]; /* of amy, of bob: who have this one conversation, so the same */
};

struct crowd {
    char url[STORE_URL_SIZE];
    struct crowd_result *results; /* of this process */
    struct message_store *store;
    atomic_uint next_thread, failures;
};

static void *send_in_the_crowd(void *arg)
{
    struct crowd *crowd = arg;
    unsigned thread = atomic_fetch_add(&crowd->next_thread, 1);
    size_t amy_sends = thread % 2;
    for (unsigned i = 0; i < CROWD_SENDS; i++) {
        struct message_send send =
            letter(amy_sends ? "@amy" : "@bob", amy_sends ? "@bob" : "@amy", "in the crowd");
        send.now_ms += thread * 1000 + i; /* clocks that disagree */
        if (send_and_wait(crowd->store, &send) != STATUS_OK || send.repeated)
            atomic_fetch_add(&crowd->failures, 1);
        struct crowd_result *result = &crowd->results[thread * CROWD_SENDS + i];
        result->seq = send.seq;
        result->user_seqs[0] = amy_sends ? send.sender_user_seq : send.receiver_user_seq;
        result->user_seqs[1] = amy_sends ? send.receiver_user_seq : send.sender_user_seq;
    }
    return NULL;
}

static int be_a_crowd(void *arg)
{
    struct crowd *crowd = arg;
    pthread_t threads[CROWD_THREADS];
    if (message_store_open(crowd->url, &crowd->store) != STATUS_OK)
        return 1;
    for (size_t i = 0; i < CROWD_THREADS; i++)
        if (pthread_create(&threads[i], NULL, send_in_the_crowd, crowd) != 0)
            return 2;
    for (size_t i = 0; i < CROWD_THREADS; i++)
        pthread_join(threads[i], NULL);
    message_store_close(&crowd->store);
    return crowd->failures == 0 ? 0 : 3;
}

/* 1, 2, 3... each once, and each user's numbers rise with the messages. */
static void assert_counts_up(const struct crowd_result *results)
{
    static const struct crowd_result *by_seq[CROWD_ALL + 1];
    memset(by_seq, 0, sizeof(by_seq));
    for (size_t i = 0; i < CROWD_ALL; i++) {
        assert_in_range(results[i].seq, 1, CROWD_ALL);
        assert_null(by_seq[results[i].seq]);
        by_seq[results[i].seq] = &results[i];
    }
    for (size_t seq = 2; seq <= CROWD_ALL; seq++)
        for (size_t user = 0; user < 2; user++)
            assert_true(by_seq[seq]->user_seqs[user] > by_seq[seq - 1]->user_seqs[user]);
}

static void concurrent_senders_cause_no_gap_no_duplicate_and_one_order(void **state)
{
    struct fixture *f = *state;
    size_t size = sizeof(struct crowd_result) * CROWD_ALL;
    struct crowd_result *results =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[CROWD_PROCESSES];
    assert_true(results != MAP_FAILED);
    for (size_t i = 0; i < CROWD_PROCESSES; i++) {
        struct crowd crowd = { .results = results + i * CROWD_THREADS * CROWD_SENDS };
        memcpy(crowd.url, f->url, sizeof(crowd.url));
        pids[i] = process_start(be_a_crowd, &crowd);
    }
    assert_processes_went_well(pids, CROWD_PROCESSES);
    assert_counts_up(results);
    reopen(f);
    struct message_list list = messages(f, "amy", "bob", 0, MANY, 0);
    assert_int_equal(list.count, CROWD_ALL);
    message_list_finish(&list);
    check_user(f, "@amy");
    check_user(f, "@bob");
    munmap(results, size);
}

enum { REPEATS = 100 };

static void *send_the_same(void *arg)
{
    struct crowd *crowd = arg;
    unsigned thread = atomic_fetch_add(&crowd->next_thread, 1);
    for (unsigned i = 0; i < REPEATS; i++) {
        struct message_send send = letter("@amy", "@bob", "once");
        char client_id[32];
        snprintf(client_id, sizeof(client_id), "same-%u", i);
        send.client_message_id = client_id;
        if (send_and_wait(crowd->store, &send) != STATUS_OK)
            atomic_fetch_add(&crowd->failures, 1);
        struct crowd_result *result = &crowd->results[thread * REPEATS + i];
        result->seq = send.seq;
        result->user_seqs[0] = send.repeated;
    }
    return NULL;
}

static void the_same_message_sent_concurrently_is_stored_once(void **state)
{
    struct fixture *f = *state;
    enum { THREADS = 8 };
    static struct crowd_result results[THREADS * REPEATS];
    struct crowd crowd = { .results = results, .store = f->store };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_the_same, &crowd), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.failures, 0);
    for (size_t i = 0; i < REPEATS; i++) {
        size_t first = 0;
        for (size_t thread = 0; thread < THREADS; thread++) {
            assert_int_equal(results[thread * REPEATS + i].seq, results[i].seq);
            first += results[thread * REPEATS + i].user_seqs[0] == 0;
        }
        assert_int_equal(first, 1);
    }
    struct message_list list = messages(f, "amy", "bob", 0, MANY, 0);
    assert_int_equal(list.count, REPEATS);
    message_list_finish(&list);
    check_user(f, "@amy");
}

/* --- crashes ------------------------------------------------------------------------------- */

enum { CRASH_ROUNDS = 20, CRASH_PAIRS = 4, CRASH_ACKS_MAX = 120 };

/* What a child reports of each message that was acknowledged, or each that was marked as read. */
struct ack {
    uint32_t pair, number;
    uint64_t seq, user_seq; /* the sender's */
    struct id id;
    uint32_t read_count; /* not 0: so many of this sender's messages are read */
};

/* The sender of a pair sends its messages 0, 1, 2... each with an id and a text of its own. */
struct crash_pair {
    uint32_t number;
    char sender[ACCOUNT_NAME_SIZE], receiver[ACCOUNT_NAME_SIZE];
    struct ack *acks; /* by message number */
    uint32_t acked;   /* all below have been acknowledged */
    uint64_t last_user_seq;
    uint32_t read_count;
};

struct crasher {
    const char *url;
    struct message_store *store;
    struct crash_pair *pairs;
    atomic_uint next_pair;
    int report; /* where acks are written */
};

static struct message_send numbered_letter(const struct crash_pair *pair, uint32_t number,
                                           char text[32])
{
    struct message_send send = letter(pair->sender, pair->receiver, text);
    snprintf(text, 32, "letter %u", number);
    send.client_message_id = text;
    return send;
}

static bool mark_some(struct crasher *crasher, const struct crash_pair *pair, struct ack *ack)
{
    struct message_mark mark = { .reader = user_of(pair->receiver),
                                 .sender = user_of(pair->sender) };
    bool marked = mark_and_wait(crasher->store, &mark) == STATUS_OK;
    ack->read_count = ack->number + 1;
    return marked && write(crasher->report, ack, sizeof(*ack)) == sizeof(*ack);
}

/* Begins with what was not acknowledged before the last crash: sent again, or for the first time.
 */
static void *send_until_killed(void *arg)
{
    struct crasher *crasher = arg;
    const struct crash_pair *pair = &crasher->pairs[atomic_fetch_add(&crasher->next_pair, 1)];
    for (uint32_t number = pair->acked;; number++) {
        char text[32];
        struct message_send send = numbered_letter(pair, number, text);
        if (send_and_wait(crasher->store, &send) != STATUS_OK)
            return NULL;
        struct ack ack = { .pair = pair->number,
                           .number = number,
                           .seq = send.seq,
                           .id = send.id,
                           .user_seq = send.sender_user_seq };
        if (write(crasher->report, &ack, sizeof(ack)) != sizeof(ack) ||
            (number % 7 == 6 && !mark_some(crasher, pair, &ack)))
            return NULL;
    }
}

static int crash_sometime(void *arg)
{
    struct crasher *crasher = arg;
    pthread_t threads[CRASH_PAIRS];
    if (message_store_open(crasher->url, &crasher->store) != STATUS_OK)
        return 1;
    for (size_t i = 0; i < CRASH_PAIRS; i++)
        if (pthread_create(&threads[i], NULL, send_until_killed, crasher) != 0)
            return 2;
    for (size_t i = 0; i < CRASH_PAIRS; i++)
        pthread_join(threads[i], NULL);
    return 3; /* not reached by who can send */
}

static void note_ack(struct crash_pair *pairs, const struct ack *ack)
{
    struct crash_pair *pair = &pairs[ack->pair];
    if (ack->read_count > 0) {
        pair->read_count = ack->read_count;
        return;
    }
    assert_int_equal(ack->number, pair->acked);
    assert_true(ack->number < MANY);
    if (ack->user_seq != 0) { /* 0: a repetition */
        assert_true(ack->user_seq > pair->last_user_seq);
        pair->last_user_seq = ack->user_seq;
    }
    pair->acks[pair->acked++] = *ack;
}

/* Runs a child and kills it after it has acknowledged `most` messages, whatever it is doing. */
static void run_and_kill(struct fixture *f, struct crash_pair *pairs, unsigned max)
{
    int pipe_ends[2];
    struct ack ack;
    unsigned acks = 0;
    assert_int_equal(pipe(pipe_ends), 0);
    struct crasher crasher = { .url = f->url, .pairs = pairs, .report = pipe_ends[1] };
    pid_t pid = process_start(crash_sometime, &crasher);
    close(pipe_ends[1]);
    while (read(pipe_ends[0], &ack, sizeof(ack)) == sizeof(ack)) {
        note_ack(pairs, &ack);
        if (++acks == max)
            kill(pid, SIGKILL);
    }
    close(pipe_ends[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(acks >= max);
}

static void check_after_crash(struct fixture *f, const struct crash_pair *pair)
{
    struct message_user sender = user_of(pair->sender), receiver = user_of(pair->receiver);
    struct message_list list = messages(f, receiver.key, sender.key, 0, MANY, 0);
    assert_true(list.count >= pair->acked && list.count <= pair->acked + 1);
    for (uint32_t number = 0; number < list.count; number++) {
        const struct message *message = &list.items[list.count - 1 - number];
        char text[32];
        snprintf(text, sizeof(text), "letter %u", number);
        assert_string_equal(message->text, text);
        if (number < pair->read_count)
            assert_true(message->is_read);
        if (number >= pair->acked)
            continue;
        assert_int_equal(message->seq, pair->acks[number].seq);
        assert_memory_equal(message->id.bytes, pair->acks[number].id.bytes, ID_BYTES);
    }
    message_list_finish(&list);
    check_user(f, pair->sender);
    check_user(f, pair->receiver);
}

static void a_killed_process_loses_nothing_it_acknowledged(void **state)
{
    struct fixture *f = *state;
    struct crash_pair pairs[CRASH_PAIRS];
    unsigned random = (unsigned)getpid();
    for (uint32_t i = 0; i < CRASH_PAIRS; i++) {
        pairs[i] = (struct crash_pair){ .number = i, .acks = malloc(MANY * sizeof(struct ack)) };
        snprintf(pairs[i].sender, ACCOUNT_NAME_SIZE, "@sender%u", i);
        snprintf(pairs[i].receiver, ACCOUNT_NAME_SIZE, "@receiver%u", i);
        assert_non_null(pairs[i].acks);
    }
    for (int round = 0; round < CRASH_ROUNDS; round++) {
        random = random * 1664525u + 1013904223u;
        message_store_close(&f->store);
        run_and_kill(f, pairs, 1 + (random >> 16) % CRASH_ACKS_MAX);
        reopen(f);
        for (size_t i = 0; i < CRASH_PAIRS; i++)
            check_after_crash(f, &pairs[i]);
    }
    for (size_t i = 0; i < CRASH_PAIRS; i++)
        free(pairs[i].acks);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define PROCESS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_closed, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        /* First: no id may have been made before the forks, or the children would go on from it. */
        PROCESS_TEST(concurrent_senders_cause_no_gap_no_duplicate_and_one_order),
        PROCESS_TEST(a_killed_process_loses_nothing_it_acknowledged),
        TEST(the_same_message_sent_concurrently_is_stored_once),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store_processes %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
