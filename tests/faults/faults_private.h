/* SPDX-License-Identifier: Apache-2.0 */

/* Inside faults.so: the judgement on a call, made before the call. */

#ifndef FAULTS_PRIVATE_H
#define FAULTS_PRIVATE_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>
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

/** Absolute path of what a call on a path names.
 * @param whole receives it; 2 * PATH_MAX bytes */
void faults_whole_path(char *whole, int folder, const char *path);

/** Path of an open file or folder; "" if it has none.
 * @param path receives it; PATH_MAX bytes */
void faults_path_of(char *path, int fd);

/** What follows the parent of the watched folder that a path lies in: "spool/ID". NULL: none. */
const char *faults_watched(const char *path);

/** If changes are recorded, keep all others out until the record is written by one of the functions
 * below, which take what this returns and leave errno as it is. */
int faults_record_begin(void);

/** The call wrote, at a place or (-1) at the file's own.
 * @param done what the call returned */
void faults_record_write(int locked, int fd, off_t at, const struct iovec *vec, int count,
                         ssize_t done);

/** The kernel copied bytes that stand at a place of another file (or, now, of the same one); to a
 * place or (-1) the file's own; likewise. */
void faults_record_copy(int locked, int from, off_t at, int to, off_t to_at, ssize_t done);

/** The call changed an open file. op as of faults_record_e; likewise. */
void faults_record_fd(int locked, int op, int fd, off_t at, int rc);

/** The call set or removed an extended attribute of an open file; likewise. */
void faults_record_attribute(int locked, int op, int fd, const char *name, const void *value,
                             size_t size, int rc);

/** The call changed a name, or by a name; likewise. */
void faults_record_name(int locked, int op, int folder, const char *path, int rc);

/** The call gave something another name; likewise. */
void faults_record_rename(int locked, int from_folder, const char *from, int folder, const char *to,
                          int rc);

#endif
