/* SPDX-License-Identifier: Apache-2.0 */

/* A matrix of crashes: one upload, again and again, and each time all processes of the server die
 * before another one of the system calls that change its disk.
 *
 * Calls are counted for each packet, so that a point has a name: "Close-Session, before linkat
 * docroot/upload/3/a.bin". After the crash the destination is looked at, the server starts again,
 * and the client goes on (or does what the scenario says). In the end there is the whole file or,
 * where that was wanted, none; nothing else beside it, nothing in the spool. Each point and what
 * came of it is printed. */

#ifndef CRASH_MATRIX_H
#define CRASH_MATRIX_H

#include "backend.h"
#include "crash_client.h"

/** What the client does after a crash. */
typedef enum {
    CRASH_GO_ON,     /**< repeat the packet, go on to the end */
    CRASH_GIVE_UP,   /**< cancel, whatever it was about to do */
    CRASH_STAY_AWAY, /**< never come back: the clean-up has to end it */
    CRASH_TWICE      /**< repeat the packet, which meets a second crash; then go on to the end */
} crash_then_e;

/** A way to upload, and where it is hit. */
typedef struct crash_scenario_t {
    const char *name;
    const char *directory; /**< lines for the folder; NULL: none */
    long long length;      /**< of the file */
    long long fragment;    /**< of a fragment; 0: the whole file is one */
    long long stop;        /**< as in crash_plan_t */
    crash_end_e end;       /**< of an undisturbed upload */
    crash_then_e then;
    int first;      /**< packet, counted from 1, from which on packets are hit */
    int thorough;   /**< hit each write of a row in several; else two of those */
    const char *by; /**< "Value" or "Reference": there is a server application; NULL: none */
    int taken;      /**< which keeps the file to itself */
    int overwrites; /**< another file is at the destination before */
    int elsewhere;  /**< the spool is on another file system */
} crash_scenario_t;

/** Run a scenario's matrix, as a test of its own. */
void crash_matrix(const crash_scenario_t *scenario);

/** Every how manieth call is hit: 1, or more in a build that is slow. BGUPLOAD_CRASH_EVERY. */
unsigned crash_every(void);

/** Calls from a point to the next one, where not each has to be hit. SQLite writes a row to its log
 * in several equal steps, and alone decides what a crash between them leaves: behind each two of
 * these, two are skipped.
 * @param before the call that was hit before, NULL at first; kept by this function
 * @param now the call that was hit last */
unsigned crash_stride(const char **before, const char *now);

#endif
