/* SPDX-License-Identifier: Apache-2.0 */

/* Which bytes of a spool file a power cut cannot take.
 *
 * The file's size says how many bytes were received, but after a power cut it may say so of bytes
 * that never reached the disk: file systems write a file's length and its bytes at different times,
 * and there are zeros then. So a file that is being received bears a mark, an extended attribute,
 * with the length up to which it is known to be on the disk, and the boot of the machine in which
 * that is about to change. Whoever finds the mark of another boot drops what lies behind that
 * length; the client is told to send it again.
 *
 * A file without a mark is trusted: all of it was synced before the mark was removed, or nothing is
 * ever synced (BGUploadSync Off), or its file system keeps no such attributes. */

#ifndef BGU_SAFE_H
#define BGU_SAFE_H

#include "bgu_spool.h"

/** Name of the mark. */
#define BGU_SAFE_ATTRIBUTE "user.bgupload"

/** The mark, in the machine's own byte order. Small enough to need no block of its own. */
typedef struct bgu_safe_mark_t {
    unsigned char boot[16]; /**< the boot id of the kernel */
    apr_int64_t length;     /**< bytes that are on the disk */
    apr_int64_t time;       /**< when that was noted, microseconds since the boot */
} bgu_safe_mark_t;

/** What is known of an open spool file. All zero: nothing, and nothing is going to be. */
typedef struct bgu_safe_t {
    apr_off_t length; /**< bytes that are on the disk */
    apr_time_t since; /**< when that was noted, microseconds since the boot */
    int marked;       /**< whether the file bears a mark */
} bgu_safe_t;

/** Look at the mark of a file that is being received. One without bytes gets its mark here; one
 * that was written in another boot loses the bytes that cannot be trusted. May lock and unlock.
 * @return APR_SUCCESS or the system's error */
apr_status_t bgu_safe_open(bgu_safe_t *safe, bgu_spool_t *spool);

/** Whether so much was received, or so long ago, since bytes were last brought to the disk that it
 * should be done again.
 * @param size of the file */
int bgu_safe_is_due(const bgu_safe_t *safe, apr_off_t size);

/** Bring the bytes to the disk and note it. If that fails, bytes are gone from the kernel's memory
 * as well: the file is cut back to what is safe. Locks and unlocks.
 * @param size of the file, of a moment before this call
 * @param durable whether the note must survive as well, for bytes that were promised one by one
 * @return APR_SUCCESS or the system's error */
apr_status_t bgu_safe_sync(bgu_safe_t *safe, bgu_spool_t *spool, apr_off_t size, int durable);

/** Remove the mark of a file of which all is on the disk, before it gets another name. */
void bgu_safe_forget(const bgu_spool_t *spool);

#endif
