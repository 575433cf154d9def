#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/base/token.h"
#include "services/user/login/password.h"
#include "services/user/store/user_store.h"
#include "tests/bench/fail.h"
#include "tests/bench/fill_sqlite.h"
#include "tests/bench/loop.h"
#include "tests/bench/people.h"
#include "tests/bench/report.h"
#include "tests/bench/roster.h"
#include "tests/bench/scenarios.h"

enum { TOKEN_LIFE_S = 24 * 3600 };

void scenario_fill(struct options *options)
{
    const char *directory = options_text(options, "directory", NULL);
    const char *password = options_text(options, "password", "correct horse");
    struct password_cost cost = { (uint32_t)options_int(options, "memory-kib", 8, 19456),
                                  (uint32_t)options_int(options, "passes", 1, 2) };
    struct fill fill = {
        .users = (uint32_t)options_int(options, "users", FILL_SPECIAL_USERS + 1, 1000),
        .rounds = (uint32_t)options_int(options, "rounds", 0, 0),
        .deep = (uint32_t)options_int(options, "deep", 0, 0),
        .contacts = (uint32_t)options_int(options, "contacts", 0, 0),
        .text_bytes = (uint32_t)options_int(options, "size", 1, 100),
    };
    char hash[USER_HASH_SIZE];
    struct json_writer w;

    options_finish(&options);
    if (fill.users > PEOPLE_MAX || fill.contacts > fill.users - FILL_SPECIAL_USERS)
        fail("so many --users or --contacts cannot be");
    if (!password_hash(&cost, password, hash, sizeof(hash)))
        fail("cannot hash a password");
    fill.password_hash = hash; /* one for all of them */
    int64_t begin = loop_now_ns();
    char *path = xasprintf("%s/users.db", directory);
    fill_users(&fill, path);
    free(path);
    int64_t middle = loop_now_ns();
    path = xasprintf("%s/messages.db", directory);
    fill_messages(&fill, path);
    free(path);
    report_begin(&w);
    report_double(&w, "users_seconds", (double)(middle - begin) / 1e9);
    report_double(&w, "messages_seconds", (double)(loop_now_ns() - middle) / 1e9);
    report_end(&w);
}

/* Lines for roster.h: a token of each, as a log-in would give it. */
void scenario_roster(struct options *options)
{
    char *key = roster_read_file(options_text(options, "key-file", NULL));
    uint32_t first = (uint32_t)options_int(options, "first", 0, 0);
    uint32_t count = (uint32_t)options_int(options, "count", 1, 1);
    uint32_t step = (uint32_t)options_int(options, "step", 1, 1);

    options_finish(&options);
    key[strcspn(key, "\n")] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = first + i * step;
        struct token_claims claims = { .issued_at = clock_wall_ms() / 1000 };
        struct id id = people_id(number);
        claims.expires_at = claims.issued_at + TOKEN_LIFE_S;
        id_to_hex(&id, claims.user_id);
        people_tag(number, claims.tag);
        people_email(number, claims.email);
        char *token = token_sign(key, &claims);
        if (token == NULL)
            fail("cannot sign a token");
        printf("%s %s\n", claims.tag, token);
        free(token);
    }
    free(key);
}
