/* SPDX-License-Identifier: Apache-2.0 */

#include "overload.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "upload.h"

/** Descriptors that are looked at. */
#define DESCRIPTORS_MAX 4096

/** What one connection to the store has open: the database and its log. One more for all together
 * is the log's index. */
#define STORE_FILES 2

/** Bytes of the fragment that warms a thread up. */
#define FRAGMENT 300000

pid_t overload_child(const httpd_env_t *env)
{
    pid_t child = 0;

    REQUIRE(httpd_env_children(env, &child, 1) == 1);
    return child;
}

void overload_warm_up(httpd_env_t *env)
{
    const char *file = overload_letters(FRAGMENT);
    upload_t ups[OVERLOAD_THREADS];

    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        ups[i] = upload_another(env, httpd_env_format("/upload/warm-up-%d", i));
        wire_disconnect(ups[i].wire);
        ups[i].wire = wire_connect(env);
        wire_fragment_head(ups[i].wire, ups[i].path, ups[i].id, 0, FRAGMENT, FRAGMENT);
        httpd_env_await_spool(env, i + 1);
    }
    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        wire_send_bytes(ups[i].wire, file, FRAGMENT);
        CHECK_NEXT(wire_read(ups[i].wire), 200, FRAGMENT);
        wire_disconnect(ups[i].wire);
        ups[i].wire = wire_connect(env);
        CHECK_ANSWER(wire_cancel(ups[i].wire, ups[i].path, ups[i].id), 200, NULL);
        wire_disconnect(ups[i].wire);
    }
    httpd_env_expect(env, "AH00484"); /* server reached MaxRequestWorkers */
}

int overload_scaled(int count)
{
    const int less = count / 5 > 2 ? count / 5 : 2;

    if (!httpd_env_is_instrumented()) {
        return count;
    }
    printf("%d instead of %d, instrumented server ... ", less, count);
    return less;
}

const char *overload_letters(size_t count)
{
    char *text = apr_palloc(httpd_env_pool(), count + 1);

    memset(text, 'x', count);
    text[count] = '\0';
    return text;
}

void overload_check_memory(pid_t child, long before, long more)
{
    long now = httpd_env_rss(child);

    if (httpd_env_is_instrumented()) {
        printf("memory not measured, instrumented server ... ");
        return;
    }
    if (now > before + more) {
        CHECK_FAIL("the child grew from %ld to %ld KiB, %ld more are allowed", before, now, more);
    }
    CHECK(now > 0);
}

static int starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

overload_open_t overload_open(const httpd_env_t *env, pid_t child)
{
    const char *folder = httpd_env_format("/proc/%ld/fd", (long)child);
    char taken[DESCRIPTORS_MAX] = "";
    overload_open_t open = {0, 0, 0, 0};
    DIR *dir = opendir(folder);
    struct dirent *entry;

    REQUIRE(dir != NULL);
    for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char target[4096];
        ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        long number = strtol(entry->d_name, NULL, 10);

        if (length > 0 && number < DESCRIPTORS_MAX) {
            target[length] = '\0';
            taken[number] = 1;
            open.sockets += starts_with(target, "socket:");
            open.spool += starts_with(target, env->spool);
            open.store += starts_with(target, env->store);
        }
    }
    closedir(dir);
    while (open.lowest < DESCRIPTORS_MAX && taken[open.lowest]) {
        open.lowest++;
    }
    return open;
}

/** What overload_await_closed() waits for. */
struct closing {
    const httpd_env_t *env;
    pid_t child;
    int sockets;
};

static int has_closed(void *baton)
{
    const struct closing *closing = baton;
    overload_open_t open = overload_open(closing->env, closing->child);

    return open.sockets <= closing->sockets && open.spool == 0;
}

void overload_await_closed(const httpd_env_t *env, pid_t child, int sockets)
{
    struct closing closing = {env, child, sockets};
    overload_open_t open;

    if (!check_wait(has_closed, &closing, HTTPD_ENV_DEADLINE)) {
        open = overload_open(env, child);
        CHECK_FAIL("%d sockets and %d spool files are still open", open.sockets, open.spool);
    }
    CHECK(overload_open(env, child).store <= STORE_FILES * OVERLOAD_THREADS + 1);
}

int overload_empty_log(const httpd_env_t *env)
{
    sqlite3 *db = NULL;
    int rc;

    REQUIRE(sqlite3_open(env->store, &db) == SQLITE_OK);
    /* It does not look for a log before it has read something. */
    REQUIRE(sqlite3_exec(db, "SELECT * FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK);
    rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_close(db);
    return rc == SQLITE_OK && files_size(httpd_env_format("%s-wal", env->store)) == 0;
}
