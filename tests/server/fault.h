/* SPDX-License-Identifier: Apache-2.0 */

/* Disturbing a running server: its calls that touch spool, document root and store are counted, and
 * one of them is its last, or fails (faults.h).
 *
 *     httpd_env_options_t options = {.faults = 1};
 *     httpd_env_t *env = httpd_env_start(&options);
 *     fault_arm(env, &(fault_t){.act = FAULTS_KILL, .kinds = FAULTS_CHANGES, .first = 7});
 *     ... a request: all processes die before the seventh call that changes the disk ...
 *     fault_disarm(env);                     // counting starts anew with the next fault_arm()
 *     httpd_env_kill(env);                   // waits for their end
 *     httpd_env_resume(env); */

#ifndef FAULT_H
#define FAULT_H

#include "files.h"
#include "httpd_env.h"

/** What is to happen, and to which calls. */
typedef struct fault_t {
    faults_act_e act;   /**< FAULTS_COUNT: nothing */
    int kinds;          /**< FAULTS_CHANGES, FAULTS_SYNCS, ... */
    const char *ending; /**< only files whose names end like this; NULL: all */
    unsigned first;     /**< the first call that is hit, counted from 1 */
    unsigned last;      /**< the last one; 0: only the first; UINT_MAX: all that follow */
    int error;          /**< with FAULTS_FAIL: errno */
} fault_t;

/** Start counting, and hit. */
void fault_arm(httpd_env_t *env, const fault_t *fault);

/** Leave the server in peace.
 * @return number of calls that were counted */
unsigned fault_disarm(httpd_env_t *env);

/** The call that was hit last, with what it was to touch: "linkat docroot/upload/a.bin"; "" if none
 * was. */
const char *fault_hit(const httpd_env_t *env);

/** Set the time of day of the server's processes back (negative) or forward, in seconds. */
void fault_shift_clock(httpd_env_t *env, long long seconds);

/** Record, from now on, all that changes the watched folders (record.h). What was recorded before
 * is dropped. */
void fault_record(httpd_env_t *env);

/** Number of records so far. */
unsigned fault_recorded(const httpd_env_t *env);

/** Record no more. Returns the records, in httpd_env_pool(). */
bytes_t fault_record_end(httpd_env_t *env);

/** Let processes of the server that start from now on believe that the machine was started anew. */
void fault_reboot(httpd_env_t *env);

/** Behind httpd_env_start(): make the block for a server, unmapped with its pool. */
faults_t *fault_block(const httpd_env_t *env);

/** Behind httpd_env_start(): path of the block's file. */
const char *fault_file(const httpd_env_t *env);

#endif
