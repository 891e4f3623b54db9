/* SPDX-License-Identifier: Apache-2.0 */

/* One point of a matrix of crashes: an upload that is hit once, or twice. */

#ifndef CRASH_POINT_H
#define CRASH_POINT_H

#include "backend.h"
#include "crash_matrix.h"

/** What is at the destination before, where a scenario overwrites. */
#define CRASH_OLD "the file that was there before"

/** Bytes of the reply that the server application makes. */
#define CRASH_REPLY 3000

/** A matrix on its way. */
typedef struct crash_run_t {
    const crash_scenario_t *scenario;
    httpd_env_t *env;
    backend_t *backend; /**< NULL: there is none */
    const char *spool;
    const char *file; /**< the bytes of every upload */
    int uploads;      /**< so far */
    int points;       /**< that were hit */
} crash_run_t;

/** An upload on its way. */
typedef struct crash_point_t {
    crash_run_t *run;
    crash_client_t client;
    const char *folder;  /**< of the destination, with nothing else in it */
    const char *dest;    /**< path of the destination */
    const char *name;    /**< "plain 17", and once it was hit ": Close-Session: before CALL" */
    const char *call;    /**< that was hit last; NULL: none was */
    const char *seen;    /**< what was at the destination after the crash: "none", "old", "new" */
    int answer;          /**< status of the packet behind the crash; 0: there was none */
    const char *come_to; /**< what is there in the end */
    int asked_before;    /**< requests that the application had before the upload */
    int asked;           /**< that it will have had for the upload, accepted once */
} crash_point_t;

/** Begin an upload to a folder of its own. */
crash_point_t crash_point_begin(crash_run_t *run);

/** A whole upload that is hit before a call of a packet. Prints the point.
 * @param packet counted from 1
 * @param call counted from 1, within that packet
 * @param again call of the repeated packet that is hit as well; 0: none
 * @return the call that was hit last; NULL: there were not that many */
const char *crash_point_run(crash_run_t *run, int packet, unsigned call, unsigned again);

/** The call that was hit last, with ids of sessions made short: "unlink spool/ID". */
const char *crash_call(const httpd_env_t *env);

#endif
