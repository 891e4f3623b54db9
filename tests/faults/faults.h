/* SPDX-License-Identifier: Apache-2.0 */

/* What a test and the servers that it disturbs share: a block of memory, mapped by all of them.
 *
 * faults.so is preloaded into httpd. It stands between a program and the system calls that touch
 * files, counts those that concern the folders named here, and makes one of them the last one
 * (kill -9 of the whole process group right before it) or lets it fail. The calls themselves are
 * the real ones, on real files; the module and its libraries know nothing of it. It can also record
 * all that changes those folders, in the order in which it happened (record.h). */

#ifndef FAULTS_H
#define FAULTS_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

/** Environment variable with the path of the shared block's file. */
#define FAULTS_VARIABLE "BGUPLOAD_FAULTS"

/** Most folders that are watched. */
#define FAULTS_FOLDERS 3

/** Longest name of a call with what it hits, for messages. */
#define FAULTS_NAME_MAX 512

/** Kinds of calls, as bits. */
enum {
    FAULTS_WRITES = 1,  /**< put bytes into a file or cut it */
    FAULTS_NAMES = 2,   /**< make, link, rename or remove a name, change what is known of a file */
    FAULTS_SYNCS = 4,   /**< force a file or folder to the disk */
    FAULTS_READS = 8,   /**< read bytes */
    FAULTS_OPENS = 16,  /**< open what is there already */
    FAULTS_LOCKS = 32,  /**< wait for an flock */
    FAULTS_CHANGES = 7, /**< all that change the disk */
    FAULTS_ALL = 63
};

/** What happens to the call that is hit. */
typedef enum {
    FAULTS_COUNT, /**< nothing: calls are only counted */
    FAULTS_KILL,  /**< kill -9 of the caller's process group, before the call */
    FAULTS_FAIL,  /**< the call fails with an error number and does nothing */
    FAULTS_SHORT  /**< a read or write moves one byte only */
} faults_act_e;

/** The shared block. A test fills it, then sets armed; while that is 0 nothing is touched. */
typedef struct faults_t {
    atomic_uint armed;                      /**< whether the rest holds */
    char folders[FAULTS_FOLDERS][PATH_MAX]; /**< absolute paths; calls on what is below count */
    char ending[64];                        /**< only of names with this ending; "": of all */
    int kinds;                              /**< which calls count */
    faults_act_e act;                       /**< what happens to those that are hit */
    unsigned first;                         /**< the first call that is hit, counted from 1 */
    unsigned last;                          /**< the last one; UINT_MAX: all from the first on */
    int error;                              /**< of FAULTS_FAIL */
    atomic_uint count;                      /**< calls so far */
    char hit[FAULTS_NAME_MAX];              /**< the last call that was hit: "pwritev spool/ID" */
    atomic_llong clock_shift;               /**< seconds added to the time of day, armed or not */
    atomic_llong booted;                    /**< microseconds of uptime that do not count: as if the
                                             * machine had been started only then */
    atomic_uint recording;                  /**< whether changes are recorded, armed or not */
    atomic_uint records;                    /**< number of records so far */
    char record_file[PATH_MAX];             /**< where they go */
    pthread_mutex_t record_lock;            /**< held over a call and its record; robust, shared */
} faults_t;

#endif
