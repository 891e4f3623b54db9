/* SPDX-License-Identifier: Apache-2.0 */

/* A power cut: the server's folders as a disk would hold them if the power failed behind any of the
 * recorded changes (record.h).
 *
 *     power_t *power = power_begin(env);      // what is there now is on the disk
 *     ... requests; power_now() tells where in the record an answer came ...
 *     power_end(power);
 *     httpd_env_kill(env);
 *     power_cut(power, point, 0);             // writes what the disk would hold to the folders
 *     httpd_env_resume(env);                  // which takes it for another boot
 *
 * The disk keeps no more promises than POSIX makes. The bytes, mode and time of a file are there as
 * of its last fsync; a name is there if its folder was synced since, no matter what was synced of
 * the file. Without a seed, everything else is lost. With one, chance decides what of it survives:
 * each page of a write for itself, each change of a name for itself, and of the changes of a file's
 * length and attributes the first few, since file systems keep those in order. A file is never
 * longer than what was written of it: the file systems that the server is for see to that.
 *
 * The memory map that SQLite keeps beside a database (-shm) never survives. */

#ifndef POWER_H
#define POWER_H

#include "fault.h"

/** A record of changes, and the state before them. */
typedef struct power_t power_t;

/** Take what the watched folders hold for what is on the disk, and record from now on. The server
 * is stopped or does nothing. */
power_t *power_begin(httpd_env_t *env);

/** Number of changes so far. */
unsigned power_now(const power_t *power);

/** Record no more. Returns the number of changes. */
unsigned power_end(power_t *power);

/** Whether a change (1 is the first) brings something to the disk. */
int power_is_sync(const power_t *power, unsigned number);

/** The change behind which a cut at this point comes, for messages: "sync docroot/upload". */
const char *power_describe(const power_t *power, unsigned point);

/** Put into the folders of a killed server what the disk holds when the power fails behind that
 * many changes, and let the machine have been started only now.
 * @param seed 0: nothing survives that was not synced; else of the chance that decides it */
void power_cut(power_t *power, unsigned point, unsigned seed);

/** The seed of tests: BGUPLOAD_SEED, or always the same. It is printed. */
unsigned power_seed(void);

#endif
