/* SPDX-License-Identifier: Apache-2.0 */

/* A call fails, any one of each packet: what the client hears is documented, nothing that it was
 * told before is lost, and it comes to its end as soon as the fault is gone. */

#include "suites.h"

#include <errno.h>
#include <stdio.h>

#include "trial.h"

#define FULL     "0x80070070"
#define IO       "0x8007045D"
#define CHANGES  (FAULTS_WRITES | FAULTS_NAMES)
#define NO_SPACE "No space left on device"
#define IO_WORDS "Input/output error"

static const trial_t disk_full = {"disk full", FAULTS_FAIL, CHANGES, ENOSPC, FULL, NO_SPACE, IO, 0};
static const trial_t quota = {"quota", FAULTS_FAIL,           CHANGES, EDQUOT,
                              FULL,    "Disk quota exceeded", IO,      0};
static const trial_t bad_write = {"EIO when writing", FAULTS_FAIL, CHANGES, EIO, IO,
                                  IO_WORDS,           NULL,        0};
static const trial_t bad_sync = {
    "EIO when syncing", FAULTS_FAIL, FAULTS_SYNCS, EIO, IO, IO_WORDS, NULL, 0};
static const trial_t full_sync = {
    "disk full when syncing", FAULTS_FAIL, FAULTS_SYNCS, ENOSPC, FULL, NO_SPACE, IO, 0};
static const trial_t bad_read = {
    "EIO when reading", FAULTS_FAIL, FAULTS_READS | FAULTS_OPENS, EIO, IO, IO_WORDS, NULL, 0};
static const trial_t too_many = {"too many open files",
                                 FAULTS_FAIL,
                                 FAULTS_OPENS | FAULTS_NAMES,
                                 EMFILE,
                                 IO,
                                 "Too many open files",
                                 NULL,
                                 0};
static const trial_t interrupted = {
    "EINTR", FAULTS_FAIL, FAULTS_WRITES | FAULTS_LOCKS, EINTR, NULL, NULL, NULL, 0};
static const trial_t disturbed = {"EINTR elsewhere",
                                  FAULTS_FAIL,
                                  FAULTS_NAMES | FAULTS_SYNCS | FAULTS_OPENS | FAULTS_READS,
                                  EINTR,
                                  IO,
                                  "Interrupted system call",
                                  NULL,
                                  0};
static const trial_t part = {
    "one byte only", FAULTS_SHORT, FAULTS_WRITES | FAULTS_READS, 0, NULL, NULL, NULL, 0};

static void each_step(const char *lines, const trial_t *trial)
{
    httpd_env_options_t options = {
        .faults = 1, .directory = lines, .server = "BGUploadCleanupInterval 0\n" TRIAL_LINES};
    httpd_env_t *env = httpd_env_start(&options);
    int step;

    httpd_env_expect(env, "disk full");
    httpd_env_expect(env, "I/O error");
    httpd_env_expect(env, "bytes lost"); /* what could not be synced */
    for (step = 0; step < TRIAL_STEPS; step++) {
        trial_each(env, (trial_step_e)step, trial);
        if (trial->code != NULL && trial->error != EINTR) {
            trial_all(env, (trial_step_e)step, trial);
        }
    }
    /* What a packet could not remove goes with the tombstone. */
    CHECK_INT(trial_clean_up(env, 30), 0);
    printf(" ... ");
}

static void test_disk_full(void)
{
    each_step(NULL, &disk_full);
}

static void test_quota(void)
{
    each_step(NULL, &quota);
}

static void test_bad_write(void)
{
    each_step(NULL, &bad_write);
}

static void test_bad_sync(void)
{
    each_step(NULL, &bad_sync);
    each_step("BGUploadSync Fragment\n", &bad_sync);
}

static void test_full_sync(void)
{
    each_step(NULL, &full_sync);
}

static void test_bad_read(void)
{
    each_step(NULL, &bad_read);
}

static void test_too_many(void)
{
    each_step(NULL, &too_many);
}

static void test_interrupted(void)
{
    each_step(NULL, &interrupted);
    each_step(NULL, &disturbed);
}

static void test_part(void)
{
    each_step(NULL, &part);
}

void suite_faults_upload(void)
{
    static const suite_test_t tests[] = {
        {"disk full", test_disk_full},
        {"quota", test_quota},
        {"EIO when writing", test_bad_write},
        {"EIO when syncing", test_bad_sync},
        {"disk full when syncing", test_full_sync},
        {"EIO when opening and reading", test_bad_read},
        {"too many open files", test_too_many},
        {"EINTR", test_interrupted},
        {"short reads and writes", test_part},
    };

    SUITE_ADD("faults_upload", tests);
}
