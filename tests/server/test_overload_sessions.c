/* SPDX-License-Identifier: Apache-2.0 */

/* Sessions by the thousand: idle, abandoned, come and gone. */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"
#include "overload.h"
#include "upload.h"

#define USER_LIMIT  "0x80200049"
#define TOTAL_LIMIT "0x80200050"

/** Sessions that do nothing, without and with bytes. */
enum { IDLE = 4000, IDLE_WITH_BYTES = 1000 };

/** How much the process may grow beside them, in KiB. */
enum { GROWTH_MAX = 2 * 1024 };

/** Bytes of a file, sent in fragments of a tenth. */
enum { LENGTH = 20000 };

/** Bytes of the store's log that are never exceeded without a long read: SQLite's 1,000 pages, and
 * what a few writers at once add. */
enum { LOG_MAX = 8 * 1024 * 1024 };

static const char create[] = "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n";

static const wire_answer_t *try_create(wire_t *wire, const char *path)
{
    return wire_packet(wire, path, "Create-Session", NULL, create, NULL, 0);
}

/** Upload a file on a connection of its own. */
static void upload_one(httpd_env_t *env, const char *path, const char *file)
{
    upload_t up = {env, wire_connect(env), path, NULL};

    wire_upload(up.wire, path, file, LENGTH, LENGTH / 10);
    upload_check_file(&up, file, LENGTH);
    wire_disconnect(up.wire);
}

/** Whether a clean-up has been through, since a mark of the log. */
static void await_clean_up(const httpd_env_t *env)
{
    httpd_env_await_log(env, httpd_env_log_mark(env), "clean-up done: 0 timed out");
}

/** Others are served as ever, the process does not grow, the administrator sees them all. */
static void idle(void)
{
    httpd_env_options_t options = {.server = OVERLOAD_ONE_CHILD
                                   "BGUploadCleanupInterval 1s\nLogLevel bgupload:debug\n"};
    httpd_env_t *env = httpd_env_start(&options);
    const admin_row_t created = {"ann", "/upload/idle.bin", BGU_STATE_RECEIVING, 60,
                                 BGU_TOTAL_UNKNOWN};
    const admin_row_t begun = {"ann", "/upload/idle.bin", BGU_STATE_RECEIVING, 60, 10};
    const char *file = files_noise(LENGTH, 80, httpd_env_pool());
    const int count = overload_scaled(IDLE);
    const int with_bytes = overload_scaled(IDLE_WITH_BYTES);
    const char *output;
    pid_t child = overload_child(env);
    long before;

    overload_warm_up(env);
    admin_rows(env, &created, count);
    admin_rows(env, &begun, with_bytes);
    await_clean_up(env);
    before = httpd_env_rss(child);
    for (int i = 0; i < 20; i++) {
        upload_one(env, httpd_env_format("/upload/%d.bin", i), file);
    }
    await_clean_up(env);
    overload_check_memory(child, before, GROWTH_MAX);
    CHECK_INT(admin(env, "list --state open --user ann", &output), 0);
    CHECK_INT(admin_lines(output), count + with_bytes + 1); /* and the heading */
    httpd_env_expect_spool(env, with_bytes);
}

/** Create sessions from an address, each with some bytes, until one is refused. Returns how many it
 * were. */
static int create_until_refused(httpd_env_t *env, const char *address, const char *code)
{
    const wire_answer_t *answer;
    int count = 0;

    for (;;) {
        wire_t *wire = wire_connect_from(env, address);

        answer = try_create(wire, "/upload/a");
        if (answer->status == 200) {
            CHECK_NEXT(wire_fragment(wire, "/upload/a", wire_header(answer, "BITS-Session-Id"),
                                     "12345", 0, 5, 10),
                       200, 5);
            count++;
        }
        wire_disconnect(wire);
        if (answer->status != 200) {
            CHECK_ANSWER(answer, 503, code);
            return count;
        }
    }
}

static void run_admin(const httpd_env_t *env, const char *words)
{
    const char *output;

    if (admin(env, words, &output) != 0) {
        CHECK_FAIL("%s: %s", words, output);
    }
}

/** Whether no session is left, not even a tombstone. */
static int has_no_session(const httpd_env_t *env)
{
    const char *output;

    CHECK_INT(admin(env, "list", &output), 0);
    return admin_lines(output) == 1; /* the heading */
}

/** The limits answer; when the abandoned ones have timed out there is room as before, and nothing
 * is left of them. */
static void abandoned(void)
{
    httpd_env_options_t options = {.server = "BGUploadMaxSessions 50\n",
                                   .directory = "BGUploadMaxSessionsPerUser 20\n"};
    httpd_env_t *env = httpd_env_start(&options);

    for (int round = 0; round < 3; round++) {
        CHECK_INT(create_until_refused(env, "127.0.0.2", USER_LIMIT), 20);
        CHECK_INT(create_until_refused(env, "127.0.0.3", USER_LIMIT), 20);
        CHECK_INT(create_until_refused(env, "127.0.0.4", TOTAL_LIMIT), 10);
        CHECK_INT(httpd_env_spool_count(env), 50);
        run_admin(env, "expire --older-than 0s");
        CHECK_INT(httpd_env_spool_count(env), 0);
    }
    run_admin(env, "cleanup --tombstone 0s");
    CHECK(has_no_session(env));
}

/** Sessions come, with some bytes, and go. Their long queries are forgotten with them. */
static void come_and_go(httpd_env_t *env, int count)
{
    wire_t *wire = wire_connect(env);
    const char *path = apr_pstrcat(env->pool, "/upload/a?", overload_letters(7000), NULL);

    for (int i = 0; i < count; i++) {
        const char *id = wire_create(wire, path);

        CHECK_NEXT(wire_fragment(wire, "/upload/a", id, "12345", 0, 5, 10), 200, 5);
        CHECK_ANSWER(wire_cancel(wire, "/upload/a", id), 200, NULL);
    }
    wire_disconnect(wire);
}

/** The database needs no more room for the last than for the first ones. */
static void by_the_hundred(void)
{
    httpd_env_options_t options = {.server = "BGUploadCleanupInterval 0\n"};
    httpd_env_t *env = httpd_env_start(&options);
    const char *log = apr_pstrcat(env->pool, env->store, "-wal", NULL);
    const int count = overload_scaled(500);
    long long first = 0;

    for (int round = 0; round < 3; round++) {
        come_and_go(env, count);
        CHECK(files_size(log) > 0 && files_size(log) <= LOG_MAX);
        CHECK(overload_empty_log(env));
        /* A tombstone takes some hundred bytes, a query would take 7,000. */
        CHECK(files_size(env->store) <= 100000 + count * 1000);
        run_admin(env, "cleanup --tombstone 0s");
        CHECK(has_no_session(env));
        CHECK(overload_empty_log(env));
        if (round == 0) {
            first = files_size(env->store);
        }
    }
    CHECK(files_size(env->store) <= first + first / 4);
    CHECK_INT(httpd_env_spool_count(env), 0);
}

/** Packets of all kinds, most of them refused somewhere else. */
static void mix(httpd_env_t *env, int number)
{
    wire_t *wire = wire_connect_from(env, httpd_env_format("127.0.1.%d", number + 1));
    const char *path = httpd_env_format("/upload/%d", number);
    const char *id = wire_create(wire, path);

    CHECK_ANSWER(try_create(wire, path), 503, USER_LIMIT);
    wire = wire_connect(env);
    CHECK_ANSWER(wire_fragment(wire, path, id, "12345", 0, 5, 1000000), 500, "0x80070070");
    wire = wire_connect(env);
    CHECK_NEXT(wire_fragment(wire, path, id, "12345", 0, 5, 10), 200, 5);
    CHECK_NEXT(wire_fragment(wire, path, id, "12345", 0, 5, 10), 416, 5);
    CHECK_ANSWER(wire_fragment(wire, path, id, "12345", 0, 5, 11), 400, "0x80070057");
    wire = wire_connect(env);
    CHECK_ANSWER(wire_close(wire, "/upload/other", id), 500, "0x8020001F");
    wire = wire_connect(env);
    CHECK_ANSWER(wire_close(wire, path, WIRE_NO_SESSION), 500, "0x8020001F");
    wire = wire_connect(env);
    CHECK_NEXT(wire_fragment(wire, path, id, "1234567890", 5, 5, 10), 200, 10);
    CHECK_ANSWER(wire_close(wire, path, id), 200, NULL);
    CHECK_ANSWER(wire_close(wire, path, id), 200, NULL);
    CHECK_ANSWER(wire_cancel(wire, path, id), 200, NULL);
    wire_disconnect(wire);
}

/** Nobody goes on reading the store: not after any packet, and not while a body is awaited.
 * Otherwise its log could never start over, and would grow for ever. */
static void nobody_reads(void)
{
    httpd_env_options_t options = {.server = OVERLOAD_ONE_CHILD "BGUploadMaxSessions 1000\n",
                                   .directory = "BGUploadMaxSessionsPerUser 1\n"
                                                "BGUploadQuota 1000\n"};
    upload_t stalled = upload_begin(&options, "/upload/stalled");

    wire_fragment_head(stalled.wire, stalled.path, stalled.id, 0, 10, 10);
    httpd_env_await_spool(stalled.env, 1);
    for (int i = 0; i < 5; i++) {
        mix(stalled.env, i);
        CHECK(overload_empty_log(stalled.env));
    }
    wire_send_bytes(stalled.wire, "1234567890", 10);
    CHECK_NEXT(wire_read(stalled.wire), 200, 10);
    upload_finish(&stalled, "1234567890", 10);
}

void suite_overload_sessions(void)
{
    static const suite_test_t tests[] = {
        {"thousands that are idle", idle},
        {"abandoned", abandoned},
        {"come and gone by the hundred", by_the_hundred},
        {"nobody goes on reading the store", nobody_reads},
    };

    SUITE_ADD("overload_sessions", tests);
}
