/* SPDX-License-Identifier: Apache-2.0 */

/* Trouble with folders and the clock, for real: no call is made to fail here, but for
 * the time of day that the server believes in. */

#include "suites.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin.h"
#include "fault.h"
#include "files.h"
#include "reply.h"

static const char path[] = "/upload/a.bin";
static const char file[] = "1234567890";
enum { LENGTH = 10, DAY = 86400, YEAR = 365 * DAY };

static const char *spool_away(const httpd_env_t *env)
{
    return apr_pstrcat(env->pool, env->root, "/spool.away", NULL);
}

/** Take the spool away (or bring it back) and send the next packet on a new connection. */
static void move_spool(upload_t *up, const char *from, const char *to)
{
    REQUIRE(rename(from, to) == 0);
    up->wire = wire_connect(up->env);
}

/** A spool that is away is waited for; nothing is lost when it comes back. */
static void spool_moved_away(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *away = spool_away(up.env);
    long mark;

    httpd_env_expect(up.env, "I/O error");
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, 3, LENGTH), 200, 3);
    move_spool(&up, up.env->spool, away);
    mark = httpd_env_log_mark(up.env);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, file, 3, 3, LENGTH), 500, "0x8007045D");
    CHECK_HAS(httpd_env_log(up.env, mark), "BGUploadSpool must name a folder");
    /* A new session has no file yet. */
    CHECK(strlen(wire_create(wire_connect(up.env), "/upload/b.bin")) > 0);
    move_spool(&up, away, up.env->spool);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 3, 7, LENGTH), 200, LENGTH);
    move_spool(&up, up.env->spool, away);
    mark = httpd_env_log_mark(up.env);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 500, "0x8007045D");
    CHECK_HAS(httpd_env_log(up.env, mark), "the spool cannot be reached; put it back");
    move_spool(&up, away, up.env->spool);
    upload_finish(&up, file, LENGTH);
}

/** A spool that is made anew, empty: the bytes are gone, and the client is told so. */
static void spool_made_anew(void)
{
    upload_t half = upload_begin(NULL, path);
    upload_t whole = upload_another(half.env, "/upload/b.bin");

    httpd_env_expect(half.env, "bytes lost");
    CHECK_NEXT(wire_fragment(half.wire, path, half.id, file, 0, 3, LENGTH), 200, 3);
    CHECK_NEXT(wire_fragment(whole.wire, whole.path, whole.id, file, 0, LENGTH, LENGTH), 200,
               LENGTH);
    files_remove_tree(half.env->spool);
    files_mkdir(half.env->spool, 0700);
    CHECK_NEXT(wire_fragment(half.wire, path, half.id, file, 3, 3, LENGTH), 416, 0);
    CHECK_NEXT(wire_fragment(half.wire, path, half.id, file, 0, LENGTH, LENGTH), 200, LENGTH);
    upload_finish(&half, file, LENGTH);
    CHECK_ANSWER(wire_close(whole.wire, whole.path, whole.id), 404, "0x80070002");
}

/** Folders that the server's user may not write to for a while. */
static void closed_folders(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *folder = httpd_env_path(up.env, "/upload");

    httpd_env_expect(up.env, "I/O error");
    REQUIRE(chmod(up.env->spool, 0500) == 0);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, file, 0, 3, LENGTH), 500, "0x8007045D");
    REQUIRE(chmod(up.env->spool, 0700) == 0);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, LENGTH, LENGTH), 200, LENGTH);
    REQUIRE(chmod(folder, 0555) == 0);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 403, "0x80070005");
    CHECK_ANSWER(wire_packet(wire_connect(up.env), "/upload/b.bin", "Create-Session", NULL,
                             "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0),
                 403, "0x80070005");
    REQUIRE(chmod(folder, 0755) == 0);
    up.wire = wire_connect(up.env);
    upload_finish(&up, file, LENGTH);
}

/** An upload goes on whatever the clock says, as long as that is within its timeout. */
static void clock_during_upload(void)
{
    static const long long shifts[] = {-DAY, -50LL * YEAR, 0, DAY, 10LL * DAY, -YEAR, 0};
    httpd_env_options_t options = {.faults = 1};
    upload_t up = upload_begin(&options, path);
    size_t i;

    for (i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
        fault_shift_clock(up.env, shifts[i]);
        up.wire = wire_connect(up.env);
        CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, (long long)i, 1, LENGTH), 200,
                   (long long)i + 1);
    }
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 7, 3, LENGTH), 200, LENGTH);
    upload_finish(&up, file, LENGTH);
}

/** A session of long ago, by the clock, is over; no other way to know is there. */
static void clock_years_ahead(void)
{
    httpd_env_options_t options = {.faults = 1};
    upload_t up = upload_begin(&options, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, 3, LENGTH), 200, 3);
    fault_shift_clock(up.env, 3LL * YEAR);
    up.wire = wire_connect(up.env);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, file, 3, 3, LENGTH), 500, "0x8020001F");
    up = upload_another(up.env, path);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, 3, LENGTH), 200, 3);
    fault_shift_clock(up.env, 0);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 3, 7, LENGTH), 200, LENGTH);
    upload_finish(&up, file, LENGTH);
}

/** A clean-up that is told of an earlier time by its clock discards nothing. */
static void clock_at_clean_up(void)
{
    httpd_env_options_t options = {.faults = 1,
                                   .directory = "BGUploadSessionTimeout 1h\n",
                                   .server = "BGUploadCleanupInterval 1s\nBGUploadTombstone 1h\n"
                                             "LogLevel bgupload:debug\n"};
    upload_t up = upload_begin(&options, path);
    upload_t other;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, 3, LENGTH), 200, 3);
    httpd_env_await_log(up.env, 0, "clean-up done");
    fault_shift_clock(up.env, -YEAR);
    /* The clean-up has been by when it discards this one, which has no file with a time of its own.
     */
    other = upload_another(up.env, "/upload/b.bin");
    fault_shift_clock(up.env, -YEAR + 2 * 3600);
    httpd_env_await_log(up.env, 0,
                        httpd_env_format("session %.36s discarded (timed out)", other.id + 1));
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 3, 7, LENGTH), 200, LENGTH);
    upload_finish(&up, file, LENGTH);
}

/** The time for an answer of the application does not go by the clock. */
static void clock_during_notification(void)
{
    httpd_env_options_t options = {.faults = 1, .directory = "BGUploadNotifyTimeout 3s\n"};
    reply_t reply = reply_begin("Value", &options);

    backend_tell(reply.backend, &(backend_plan_t){.held = 1});
    reply_ask(&reply.up, file, LENGTH);
    backend_await(reply.backend, 1);
    fault_shift_clock(reply.up.env, -DAY);
    CHECK_ANSWER(wire_read_application(reply.up.wire), 408, "0x80070112");
    backend_release(reply.backend);
    reply.up.wire = wire_connect(reply.up.env);
    CHECK_NEXT(reply_again(&reply.up, file, LENGTH), 200, LENGTH);
    CHECK_ANSWER(wire_close(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
}

static void clock_ahead_during_notification(void)
{
    httpd_env_options_t options = {.faults = 1};
    reply_t reply = reply_begin("Value", &options);

    backend_tell(reply.backend, &(backend_plan_t){.held = 1});
    reply_ask(&reply.up, file, LENGTH);
    backend_await(reply.backend, 1);
    fault_shift_clock(reply.up.env, DAY);
    /* libcurl looks at the clock once a second. */
    sleep(2);
    backend_release(reply.backend);
    CHECK_NEXT(wire_read_application(reply.up.wire), 200, LENGTH);
    CHECK_ANSWER(wire_close(wire_connect(reply.up.env), reply.up.path, reply.up.id), 200, NULL);
}

void suite_faults_places(void)
{
    static const suite_test_t tests[] = {
        {"a spool that is moved away and back", spool_moved_away},
        {"a spool that is made anew", spool_made_anew},
        {"folders that are closed", closed_folders},
        {"the clock is set during an upload", clock_during_upload},
        {"the clock is set years ahead", clock_years_ahead},
        {"the clock is set back before a clean-up", clock_at_clean_up},
        {"the clock is set back during a notification", clock_during_notification},
        {"the clock is set ahead during a notification", clock_ahead_during_notification},
    };

    SUITE_ADD("faults_places", tests);
}
