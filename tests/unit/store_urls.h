/*
 * Which stores a conformance suite runs on. Every kind of store must pass the same tests, so they
 * know URLs only. TEST_STORE_URLS holds templates parted by spaces, in which {id} stands for a name
 * that no store had before; without it there is one: SQLite files in a directory of their own.
 */
#ifndef UNIT_STORE_URLS_H
#define UNIT_STORE_URLS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/temp_dir.h"
#include "tests/unit/unit.h"

enum { STORE_URL_SIZE = 1024 };

/* The template that the suite is at. */
static const char *store_url_template;

/* Writes the URL of a store that nobody has used. */
static inline void store_url_new(char out[STORE_URL_SIZE])
{
    static unsigned count;
    const char *id = strstr(store_url_template, "{id}");
    int before = id != NULL ? (int)(id - store_url_template) : (int)strlen(store_url_template);

    snprintf(out, STORE_URL_SIZE, "%.*st%dn%u%s", before, store_url_template, (int)getpid(),
             count++, id != NULL ? id + strlen("{id}") : "");
}

/* A process for each suite, so that each begins without ids made by another. True when it passed.
 */
static inline bool store_urls_run_one(int (*suite)(const char *name), const char *url)
{
    char name[32];
    int status = -1;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        store_url_template = url;
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(url, ":"), url);
        exit(suite(name) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Runs the suite on every store. The exit status of the program. */
static inline int store_urls_run(int (*suite)(const char *name))
{
    const char *given = getenv("TEST_STORE_URLS");
    char dir[TEMP_PATH_SIZE] = "", usual[TEMP_PATH_SIZE + 32];
    bool passed = true;

    if (given == NULL) {
        snprintf(dir, sizeof(dir), "%s", temp_dir_make());
        snprintf(usual, sizeof(usual), "sqlite://%s/{id}.db", dir);
    }
    char *list = strdup(given != NULL ? given : usual), *rest = list;
    for (char *url; list != NULL && (url = strtok_r(rest, " ", &rest)) != NULL;)
        passed = store_urls_run_one(suite, url) && passed;
    free(list);
    if (*dir != '\0')
        temp_dir_remove(dir);
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
