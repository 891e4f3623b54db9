/* SPDX-License-Identifier: Apache-2.0 */

#include "upload.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "files.h"

upload_t upload_begin(const httpd_env_options_t *options, const char *path)
{
    return upload_another(httpd_env_start(options), path);
}

upload_t upload_another(httpd_env_t *env, const char *path)
{
    upload_t up = {env, wire_connect(env), path, NULL};

    up.id = wire_create(up.wire, path);
    return up;
}

void upload_finish(const upload_t *up, const char *file, size_t length)
{
    CHECK_ANSWER(wire_close(up->wire, up->path, up->id), 200, NULL);
    upload_check_file(up, file, length);
}

void upload_check_file(const upload_t *up, const char *file, size_t length)
{
    bytes_t there = files_read(httpd_env_path(up->env, up->path));

    if (there.data == NULL || there.length != length || memcmp(there.data, file, length) != 0) {
        CHECK_FAIL("%s: %s, %lu bytes, not the %lu that were sent", up->path,
                   there.data == NULL ? "not there" : "other bytes", (unsigned long)there.length,
                   (unsigned long)length);
    }
}

long long upload_next(const upload_t *up, long long total)
{
    wire_t *wire = wire_connect(up->env);
    const wire_answer_t *answer = wire_packet(
        wire, up->path, "Fragment", up->id,
        httpd_env_format("Content-Range: bytes %lld-%lld/%lld\r\n", total - 1, total - 1, total),
        "?", 1);
    const char *next = wire_header(answer, "BITS-Received-Content-Range");

    wire_disconnect(wire);
    REQUIRE(answer->status == 416 && next != NULL);
    return strtoll(next, NULL, 10);
}

/** What upload_await_next() waits for. */
struct awaited_next {
    const upload_t *up;
    long long next;
    long long total;
};

static int has_next(void *baton)
{
    const struct awaited_next *awaited = baton;

    return upload_next(awaited->up, awaited->total) == awaited->next;
}

void upload_await_next(const upload_t *up, long long next, long long total)
{
    struct awaited_next awaited = {up, next, total};

    if (!check_wait(has_next, &awaited, HTTPD_ENV_DEADLINE)) {
        CHECK_FAIL("the server wants byte %lld, expected %lld", upload_next(up, total), next);
    }
}

const char *upload_spool_file(const upload_t *up)
{
    DIR *spool = opendir(up->env->spool);
    const char *found = NULL;
    struct dirent *entry;
    int count = 0;

    REQUIRE(spool != NULL);
    for (entry = readdir(spool); entry != NULL; entry = readdir(spool)) {
        if (entry->d_name[0] != '.') {
            found = apr_pstrcat(httpd_env_pool(), up->env->spool, "/", entry->d_name, NULL);
            count++;
        }
    }
    closedir(spool);
    REQUIRE(count == 1);
    return found;
}
