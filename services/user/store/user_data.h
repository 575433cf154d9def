#ifndef USER_STORE_USER_DATA_H
#define USER_STORE_USER_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/id.h"
#include "services/common/base/status.h"
#include "services/common/base/tag.h"

/* What a user store takes and returns. */

#define USER_REVISION_MAX ((uint64_t)INT64_MAX) /* what both engines can store */

enum {
    USER_REVISION_STEP_MAX = 1 << 20,
    USER_NAME_SIZE = 512,
    USER_EMAIL_SIZE = 512,
    USER_HASH_SIZE = 256,
    USER_IMAGE_SIZE = 48,
    USER_JTI_SIZE = 64,
    USER_ORIGIN_SIZE = 80,
};

/* The fields that an update changes: a set of bits. */
enum user_changed {
    USER_CHANGED_FIRST_NAME = 1,
    USER_CHANGED_LAST_NAME = 2,
    USER_CHANGED_IMG = 4,
};

struct user {
    struct id id;
    char tag[TAG_SIZE];
    char first_name[USER_NAME_SIZE]; /* UTF-8, NFC */
    char last_name[USER_NAME_SIZE];
    char img[USER_IMAGE_SIZE];
    char email[USER_EMAIL_SIZE];     /* as typed */
    char email_key[USER_EMAIL_SIZE]; /* case folded, unique */
    char password_hash[USER_HASH_SIZE];
    uint64_t revision; /* of names and image: rises with each change */
    unsigned
        unannounced; /* the changed fields that have not been announced, of enum user_changed */
    char origin[USER_ORIGIN_SIZE]; /* the session that made all unannounced changes; "": several */
};

/* Owned by the caller; free `items` with free. A zeroed list is empty. */
struct user_list {
    struct user *items;
    size_t count;
};

struct user_image {
    const char *name;
    const char *content_type;
    const void *data;
    size_t size;
};

/* As user_list: free `items`. */
struct user_image_name {
    char name[USER_IMAGE_SIZE];
};
struct user_image_names {
    struct user_image_name *items;
    size_t count;
};

struct revoked_token {
    char jti[USER_JTI_SIZE];
    int64_t expires_at_s;
};
struct revoked_list {
    struct revoked_token *items;
    size_t count;
};

struct user_store_counts {
    uint64_t users, images, revoked;
    uint64_t changes; /* of profiles, in all: the sum of the revisions; 0 on MongoDB */
};

/* A new state of names and image. */
struct user_update {
    const char *first_name, *last_name, *img;
    unsigned changed;       /* the fields that differ, of enum user_changed */
    const char *origin;     /* the session that sent it, shorter than USER_ORIGIN_SIZE; "": none */
    uint32_t revision_step; /* set by user_store_update: how much the revision rises */
};

#endif
