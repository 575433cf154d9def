#include "services/common/base/memory.h"
#include "services/user/store/user_store.h"
#include "tests/bench/fail.h"
#include "tests/bench/fill_sqlite.h"
#include "tests/bench/people.h"

#include <stdio.h>
#include <stdlib.h>

static void make_tables(const char *path)
{
    char *url = xasprintf("sqlite://%s", path);
    struct user_store *store = NULL;

    if (user_store_open(url, &store) != STATUS_OK)
        fail("%s cannot be made", path);
    user_store_close(&store);
    free(url);
}

void fill_users(const struct fill *fill, const char *path)
{
    make_tables(path);
    struct fill_db *db = fill_open(path);
    fill_prepare(db, "INSERT INTO user (id, key, tag, email, email_key, first_name, last_name, img,"
                     " password_hash) VALUES (?,?,?,?,?4,'Ada','Lovelace','default.jpg',?5)");
    for (uint32_t i = 0; i < fill->users; i++) {
        char tag[TAG_SIZE], email[PEOPLE_EMAIL_SIZE];
        struct id id = people_id(i);
        people_tag(i, tag);
        people_email(i, email);
        fill_run(db, 0, "btttt", &id, tag + 1, tag, email, fill->password_hash);
    }
    fill_close(&db);
}
