/* SPDX-License-Identifier: Apache-2.0 */

/* What the spool keeps beside a session's bytes while and after the server application is asked:
 * the claim of the one request that asks, and the reply in a folder of its own.
 *
 * Where the spool folder has the set-group-id bit, its group is the application's: if it is asked
 * by reference, the received file becomes readable and the reply's folder writable for it.
 * Otherwise both are the server's alone. The application can put anything into that folder at any
 * moment; it cannot replace the folder itself. */

#ifndef BGU_SPOOL_REPLY_H
#define BGU_SPOOL_REPLY_H

#include "bgu_spool.h"

/** What follows a session's id in the name of its claim's file, and of its reply's folder. */
#define BGU_CLAIM_ENDING ".lock"
#define BGU_REPLY_ENDING ".reply"

/** The right to ask the application for a session. The kernel takes it back when its process dies.
 */
typedef struct bgu_claim_t bgu_claim_t;

/** Claim a session. Does not wait.
 * @param pool releases the claim when it is destroyed, if that was not done before
 * @return APR_SUCCESS; an APR_STATUS_IS_EAGAIN status if somebody has it; else the system's error
 */
apr_status_t bgu_claim_take(bgu_claim_t **claim, const char *folder, const char *id,
                            apr_pool_t *pool);

/** Whether somebody has the claim of a session. */
int bgu_claim_is_taken(const char *folder, const char *id, apr_pool_t *pool);

/** Give the claim back. */
void bgu_claim_release(bgu_claim_t *claim);

/** Make ready for a reply: an empty folder.
 * @param spool the received file, to be shared with the application's group as said above together
 *        with the folder; NULL: nothing is shared */
apr_status_t bgu_reply_prepare(const bgu_spool_t *spool, const char *folder, const char *id,
                               apr_pool_t *pool);

/** Absolute path of the reply of a session. */
const char *bgu_reply_path(const char *folder, const char *id, apr_pool_t *pool);

/** Open a reply for reading. The application shall not make the server hand out what it cannot read
 * itself: no symbolic link is followed, no second name of a file counts, nor a file of the server's
 * that nobody else may read and that lies in a shared folder.
 * @param path as of bgu_reply_path()
 * @param fd receives the descriptor, to be closed by the caller
 * @param size receives the bytes of the file
 * @return APR_SUCCESS; an APR_STATUS_IS_ENOENT status if there is none; EPERM for one that does not
 *         count; else the system's error */
apr_status_t bgu_reply_open(int *fd, apr_off_t *size, const char *path, apr_pool_t *pool);

/** Force the reply, and the names that lead to it, to the disk. */
apr_status_t bgu_reply_sync(const char *folder, const char *id, apr_pool_t *pool);

/** Remove the reply, its folder with all that the application left there, and the claim's file. */
apr_status_t bgu_reply_remove(const char *folder, const char *id, apr_pool_t *pool);

#endif
