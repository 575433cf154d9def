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
    USER_LOGINS_MAX = 8, /* networks of an account that are remembered */
    USER_SESSION_SIZE = 33,
    USER_DEVICE_SIZE = 257,
    USER_ADDRESS_SIZE = 64,
};

/* The fields that an update changes: a set of bits. */
enum user_changed {
    USER_CHANGED_FIRST_NAME = 1,
    USER_CHANGED_LAST_NAME = 2,
    USER_CHANGED_IMG = 4,
};

/* Beside them, of an account that is deleted: */
enum user_departure {
    USER_DELETED = 8,      /* what it has left is not erased yet */
    USER_DELETED_LATE = 16 /* it is; what was under way then is not erased yet */
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
    uint64_t revision;    /* of names and image: rises with each change */
    unsigned unannounced; /* the changed fields that have not been announced, of enum user_changed;
                             of an account that is deleted, enum user_departure */
    char origin[USER_ORIGIN_SIZE]; /* the session that made all unannounced changes; "": several */
    uint64_t session_epoch; /* rises when all sessions but one end: see struct user_session */
    char kept_session[USER_SESSION_SIZE]; /* that one; "": none */
    bool disabled;                        /* cannot log in */
    int64_t deleted_ms; /* of the wall clock; 0: it is not deleted. Of a deleted account id and tag
                           are left, and `email_key` is one that no address has. */
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
    int64_t stored_ms; /* of the wall clock; 0: unknown */
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

/*
 * A counter of failed log-ins, or of mails to an address. Its key is a hash (login_guard.c,
 * mails.c), so no e-mail and no address is stored.
 */
struct failed_logins {
    struct id key;
    int64_t failures;
    int64_t at_ms;      /* of the wall clock, as all times here: the last failure counted */
    int64_t expires_ms; /* from then on it counts nothing, and may be deleted */
    int64_t version;    /* differs after each write; 0: it is not stored */
};

/*
 * A session: a log-in, and all tokens that were made from it. It is over when its id is revoked,
 * and when `epoch` is less than the account's `session_epoch`, unless it is the account's
 * `kept_session`. So all others end with one write of the account, even those that are being added
 * meanwhile.
 */
struct user_session {
    char
        id[USER_SESSION_SIZE]; /* 32 hex digits; the id of its token, if an older version made it */
    struct id account;
    uint64_t epoch;                  /* the account's, when it logged in */
    char device[USER_DEVICE_SIZE];   /* UTF-8, as the client names itself; "": unknown */
    char address[USER_ADDRESS_SIZE]; /* where it was seen last; "": unknown */
    int64_t created_ms, seen_ms;     /* of the wall clock */
    int64_t expires_at_s;            /* of its last token; may be deleted then */
};
struct user_session_list { /* as user_list: free `items` */
    struct user_session *items;
    size_t count;
};

/* A new password, an end of sessions, or both, for an account as it was read. */
struct user_credentials {
    const struct user *before;
    const char *password_hash; /* NULL: stays */
    bool ends_sessions;        /* all but `kept_session`; "": all */
    const char *kept_session;
    bool disabled; /* from now on */
};

/* The end of an account as it was read. */
struct user_deletion {
    const struct user *before;
    int64_t now_ms;         /* not 0 */
    uint32_t revision_step; /* set by user_store_delete */
};

/* A secret that can be used once. Its key is a hash of it. */
enum user_code_kind {
    USER_CODE_INVITE = 1,
    USER_CODE_RESET = 2,        /* of a password, made by the administrator */
    USER_CODE_MAILED_RESET = 3, /* the same, sent to the account's address */
};
struct user_code {
    struct id key;
    enum user_code_kind kind;
    struct id account;          /* of an invite its maker, of a reset its target; zeroed: nobody */
    char account_tag[TAG_SIZE]; /* of that account, "" likewise */
    int64_t created_ms;         /* of the wall clock */
    int64_t expires_at_s;
    int64_t used_ms; /* 0: it has not been used */
    struct id used_by;
    char used_by_tag[TAG_SIZE];
};
struct user_code_list { /* as user_list: free `items` */
    struct user_code *items;
    size_t count;
};

/* A sign-up that waits for the proof that the e-mail address is the user's. Neither its tag nor its
 * address is taken by it. */
struct user_pending {
    struct id key;    /* a hash of the code that was sent there */
    struct user user; /* of which tag, names, image, e-mail and password are stored */
    struct id invite; /* the key of the code that it is going to use; zeroed: none */
    int64_t expires_at_s;
};

/* An entry of the audit log: something that concerned the security of an account, or several such
 * things within a minute that do not differ in more than time. */
enum { USER_AUDIT_WORD_SIZE = 32, USER_AUDIT_SUBJECT_SIZE = 33 };

/* Each share of the log has a maximum of its own, so that entries which somebody without an account
 * can cause do not displace those of users, nor these the administrator's. */
enum user_audit_share { USER_AUDIT_FAILURES, USER_AUDIT_USERS, USER_AUDIT_ADMINISTRATOR };
enum { USER_AUDIT_SHARES = 3 };

/* Where an entry stands in the log: entries are ordered by their first time, then by id. */
struct user_audit_place {
    int64_t at_ms; /* of the wall clock, as all times here */
    struct id id;
};
struct user_audit_entry {
    struct user_audit_place place;
    int64_t last_ms; /* when it happened last */
    int64_t count;   /* how often */
    enum user_audit_share share;
    char kind[USER_AUDIT_WORD_SIZE]; /* words of audit_kinds.h */
    char outcome[USER_AUDIT_WORD_SIZE];
    char by[USER_AUDIT_WORD_SIZE];         /* who did it */
    struct id account;                     /* that it concerns; zeroed: none */
    char account_tag[TAG_SIZE];            /* "" likewise */
    char address[USER_ADDRESS_SIZE];       /* of the client, or its network; "": unknown */
    char device[USER_DEVICE_SIZE];         /* as in struct user_session */
    char subject[USER_AUDIT_SUBJECT_SIZE]; /* the id of a session or an invite; "": none */
};
struct user_audit_list { /* as user_list: free `items` */
    struct user_audit_entry *items;
    size_t count;
};
struct user_audit_filter {
    const struct user_audit_place *before; /* entries that are older than this one; NULL: all */
    int64_t since_ms;                      /* not older than that */
    const struct id *account;              /* NULL: any */
    const char *kind;                      /* "": any */
    const char *address, *network;         /* one of the two; "": any */
};

struct user_store_counts {
    uint64_t users, images, revoked, sessions;
    uint64_t changes; /* of profiles and passwords, in all: the sum of revisions and epochs of
                         sessions; 0 on MongoDB */
};

/* A new state of names and image. */
struct user_update {
    const char *first_name, *last_name, *img;
    unsigned changed;       /* the fields that differ, of enum user_changed */
    const char *origin;     /* the session that sent it, shorter than USER_ORIGIN_SIZE; "": none */
    uint32_t revision_step; /* set by user_store_update: how much the revision rises */
};

#endif
