/* SPDX-License-Identifier: Apache-2.0 */

/* A call fails on other ways to the destination: copies, replacements, commits with the last
 * fragment, replies; and in a clean-up. */

#include "suites.h"

#include <errno.h>
#include <stdio.h>

#include <apr_strings.h>

#include "reply.h"
#include "trial.h"

enum { REPLY = 20000 };

static const trial_t disk_full = {.name = "disk full",
                                  .act = FAULTS_FAIL,
                                  .kinds = FAULTS_WRITES | FAULTS_NAMES,
                                  .error = ENOSPC,
                                  .code = "0x80070070",
                                  .words = "No space left on device",
                                  .otherwise = "0x8007045D"};
static const trial_t broken = {.name = "EIO",
                               .act = FAULTS_FAIL,
                               .kinds = FAULTS_ALL - FAULTS_LOCKS,
                               .error = EIO,
                               .code = "0x8007045D",
                               .words = "Input/output error"};
static const trial_t part = {
    .name = "one byte only", .act = FAULTS_SHORT, .kinds = FAULTS_WRITES | FAULTS_READS};

/** The last two packets of uploads, with each of these faults. */
static void last_steps(httpd_env_t *env, size_t reply)
{
    static const trial_t *const trials[] = {&disk_full, &broken, &part};
    size_t i;

    httpd_env_expect(env, "disk full");
    httpd_env_expect(env, "I/O error");
    httpd_env_expect(env, "bytes lost"); /* what could not be synced */
    for (i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
        trial_t trial = *trials[i];

        trial.reply = reply;
        trial_each(env, TRIAL_LAST, &trial);
        trial_each(env, TRIAL_CLOSE, &trial);
    }
    /* What a Close-Session could not remove goes with the tombstone. */
    CHECK_INT(trial_clean_up(env, 2), 0);
    printf(" ... ");
}

static httpd_env_t *start(const char *lines)
{
    httpd_env_options_t options = {
        .faults = 1, .directory = lines, .server = "BGUploadCleanupInterval 0\n" TRIAL_LINES};

    return httpd_env_start(&options);
}

static void test_overwriting(void)
{
    httpd_env_t *env = start("BGUploadAllowOverwrites On\n");

    last_steps(env, 0);
}

static void test_copied(void)
{
    const char *spool = files_other_file_system(httpd_env_pool());
    httpd_env_t *env;

    if (spool == NULL) {
        check_skip("no other file system");
        return;
    }
    env = start(httpd_env_format("BGUploadSpool \"%s\"\n", spool));
    apr_cpystrn(env->faults->folders[0], spool, PATH_MAX);
    last_steps(env, 0);
    CHECK_INT(files_count(spool), 0);
}

static void test_on_last(void)
{
    httpd_env_t *env = start("BGUploadCommit OnLastFragment\n");

    last_steps(env, 0);
}

static void test_reply(void)
{
    backend_t *backend = backend_start();
    httpd_env_t *env =
        start(httpd_env_format("BGUploadNotify Value\nBGUploadNotifyURL %s/app\n", backend->url));

    backend_tell(backend, &(backend_plan_t){.answer = "HTTP/1.1 200 OK\n"
                                                      "BITS-Copy-File-To-Destination: yes\n",
                                            .body = REPLY});
    last_steps(env, REPLY);
}

/** A download of a reply meets a fault: it is told to try again, and then gets it. */
static void test_download(void)
{
    reply_t reply;
    httpd_env_options_t options = {.faults = 1, .server = TRIAL_LINES};
    fault_t fault = {FAULTS_FAIL, FAULTS_READS | FAULTS_OPENS, NULL, 1, 0, EIO};
    int hit = 1;

    reply = reply_begin("Value", &options);
    httpd_env_expect(reply.up.env, "cannot be sent");
    backend_tell(reply.backend, &(backend_plan_t){.body = REPLY});
    CHECK_NEXT(reply_send(&reply.up, "12345", 5), 200, 5);
    while (hit) {
        int status;

        fault_arm(reply.up.env, &fault);
        status = reply_status(reply.up.env, "GET", reply_path(&reply.up), NULL);
        fault_disarm(reply.up.env);
        hit = *fault_hit(reply.up.env) != '\0';
        if (status != 200 && status != 500) {
            CHECK_FAIL("status %d to %s", status, fault_hit(reply.up.env));
        }
        fault.first++;
        reply_check_bytes(&reply.up, REPLY);
    }
    CHECK(fault.first > 2);
    CHECK_ANSWER(wire_close(wire_connect(reply.up.env), reply.up.path, reply.up.id), 200, NULL);
}

static void test_clean_up(void)
{
    httpd_env_t *env = start(NULL);
    fault_t fault = {FAULTS_FAIL, FAULTS_ALL - FAULTS_LOCKS, NULL, 1, 0, EIO};
    int hit = 1;

    while (hit) {
        upload_t up = upload_another(env, "/upload/a.bin");

        CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, "12345", 0, 3, 5), 200, 3);
        fault_arm(env, &fault);
        trial_clean_up(env, 15);
        fault_disarm(env);
        hit = *fault_hit(env) != '\0';
        fault.first++;
        /* A later one finds nothing in its way. */
        CHECK_INT(trial_clean_up(env, 30), 0);
        CHECK_INT(trial_clean_up(env, 45), 0);
        CHECK_ANSWER(wire_fragment(wire_connect(env), up.path, up.id, "12345", 3, 2, 5), 500,
                     "0x8020001F");
        CHECK_INT(httpd_env_spool_count(env), 0);
        wire_disconnect(up.wire);
    }
    printf("%u calls ... ", fault.first - 2);
}

void suite_faults_ways(void)
{
    static const suite_test_t tests[] = {
        {"BGUploadAllowOverwrites On", test_overwriting},
        {"a spool on another file system", test_copied},
        {"BGUploadCommit OnLastFragment", test_on_last},
        {"an upload-reply", test_reply},
        {"the download of a reply", test_download},
        {"clean-up", test_clean_up},
    };

    SUITE_ADD("faults_ways", tests);
}
