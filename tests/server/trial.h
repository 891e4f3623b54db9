/* SPDX-License-Identifier: Apache-2.0 */

/* One packet of an upload while a call of the server fails; the client goes on afterwards.
 *
 *     static const trial_t disk_full = {"disk full", FAULTS_FAIL, FAULTS_CHANGES, ENOSPC,
 *                                       "0x80070070", "No space left"};
 *     trial_each(env, TRIAL_CLOSE, &disk_full);
 *
 * Each call that the packet leads to is hit, one at a time. */

#ifndef TRIAL_H
#define TRIAL_H

#include "fault.h"
#include "patient.h"

/** The packets of an upload. */
typedef enum {
    TRIAL_CREATE,
    TRIAL_FIRST,  /**< the first of three fragments */
    TRIAL_MIDDLE, /**< the second one */
    TRIAL_LAST,   /**< the third one */
    TRIAL_CLOSE,
    TRIAL_CANCEL, /**< of an upload that has got two fragments */
    TRIAL_STEPS
} trial_step_e;

/** What happens to a call, and what the client may hear of it, beside success. */
typedef struct trial_t {
    const char *name;
    faults_act_e act;
    int kinds;             /**< of calls that are hit */
    int error;             /**< errno of FAULTS_FAIL */
    const char *code;      /**< BITS error code of the answer, with 500; NULL: none will do */
    const char *words;     /**< what the error log says then, unless SQLite says it */
    const char *otherwise; /**< another code that will do; NULL: none */
    size_t reply;          /**< bytes of the reply that the upload brings; 0: none */
} trial_t;

/** Lines of a server for trials: httpd itself answers 403 when it cannot look for a .htaccess. */
#define TRIAL_LINES                                                                                \
    "<Directory \"/\">\n"                                                                          \
    "AllowOverride None\n"                                                                         \
    "</Directory>\n"

/** Let each call of a packet fail, for itself, in an upload of its own. Prints what became of it.
 */
void trial_each(httpd_env_t *env, trial_step_e step, const trial_t *trial);

/** Let all calls fail from the first one on. */
void trial_all(httpd_env_t *env, trial_step_e step, const trial_t *trial);

/** Run a clean-up that believes in a later day. Returns its exit code. */
int trial_clean_up(httpd_env_t *env, int days);

#endif
