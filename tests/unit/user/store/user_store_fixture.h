/* A store of users of the kind that is tested, fresh for each test. */
#ifndef TESTS_UNIT_USER_STORE_USER_STORE_FIXTURE_H
#define TESTS_UNIT_USER_STORE_USER_STORE_FIXTURE_H

#include <stdlib.h>

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

#endif
