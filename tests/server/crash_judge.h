/* SPDX-License-Identifier: Apache-2.0 */

/* The judgement on an upload that was hit by crashes. */

#ifndef CRASH_JUDGE_H
#define CRASH_JUDGE_H

#include "crash_point.h"

/** Hold the disk, as the crash left it, to: nobody ever sees half a file.
 * @return what is at the destination: "none", "old", "new" or "HALF" */
const char *crash_judge_moment(const crash_point_t *point);

/** While a client has all its bytes acknowledged, but did not end its session: the reply is there,
 * if there is to be one. */
void crash_judge_reply(const crash_point_t *point);

/** Hold what an upload came to to its scenario: its file or none, whole; nothing else beside it and
 * in the spool; repeated last packets change nothing. Removes the upload's folder. */
void crash_judge_end(crash_point_t *point);

/** When all points are done: spool and store agree. */
void crash_judge_store(const crash_run_t *run);

#endif
