/* SPDX-License-Identifier: Apache-2.0 */

/* Crashes and restarts of the server: what was acknowledged stays (protocol: fragments). */

#include "suites.h"

#include <apr_strings.h>

#include "files.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.bin";
enum { LENGTH = 2000000 };

static void crash_after_create(void)
{
    upload_t up = upload_begin(NULL, path);

    httpd_env_kill(up.env);
    httpd_env_resume(up.env);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5), 200, 5);
    upload_finish(&up, "12345", 5);
}

static void crash_between_fragments(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *file = files_noise(LENGTH, 20, httpd_env_pool());
    long long at = 0;

    /* After the first, one in the middle, and the last fragment. */
    while (at < LENGTH) {
        size_t now = LENGTH - at < 700000 ? (size_t)(LENGTH - at) : 700000;

        CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, at, now, LENGTH), 200,
                   at + (long long)now);
        at += (long long)now;
        httpd_env_kill(up.env);
        httpd_env_resume(up.env);
        up.wire = wire_connect(up.env);
        if (at < LENGTH) {
            CHECK_INT(upload_next(&up, LENGTH), at);
        }
    }
    CHECK(!files_exists(httpd_env_path(up.env, path)));
    upload_finish(&up, file, LENGTH);
}

/** A server that has stored part of a fragment. */
struct half_fragment {
    const upload_t *up;
    long long more_than;
};

static int has_part(void *baton)
{
    const struct half_fragment *half = baton;

    return httpd_env_spool_count(half->up->env) == 1 &&
           files_size(upload_spool_file(half->up)) > half->more_than;
}

static void crash_within_fragment(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *file = files_noise(LENGTH, 21, httpd_env_pool());
    struct half_fragment half = {&up, 0};
    long long next = 0;
    int i;

    for (i = 0; i < 3; i++) {
        wire_fragment_head(up.wire, path, up.id, next, LENGTH - next, LENGTH);
        wire_send_bytes(up.wire, file + next, 600000);
        half.more_than = next;
        REQUIRE(check_wait(has_part, &half, HTTPD_ENV_DEADLINE));
        httpd_env_kill(up.env);
        httpd_env_resume(up.env);
        up.wire = wire_connect(up.env);
        CHECK(upload_next(&up, LENGTH) > next);
        CHECK(upload_next(&up, LENGTH) <= next + 600000);
        next = upload_next(&up, LENGTH);
    }
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, next, (size_t)(LENGTH - next), LENGTH),
               200, LENGTH);
    upload_finish(&up, file, LENGTH);
}

static void crash_at_close(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    const char *file = files_noise(LENGTH, 22, httpd_env_pool());
    int i;

    for (i = 0; i < 5; i++) {
        const char *name = apr_psprintf(env->pool, "/upload/%d.bin", i);
        upload_t up = upload_another(env, name);

        CHECK_NEXT(wire_fragment(up.wire, name, up.id, file, 0, LENGTH, LENGTH), 200, LENGTH);
        /* Anywhere between the request's arrival and its answer. */
        wire_send(up.wire,
                  "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\n"
                  "BITS-Packet-Type: Close-Session\r\nBITS-Session-Id: %s\r\n\r\n",
                  name, up.id);
        if (i > 0) {
            CHECK_INT(wire_fragment(wire_connect(env), "/upload/other", WIRE_NO_SESSION, file, 0,
                                    (size_t)i * 1000, LENGTH)
                          ->status,
                      500);
        }
        httpd_env_kill(env);
        httpd_env_resume(env);
        up.wire = wire_connect(env);
        upload_finish(&up, file, LENGTH);
    }
    CHECK_INT(files_count(httpd_env_path(env, "/upload")), 5);
    /* What a crash left in the spool goes with the tombstones at the latest. */
    httpd_env_stop(env);
    httpd_env_add_lines(env, "BGUploadTombstone 1s\nBGUploadCleanupInterval 1s\n");
    httpd_env_resume(env);
    httpd_env_await_spool(env, 0);
    CHECK_INT(files_count(httpd_env_path(env, "/upload")), 5);
    CHECK_INT(files_size(httpd_env_path(env, "/upload/4.bin")), LENGTH);
}

static void crash_after_close(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5), 200, 5);
    upload_finish(&up, "12345", 5);
    httpd_env_kill(up.env);
    httpd_env_resume(up.env);
    up.wire = wire_connect(up.env);
    upload_finish(&up, "12345", 5);
}

static void restart(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "1234567890", 0, 5, 10), 200, 5);
    wire_disconnect(up.wire);
    httpd_env_stop(up.env);
    httpd_env_resume(up.env);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "1234567890", 5, 5, 10), 200, 10);
    upload_finish(&up, "1234567890", 10);
}

static void graceful_restart(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *file = files_noise(LENGTH, 23, httpd_env_pool());
    struct half_fragment half = {&up, 0};
    const wire_answer_t *answer;

    wire_fragment_head(up.wire, path, up.id, 0, LENGTH, LENGTH);
    wire_send_bytes(up.wire, file, 900000);
    REQUIRE(check_wait(has_part, &half, HTTPD_ENV_DEADLINE));
    httpd_env_graceful(up.env);
    /* The old child ends its request, the new ones know the session. */
    CHECK_NEXT(wire_packet(wire_connect(up.env), path, "Fragment", up.id,
                           "Content-Range: bytes 1999999-1999999/2000000\r\n", "x", 1),
               416, files_size(upload_spool_file(&up)));
    wire_send_bytes(up.wire, file + 900000, LENGTH - 900000);
    answer = wire_read(up.wire);
    CHECK_NEXT(answer, 200, LENGTH);
    up.wire = wire_connect(up.env);
    upload_finish(&up, file, LENGTH);
}

static int creates(void *baton)
{
    const wire_answer_t *answer =
        wire_packet(wire_connect(baton), path, "Create-Session", NULL,
                    "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0);

    return answer->status == 200;
}

/** A process that could not open the store when it started gets it as soon as it can. */
static void store_comes_back(void)
{
    httpd_env_options_t options = {.server = "MaxConnectionsPerChild 0\n"};
    httpd_env_t *env = httpd_env_start(&options);
    const char *away = apr_pstrcat(env->pool, env->store, ".away", NULL);
    pid_t pids[16];
    long mark = httpd_env_log_mark(env);
    int count, i;

    httpd_env_expect(env, "BGUploadStore: cannot open the session database");
    httpd_env_expect(env, "the store cannot be opened");
    httpd_env_expect(env, "exit signal Killed");
    REQUIRE(creates(env));
    REQUIRE(rename(env->store, away) == 0);
    count = httpd_env_children(env, pids, 16);
    for (i = 0; i < count; i++) {
        kill(pids[i], SIGKILL);
    }
    httpd_env_await_log(env, mark, "trying again with the next request");
    REQUIRE(rename(away, env->store) == 0);
    CHECK(check_wait(creates, env, HTTPD_ENV_DEADLINE));
}

void suite_restart(void)
{
    static const suite_test_t tests[] = {
        {"kill -9 after Create-Session", crash_after_create},
        {"kill -9 between fragments", crash_between_fragments},
        {"kill -9 in the middle of fragments", crash_within_fragment},
        {"kill -9 at Close-Session", crash_at_close},
        {"kill -9 after Close-Session", crash_after_close},
        {"stop and start", restart},
        {"a store that comes back", store_comes_back},
        {"graceful restart during a fragment", graceful_restart},
    };

    SUITE_ADD("restart", tests);
}
