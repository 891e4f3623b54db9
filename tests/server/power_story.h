/* SPDX-License-Identifier: Apache-2.0 */

/* Uploads that are recorded once and cut off by a power cut everywhere.
 *
 *     story_t story = story_begin("BGUploadSync Fragment\n");
 *     story.patients[0]->keep = PATIENT_KEEP_ALL;
 *     story_record(&story);
 *     story_cut_everywhere(&story, 2); */

#ifndef POWER_STORY_H
#define POWER_STORY_H

#include "patient.h"
#include "power.h"

/** Most uploads at once. */
#define STORY_UPLOADS 2

/** A course of uploads. */
typedef struct story_t {
    httpd_env_t *env;
    power_t *power;
    patient_t *patients[STORY_UPLOADS];
    int count;
    const char *old;  /**< what the first destination held before; NULL: nothing */
    int on_last;      /**< the last fragment publishes */
    int off;          /**< nothing is synced, so nothing is promised */
    unsigned changes; /**< number of records */
} story_t;

/** A server, with these lines for the folder of uploads, and one upload to it. */
story_t story_begin(const char *lines);

/** Add another upload. */
void story_add(story_t *story);

/** All uploads at once, packet by packet, while changes are recorded; then the server is killed. */
void story_record(story_t *story);

/** The same where recording has begun already. */
void story_record_on(story_t *story);

/** Cut the power, start the server and let the clients go on to the end: hold them and the
 * destinations to what was promised at that point. */
void story_cut(const story_t *story, unsigned point, unsigned seed);

/** Cut the power behind each answer and each change that makes a difference without chance, and
 * with chance behind every stride-th change (BGUPLOAD_SEED: behind every one). The server runs
 * again in the end, with nothing in its folders. */
void story_cut_everywhere(const story_t *story, unsigned stride);

#endif
