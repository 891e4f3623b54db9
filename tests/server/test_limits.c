/* SPDX-License-Identifier: Apache-2.0 */

/* How many sessions may be open at once (protocol: life of a session, the last point). */

#include "suites.h"

#include <pthread.h>
#include <string.h>

#include <apr_file_io.h>

#include "upload.h"
#include "wire.h"

#define USER_LIMIT  "0x80200049"
#define TOTAL_LIMIT "0x80200050"

/** Clients of the test of exactness; each is a connection and a thread. */
#define CLIENTS 64

static const char create[] = "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n";

static const wire_answer_t *try_create(wire_t *wire, const char *path)
{
    return wire_packet(wire, path, "Create-Session", NULL, create, NULL, 0);
}

static httpd_env_t *start(const char *server, const char *directory)
{
    httpd_env_options_t options = {.server = server, .directory = directory};

    return httpd_env_start(&options);
}

/** The newest is refused, nothing is deleted, and what ends makes room. */
static void per_address(void)
{
    httpd_env_t *env = start(NULL, "BGUploadMaxSessionsPerUser 2\n");
    wire_t *wire = wire_connect(env);
    const char *first = wire_create(wire, "/upload/1");
    const char *second = wire_create(wire, "/upload/2");

    CHECK_ANSWER(try_create(wire, "/upload/3"), 503, USER_LIMIT);
    CHECK_ANSWER(try_create(wire_connect_from(env, "127.0.0.2"), "/upload/3"), 200, NULL);
    wire = wire_connect(env);
    CHECK_NEXT(wire_fragment(wire, "/upload/1", first, "12345", 0, 5, 5), 200, 5);
    CHECK_ANSWER(try_create(wire, "/upload/3"), 503, USER_LIMIT);
    wire = wire_connect(env);
    CHECK_ANSWER(wire_close(wire, "/upload/1", first), 200, NULL);
    CHECK_ANSWER(try_create(wire, "/upload/3"), 200, NULL);
    CHECK_ANSWER(try_create(wire, "/upload/4"), 503, USER_LIMIT);
    wire = wire_connect(env);
    CHECK_ANSWER(wire_cancel(wire, "/upload/2", second), 200, NULL);
    CHECK_ANSWER(try_create(wire, "/upload/4"), 200, NULL);
}

/** Fifty without a directive, any number with 0. */
static void defaults(void)
{
    httpd_env_t *env = start("<Directory {DOCROOT}/upload/open>\nBGUploadMaxSessionsPerUser 0\n"
                             "</Directory>",
                             NULL);
    wire_t *wire = wire_connect(env);
    int i;

    REQUIRE(apr_dir_make(httpd_env_path(env, "/upload/open"), APR_FPROT_OS_DEFAULT, env->pool) ==
            APR_SUCCESS);
    REQUIRE(apr_file_perms_set(httpd_env_path(env, "/upload/open"), 0x777) == APR_SUCCESS);
    for (i = 0; i < 50; i++) {
        CHECK_ANSWER(try_create(wire, "/upload/file"), 200, NULL);
    }
    CHECK_ANSWER(try_create(wire, "/upload/file"), 503, USER_LIMIT);
    wire = wire_connect(env);
    for (i = 0; i < 5; i++) {
        CHECK_ANSWER(try_create(wire, "/upload/open/file"), 200, NULL);
    }
}

static void whole_server(void)
{
    httpd_env_t *env = start("BGUploadMaxSessions 2\n", NULL);
    wire_t *wire = wire_connect(env);
    const char *first = wire_create(wire, "/upload/1");

    CHECK_ANSWER(try_create(wire_connect_from(env, "127.0.0.2"), "/upload/2"), 200, NULL);
    CHECK_ANSWER(try_create(wire_connect_from(env, "127.0.0.3"), "/upload/3"), 503, TOTAL_LIMIT);
    CHECK_ANSWER(wire_close(wire, "/upload/1", first), 200, NULL);
    CHECK_ANSWER(try_create(wire_connect_from(env, "127.0.0.3"), "/upload/3"), 200, NULL);
}

/** What open uploads announce counts, until they end; others are not concerned. */
static void quota(void)
{
    httpd_env_t *env = start(NULL, "BGUploadQuota 100\n");
    wire_t *wire = wire_connect(env);
    const char *first = wire_create(wire, "/upload/1");
    const char *second = wire_create(wire, "/upload/2");
    const char *third = wire_create(wire_connect_from(env, "127.0.0.2"), "/upload/3");
    const wire_answer_t *answer;

    CHECK_NEXT(wire_fragment(wire, "/upload/1", first, "12345", 0, 5, 60), 200, 5);
    answer = wire_fragment(wire, "/upload/2", second, "12345", 0, 5, 41);
    CHECK_ANSWER(answer, 500, "0x80070070");
    CHECK_INT(httpd_env_spool_count(env), 1);
    wire = wire_connect(env);
    CHECK_NEXT(wire_fragment(wire, "/upload/3", third, "12345", 0, 5, 100), 200, 5);
    CHECK_NEXT(wire_fragment(wire, "/upload/1", first, "1234567890", 5, 5, 60), 200, 10);
    CHECK_ANSWER(wire_cancel(wire, "/upload/1", first), 200, NULL);
    CHECK_NEXT(wire_fragment(wire, "/upload/2", second, "12345", 0, 5, 41), 200, 5);
    httpd_env_expect_spool(env, 2);
}

/** One of the clients that try at the same moment. */
struct client {
    wire_t *wire;
    pthread_barrier_t *barrier;
    int answered;
};

static void *run_client(void *baton)
{
    struct client *client = baton;

    pthread_barrier_wait(client->barrier);
    wire_send(client->wire,
              "BITS_POST /upload/file HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Create-Session\r\n"
              "%sContent-Length: 0\r\n\r\n",
              create);
    client->answered = 1;
    return NULL;
}

/** Whoever comes at the same moment, in however many processes: not one too many. */
static void exact(void)
{
    httpd_env_t *env = start(NULL, "BGUploadMaxSessionsPerUser 10\n");
    static struct client clients[CLIENTS];
    pthread_t threads[CLIENTS];
    pthread_barrier_t barrier;
    int i, made = 0;

    pthread_barrier_init(&barrier, NULL, CLIENTS);
    for (i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){wire_connect(env), &barrier, 0};
    }
    for (i = 0; i < CLIENTS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, run_client, &clients[i]) == 0);
    }
    for (i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(clients[i].answered, 1);
    }
    for (i = 0; i < CLIENTS; i++) {
        const wire_answer_t *answer = wire_read(clients[i].wire);
        made += answer->status == 200;
        if (answer->status != 200) {
            CHECK_ANSWER(answer, 503, USER_LIMIT);
        }
    }
    CHECK_INT(made, 10);
    pthread_barrier_destroy(&barrier);
}

static const suite_test_t tests[] = {
    {"a user's sessions", per_address},
    {"fifty by default", defaults},
    {"the server's sessions", whole_server},
    {"exact under load", exact},
    {"a quota of bytes", quota},
};

void suite_limits(void)
{
    SUITE_ADD("limits", tests);
}
