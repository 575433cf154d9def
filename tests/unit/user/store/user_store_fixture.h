/* A store of users of the kind that is tested, fresh for each test. */
#ifndef TESTS_UNIT_USER_STORE_USER_STORE_FIXTURE_H
#define TESTS_UNIT_USER_STORE_USER_STORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "services/common/base/text.h"
#include "services/user/store/user_store.h"
#include "tests/unit/store_urls.h"
#include "tests/unit/unit.h"

struct fixture {
    char url[STORE_URL_SIZE];
    struct user_store *store;
};

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    *state = f;
    store_url_new(f->url);
    return user_store_open(f->url, &f->store) == STATUS_OK ? 0 : -1;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    user_store_close(&f->store);
    free(f);
    return 0;
}

static inline void reopen(struct fixture *f)
{
    user_store_close(&f->store);
    assert_null(f->store);
    assert_int_equal(user_store_open(f->url, &f->store), STATUS_OK);
}

static inline struct user make_user(const char *tag, const char *email)
{
    struct user user = { .first_name = "Anna",
                         .last_name = "Smith",
                         .img = "default.jpg",
                         .password_hash = "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA" };
    user.id = id_new();
    snprintf(user.tag, sizeof(user.tag), "%s", tag);
    snprintf(user.email, sizeof(user.email), "%s", email);
    snprintf(user.email_key, sizeof(user.email_key), "%s", email);
    text_lower_ascii(user.email_key);
    return user;
}

/* With the address <name>@example.com. */
static inline struct user user_of(const char *tag)
{
    char email[64];
    snprintf(email, sizeof(email), "%s@example.com", tag + 1);
    return make_user(tag, email);
}

static inline void add(struct fixture *f, const char *tag)
{
    struct user user = user_of(tag);
    assert_int_equal(user_store_add(f->store, &user), STATUS_OK);
}

#endif
