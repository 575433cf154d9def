#ifndef USER_STORE_SQLITE_IMAGES_H
#define USER_STORE_SQLITE_IMAGES_H

#include "services/user/store/user_data.h"

/* Pictures that nobody shows. Specified in user_store.h. */

struct user_store;

enum status user_sqlite_images_drop(struct user_store *store, const char *name) MUST_CHECK;
enum status user_sqlite_images_unused(struct user_store *store, int64_t before_ms, size_t max,
                                      struct user_image_names *names_out) MUST_CHECK;

#endif
