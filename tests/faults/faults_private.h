/* SPDX-License-Identifier: Apache-2.0 */

/* Inside faults.so: the judgement on a call, made before the call. */

#ifndef FAULTS_PRIVATE_H
#define FAULTS_PRIVATE_H

#include <stddef.h>
#include "faults.h"

/** The shared block, or NULL if this program is not disturbed. */
extern faults_t *faults;

/** Judge a call on a path, relative to an open folder or AT_FDCWD. Does not return if the process
 * is to die here.
 * @param kind one of the bits above
 * @return 0: go on; -1: fail, errno is set; 1: move one byte only */
int faults_judge_path(const char *call, int kind, int folder, const char *path);

/** Judge a call on an open file; as faults_judge_path(). */
int faults_judge_fd(const char *call, int kind, int fd);

/** Length that a read or write may have after such a judgement. */
size_t faults_length(int judgement, size_t length);

#endif
