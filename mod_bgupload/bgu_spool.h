/* SPDX-License-Identifier: Apache-2.0 */

/* The spool: one file a session, and the truth about the bytes received.
 *
 * N, the next byte wanted, is the file's size. Bytes are only ever appended at the end, under a
 * short flock that is never held while anyone waits for the network. flock belongs to the open
 * file, so it works between threads and processes alike and the kernel drops it when a process
 * dies. A file that has reached its total can no longer be changed by anybody, and one that was
 * removed (the session is over) takes no more bytes from those who still have it open.
 *
 * The names in the spool folder are safe where nobody else can write there; the server's start
 * warns if somebody can. Even then no link is followed, no file of another user is read or written,
 * and none that has a second name (a published one, at best) is changed. */

#ifndef BGU_SPOOL_H
#define BGU_SPOOL_H

#include <sys/uio.h>
#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>

/** Bytes of an upload, in memory or in a pipe. */
typedef struct bgu_piece_t {
    const struct iovec *vec; /**< where they are, in order */
    int count;               /**< how many of these; 0: they are in a pipe */
    int pipe;                /**< descriptor of that pipe, whose first bytes they are; it does not
                              * block. Taking them empties it */
    apr_off_t length;        /**< bytes */
} bgu_piece_t;

/** An open spool file. Owned by its pool, closed with it. */
typedef struct bgu_spool_t bgu_spool_t;

/** Open the spool file of a session.
 * @param folder absolute path of the spool
 * @param id the session, canonical
 * @param created receives whether the file was made by this call; NULL: never make it
 * @return APR_SUCCESS; an APR_STATUS_IS_ENOENT status if it (or, when making it, the folder) is
 *         missing; else the system's error */
apr_status_t bgu_spool_open(bgu_spool_t **spool, const char *folder, const char *id, int *created,
                            apr_pool_t *pool);

/** Number of bytes in the file. APR_ENOENT if the file was removed since it was opened, EPERM if it
 * is no plain file of the user who opened it. */
apr_status_t bgu_spool_size(apr_off_t *size, const bgu_spool_t *spool);

/** Append bytes, skipping those that are already there.
 *
 * The bytes stand at [position, position + length) of the upload; those below the current size are
 * skipped, the rest is appended, nothing beyond total is written. Locks, writes, unlocks. What is
 * in a pipe goes to the file inside the kernel; what is left in the pipe after a failure is not
 * said.
 * @param size receives the size after it, also when writing failed half-way
 * @return APR_SUCCESS; APR_EINVAL if position lies beyond the size (a gap) or the bytes reach
 * beyond total; APR_ENOENT if the file was removed; EPERM as bgu_spool_size(); EMLINK if it has
 * another name and would have to be changed; EAGAIN or APR_EOF if a pipe has less than it was said
 * to; else the system's error */
apr_status_t bgu_spool_append(bgu_spool_t *spool, apr_off_t *size, apr_off_t position,
                              apr_off_t total, const bgu_piece_t *piece);

/** Whether the file has another name beside its own. */
int bgu_spool_is_linked(const bgu_spool_t *spool);

/** Drop all bytes if they are more than total, for a session that has to begin again. Locks and
 * unlocks.
 * @param size receives the size after it
 * @return APR_ENOENT, EPERM and EMLINK as bgu_spool_append(), else the system's error */
apr_status_t bgu_spool_restart(bgu_spool_t *spool, apr_off_t *size, apr_off_t total);

/** Force the bytes to the disk. Where the disk fails (EIO) the file is emptied: nobody knows what
 * is on it. */
apr_status_t bgu_spool_sync(bgu_spool_t *spool);

/** Note that the session is alive though nothing is written (sets the file's mtime to now).
 * @return the system's error, APR_ENOENT if there is no file */
apr_status_t bgu_spool_touch(const char *folder, const char *id, apr_pool_t *pool);

/** Keep all writers and other holders out until bgu_spool_unlock() or the file is closed. Waits. */
apr_status_t bgu_spool_lock(bgu_spool_t *spool);

/** Let others in again. */
void bgu_spool_unlock(bgu_spool_t *spool);

/** When the file was last written, in microseconds since 1970; 0 if there is none. */
apr_time_t bgu_spool_mtime(const char *folder, const char *id, apr_pool_t *pool);

/** The descriptor of the open file, for publishing it. Still owned by spool. */
int bgu_spool_fd(const bgu_spool_t *spool);

/** Absolute path of a session's spool file. */
const char *bgu_spool_path(const char *folder, const char *id, apr_pool_t *pool);

/** Remove the spool file of a session; APR_SUCCESS too if there is none. */
apr_status_t bgu_spool_remove(const char *folder, const char *id, apr_pool_t *pool);

/** Remove an open spool file that has no bytes; one that has some, or was removed, is left. Locks
 * and unlocks. */
apr_status_t bgu_spool_remove_empty(bgu_spool_t *spool, const char *folder, const char *id,
                                    apr_pool_t *pool);

/** Force the folder's entries to the disk. */
apr_status_t bgu_spool_sync_folder(const char *folder);

#endif
