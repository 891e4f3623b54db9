/* SPDX-License-Identifier: Apache-2.0 */

/* Small helpers for files and programs that tests need. Failures of the machine end the test. */

#ifndef FILES_H
#define FILES_H

#include <sys/types.h>
#include <apr_pools.h>

/** Bytes with a length. */
typedef struct bytes_t {
    const char *data; /**< NUL behind it; NULL: there is no such file */
    size_t length;
} bytes_t;

/** Read a whole file. */
bytes_t files_read(const char *path);

/** Write a file, replacing one that is there. When root, it belongs to the server's user. */
void files_write(const char *path, const void *data, size_t length);

/** Make a folder with these permissions. When root, it belongs to the server's user. */
void files_mkdir(const char *path, mode_t mode);

/** Whether something is at path. */
int files_exists(const char *path);

/** Size of a file in bytes, or -1 if there is none. */
long long files_size(const char *path);

/** Permission bits of a file (07777), or -1 if there is none. */
int files_mode(const char *path);

/** Number of entries of a folder, without . and .. */
int files_count(const char *folder);

/** A new folder of the server's user on another file system than /tmp usually is, for as long as
 * the pool lives. NULL if there is no such place. */
const char *files_other_file_system(apr_pool_t *pool);

/** Remove a folder with all that is in it. */
void files_remove_tree(const char *path);

/** Pseudo-random bytes, the same for the same seed. */
char *files_noise(size_t length, unsigned seed, apr_pool_t *pool);

/** Write length pseudo-random bytes to a file in pieces; memory does not grow with it. */
void files_write_noise(const char *path, long long length, unsigned seed);

/** Whether two files hold the same bytes; compared in pieces. */
int files_same(const char *one, const char *other);

/** A program that a test has started. Its output, both streams, goes to a file. */
typedef struct program_t {
    pid_t pid;          /**< 0 once it was waited for */
    const char *output; /**< path */
} program_t;

/** Seconds until a program that does not end counts as a failure. */
#define PROGRAM_DEADLINE 120

/** Start a program (found by PATH) in a process group of its own.
 * @param argv NULL-terminated
 * @param output file for stdout and stderr
 * @param pool for the result; kills the program when it is destroyed */
program_t *program_start(const char *const argv[], const char *output, apr_pool_t *pool);

/** Stop it where it stands until it gets SIGCONT: what the test does meanwhile comes in time. */
void program_pause(const program_t *program);

/** Wait for its end, at most that many seconds; one that takes longer is killed and fails the test.
 * @return its exit code, or 128 + the signal that ended it */
int program_wait(program_t *program, int seconds);

/** Start a program and wait (60 s) for its end.
 * @param output receives what it printed on both streams; may be NULL
 * @return exit code as of program_wait() */
int program_run(const char *const argv[], const char **output, apr_pool_t *pool);

#endif
