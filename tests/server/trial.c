/* SPDX-License-Identifier: Apache-2.0 */

#include "trial.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

enum { LENGTH = 30000, FRAGMENT = 13000 };

/** More calls than any packet makes. */
enum { CALLS_MAX = 200 };

static const char *const names[TRIAL_STEPS] = {"Create-Session", "first fragment",
                                               "fragment",       "last fragment",
                                               "Close-Session",  "Cancel-Session"};

/** Bytes that are acknowledged before each packet. */
static const size_t before[TRIAL_STEPS] = {0, 0, FRAGMENT, 2 * FRAGMENT, LENGTH, 2 * FRAGMENT};

/** How often each kind of answer came. */
struct tally {
    int fine;
    int failed;
    int calls;
};

static patient_t *upload_to(httpd_env_t *env, trial_step_e step, const trial_t *trial)
{
    static unsigned number;
    const char *path = apr_psprintf(env->pool, "/upload/%u.bin", ++number);
    const char *file = files_noise(LENGTH, number, env->pool);
    patient_t *patient = patient_make(env, path, file, LENGTH, FRAGMENT);
    int tries = 0;

    patient->reply = trial->reply;
    if ((trial->kinds & FAULTS_SYNCS) != 0) {
        /* Bytes that could not be synced are wanted again. */
        patient->keep = PATIENT_KEEP_CLOSED;
    }
    while ((step > TRIAL_CREATE && patient->state.id == NULL) ||
           patient->state.next < before[step]) {
        int status = patient_step(patient)->status;

        REQUIRE((status == 200 || status == 0) && ++tries < CALLS_MAX);
    }
    if (step == TRIAL_CLOSE) {
        patient_fetch(patient);
    }
    return patient;
}

/** Send the packet. */
static const wire_answer_t *act(patient_t *patient, trial_step_e step)
{
    if (step == TRIAL_CANCEL) {
        return wire_cancel(patient->up.wire, patient->up.path, patient->state.id);
    }
    return patient_step(patient);
}

/** Hold an answer to what it may be, and the error log to telling why. Returns whether it is one of
 * success. */
static int judge(httpd_env_t *env, const trial_t *trial, const wire_answer_t *answer, long mark)
{
    const char *code = wire_header(answer, "BITS-Error-Code");
    const char *log;

    if (answer->status == 200) {
        return 1;
    }
    if (trial->code == NULL || answer->status != 500 || code == NULL ||
        (strcmp(code, trial->code) != 0 &&
         (trial->otherwise == NULL || strcmp(code, trial->otherwise) != 0))) {
        CHECK_FAIL(
            "%s %s",
            httpd_env_format("answer %d %s to", answer->status, code != NULL ? code : "(no code)"),
            fault_hit(env));
        return 0;
    }
    log = httpd_env_log(env, mark);
    if (strstr(log, trial->words) == NULL && strstr(log, "SQLite: ") == NULL) {
        CHECK_FAIL("the log does not say \"%s\": %s", trial->words, log);
    }
    return 0;
}

/** The rest of the upload, without a fault: the client comes to its end, and the file is whole. */
static void finish(patient_t *patient, trial_step_e step)
{
    if (step == TRIAL_CANCEL) {
        CHECK_ANSWER(
            wire_cancel(wire_connect(patient->up.env), patient->up.path, patient->state.id), 200,
            NULL);
        CHECK(!files_exists(httpd_env_path(patient->up.env, patient->up.path)));
        return;
    }
    patient_go_on(patient);
    upload_check_file(&patient->up, patient->file, patient->length);
    unlink(httpd_env_path(patient->up.env, patient->up.path));
}

/** One upload with one fault. Returns whether a call was hit. */
static int attempt(httpd_env_t *env, trial_step_e step, const trial_t *trial, const fault_t *fault,
                   struct tally *tally)
{
    unsigned failures = CU_get_number_of_failures();
    patient_t *patient = upload_to(env, step, trial);
    long mark = httpd_env_log_mark(env);
    const wire_answer_t *answer;
    const char *hit;

    fault_arm(env, fault);
    answer = act(patient, step);
    fault_disarm(env);
    hit = fault_hit(env);
    if (judge(env, trial, answer, mark)) {
        tally->fine++;
    } else {
        tally->failed++;
        patient->up.wire = wire_connect(env);
    }
    finish(patient, step);
    wire_disconnect(patient->up.wire);
    if (CU_get_number_of_failures() > failures) {
        printf("%s at call %u of %s, %s ... ", trial->name, fault->first, names[step], hit);
    }
    return *hit != '\0';
}

void trial_each(httpd_env_t *env, trial_step_e step, const trial_t *trial)
{
    struct tally tally = {0, 0, 0};
    fault_t fault = {.act = trial->act, .kinds = trial->kinds, .error = trial->error, .first = 1};

    while (fault.first < CALLS_MAX && attempt(env, step, trial, &fault, &tally)) {
        tally.calls++;
        fault.first++;
    }
    printf("\n    %s, %s: %d calls, %d answers of success, %d %s", names[step], trial->name,
           tally.calls, tally.fine - 1, tally.failed, trial->code != NULL ? trial->code : "others");
    fflush(stdout);
}

void trial_all(httpd_env_t *env, trial_step_e step, const trial_t *trial)
{
    struct tally tally = {0, 0, 0};
    fault_t fault = {trial->act, trial->kinds, NULL, 1, UINT_MAX, trial->error};

    attempt(env, step, trial, &fault, &tally);
}

int trial_clean_up(httpd_env_t *env, int days)
{
    const char *preload = apr_pstrcat(env->pool, "LD_PRELOAD=", httpd_env_preload(env), NULL);
    const char *faults = apr_pstrcat(env->pool, FAULTS_VARIABLE "=", fault_file(env), NULL);
    const char *program =
        apr_pstrcat(env->pool, httpd_env_setting("BGUPLOAD_BUILD"), "/bgupload-admin", NULL);
    const char *argv[] = {"env",      preload,   faults,     program,   "--store",
                          env->store, "--spool", env->spool, "cleanup", NULL};
    int code;

    fault_shift_clock(env, days * 86400LL);
    code = program_run(argv, NULL, env->pool);
    fault_shift_clock(env, 0);
    return code;
}
