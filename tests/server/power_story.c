/* SPDX-License-Identifier: Apache-2.0 */

#include "power_story.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const paths[STORY_UPLOADS] = {"/upload/a.bin", "/upload/b.bin"};
static const char aside[] = "/plain/moved.bin";

/** Bytes of the files: some fragments, and some pages of a disk; the second one comes in one. */
enum { FRAGMENT = 13000 };
static const size_t lengths[STORY_UPLOADS] = {30000, 9000};

/** More packets than any client needs. */
enum { STEPS_MAX = 60 };

/** A restart takes long where the server is instrumented. */
enum { INSTRUMENTED_STRIDE = 5 };

story_t story_begin(const char *lines)
{
    httpd_env_options_t options = {.faults = 1,
                                   .directory = lines,
                                   .server = "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\n"
                                             "BGUploadCleanupInterval 0\n"};
    story_t story = {.env = httpd_env_start(&options)};

    story_add(&story);
    return story;
}

void story_add(story_t *story)
{
    int number = story->count++;
    size_t length = lengths[number];
    const char *file = files_noise(length, 70 + (unsigned)number, story->env->pool);
    patient_t *patient = patient_make(story->env, paths[number], file, length, FRAGMENT);

    patient->keep = PATIENT_KEEP_COMPLETE;
    story->patients[number] = patient;
}

/** One packet of a client while changes are recorded. */
static void step(const story_t *story, patient_t *patient)
{
    int status = patient_step(patient)->status;

    REQUIRE(status == 200 || status == 416 || status == 500 || status == 0);
    patient_note(patient, power_now(story->power));
}

void story_record(story_t *story)
{
    story->power = power_begin(story->env);
    story_record_on(story);
}

void story_record_on(story_t *story)
{
    int open = story->count;

    while (open > 0) {
        int i;

        open = 0;
        for (i = 0; i < story->count; i++) {
            if (!story->patients[i]->state.closed) {
                step(story, story->patients[i]);
                open += !story->patients[i]->state.closed;
            }
        }
    }
    story->changes = power_end(story->power);
    REQUIRE(story->changes > 0);
    httpd_env_kill(story->env);
}

static int holds(const patient_t *patient, const char *data, size_t length)
{
    bytes_t there = files_read(httpd_env_path(patient->up.env, patient->up.path));

    if (data == NULL || there.data == NULL) {
        return data == there.data;
    }
    return there.length == length && memcmp(there.data, data, length) == 0;
}

/** Hold the destination to what it may be right after a cut: as before, or the whole file; the
 * whole file if that was promised. */
static void judge_destination(const story_t *story, const patient_t *patient)
{
    const char *old = patient == story->patients[0] ? story->old : NULL;
    int promised = patient->state.closed || (story->on_last && patient->state.complete);

    if (!holds(patient, patient->file, patient->length) &&
        (promised || !holds(patient, old, old != NULL ? strlen(old) : 0))) {
        CHECK_FAIL("%s: %lld bytes, %s promised", patient->up.path,
                   files_size(httpd_env_path(story->env, patient->up.path)),
                   promised ? "the whole file was" : "nothing was");
    }
}

/** Repeat a Close-Session that had its 200, after somebody has taken the file away: it is not put
 * there again. */
static void close_again(patient_t *patient)
{
    const char *there = httpd_env_path(patient->up.env, patient->up.path);
    const char *taken = httpd_env_path(patient->up.env, aside);
    const wire_answer_t *answer;

    REQUIRE(rename(there, taken) == 0);
    do {
        answer = patient_step(patient);
    } while (answer->status == 0);
    if (answer->status != 200) {
        CHECK_ANSWER(answer, 500, "0x8020001F");
    }
    CHECK(!files_exists(there));
    REQUIRE(rename(taken, there) == 0);
}

/** Let the client go on after a cut. */
static void recover(const story_t *story, patient_t *patient, unsigned point)
{
    patient_set_back(patient, point);
    judge_destination(story, patient);
    if (patient->state.closed) {
        close_again(patient);
    } else {
        patient_go_on(patient);
    }
    CHECK(holds(patient, patient->file, patient->length));
}

/** The same where nothing was promised: any answer is right, but another upload goes through. */
static void make_do(patient_t *patient, unsigned point)
{
    int status = 0;
    int steps;

    patient_set_back(patient, point);
    for (steps = 0; !patient->state.closed && status != 403 && status != 404; steps++) {
        REQUIRE(steps < STEPS_MAX);
        status = patient_step(patient)->status;
    }
    unlink(httpd_env_path(patient->up.env, patient->up.path));
    patient->state = (patient_state_t){.id = NULL};
    patient_go_on(patient);
    CHECK(holds(patient, patient->file, patient->length));
}

void story_cut(const story_t *story, unsigned point, unsigned seed)
{
    unsigned failures = CU_get_number_of_failures();
    int i;

    power_cut(story->power, point, seed);
    httpd_env_resume(story->env);
    for (i = 0; i < story->count; i++) {
        if (story->patients[i]->keep == PATIENT_KEEP_NOTHING) {
            make_do(story->patients[i], point);
        } else {
            recover(story, story->patients[i], point);
        }
    }
    CHECK_INT(files_count(httpd_env_path(story->env, "/upload")), story->count);
    httpd_env_kill(story->env);
    if (CU_get_number_of_failures() > failures) {
        printf("power cut %u of %u, seed %u: %s ... ", point, story->changes, seed,
               power_describe(story->power, point));
    }
}

/** Whether an answer came at a point, or something came to the disk. */
static int matters(const story_t *story, unsigned point)
{
    int i;

    for (i = 0; i < story->count; i++) {
        if (patient_noted(story->patients[i], point)) {
            return 1;
        }
    }
    return point > 0 && power_is_sync(story->power, point);
}

void story_cut_everywhere(const story_t *story, unsigned stride)
{
    unsigned seed = power_seed();
    unsigned sparse = 1;
    unsigned point;

    if (getenv("BGUPLOAD_SEED") != NULL) {
        stride = 1;
    } else if (httpd_env_is_instrumented()) {
        sparse = INSTRUMENTED_STRIDE;
        printf("every %uth power cut only ... ", sparse);
    }
    for (point = 0; point <= story->changes; point++) {
        seed = seed * 1103515245u + 12345u;
        if (matters(story, point) && seed / 65536 % sparse == 0) {
            story_cut(story, point, 0);
        }
        if (point % (stride * sparse) == stride * sparse - 1) {
            story_cut(story, point, seed | 1u);
        }
    }
    power_cut(story->power, 0, 0);
    httpd_env_resume(story->env);
}
