/* SPDX-License-Identifier: Apache-2.0 */

/* Putting a received file at its destination: the file system's half of a commit.
 *
 * The spool file is linked, not moved: it goes only after the store knows of the success, so that
 * every step can be repeated after a crash at any point, and "is the destination already this
 * file?" is answered by its inode, or for a copy by its owner, size, time and bytes. Nobody ever
 * sees half a file.
 *
 * Others may change the paths meanwhile. All work is relative to the opened folder of the
 * destination, and what is linked is the opened spool file, through its descriptor: what appears is
 * what was looked at and synced. Where there is no /proc to do that with, it is copied. The name in
 * the folder is never opened for writing: what bears it, a symbolic link, a pipe, another name of
 * some file, is replaced as a name or not at all. */

#ifndef BGU_PUBLISH_H
#define BGU_PUBLISH_H

#include "bgu.h"
#include "bgu_error.h"
#include "bgu_spool.h"

/** What the log says of a folder that is missing, before its name. */
#define BGU_DETAIL_NO_FOLDER                                                                       \
    "the destination's folder does not exist; make it, the server never does: "

/** Whether a file could be uploaded to dest now. This only spares a client an upload in vain: what
 * counts is how bgu_publish() finds things, perhaps days later.
 * @param root as bgu_plan_t.root
 * @param cause receives the system's error behind a failure, if there is one
 * @param detail receives, for the log, what stands in the way
 * @return BGU_OK, BGU_BAD_REQUEST (a folder), BGU_NO_FOLDER, BGU_ACCESS_DENIED, BGU_IO_ERROR */
bgu_result_e bgu_publish_check(const char *dest, int root, int overwrite, apr_status_t *cause,
                               const char **detail, apr_pool_t *pool);

/** Put the spool file of a session at session->dest as session->plan says. Repeatable.
 * On another file system the bytes are copied to a hidden name beside the destination first.
 * @param cause receives the system's error behind a failure
 * @param detail receives, for the log, what stood in the way
 * @return BGU_OK; BGU_ACCESS_DENIED if dest exists and may not be replaced, its folder cannot be
 *         written, or a link stands in the way to it; BGU_NO_FOLDER; BGU_DISK_FULL; BGU_IO_ERROR.
 * The spool file stays in any case. */
bgu_result_e bgu_publish(const bgu_session_t *session, const bgu_spool_t *spool,
                         apr_status_t *cause, const char **detail, apr_pool_t *pool);

/** Remove what a commit that cannot be finished, for want of bytes, may have staged beside the
 * destination. */
void bgu_publish_abandon(const bgu_session_t *session, apr_pool_t *pool);

/** Whether bgu_publish() has been at work on the spool file before: it is at its destination, or
 * staged beside it. */
int bgu_publish_begun(const bgu_session_t *session, const bgu_spool_t *spool, apr_pool_t *pool);

/** Whether a session found COMMITTING without a spool file may be taken for published, since the
 * spool file goes only then and a power cut may have taken the row back behind that: a regular file
 * of its total size, written since the session began, is at its destination. */
int bgu_publish_done(const bgu_session_t *session);

#endif
