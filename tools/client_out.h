/* SPDX-License-Identifier: Apache-2.0 */

/* The local file that a reply is saved to.
 *
 * Bytes go to a file beside it, OUT.bgupload-part, which takes its place when it is whole: OUT is
 * either what it was before, or all of the reply. The part stays after an interruption; whether it
 * is still the same file is told by its inode. A lock keeps a second program off it. */

#ifndef CLIENT_OUT_H
#define CLIENT_OUT_H

#include <apr_pools.h>

/** The file of a reply. */
typedef struct client_out_t {
    const char *path;   /**< absolute */
    const char *part;   /**< path of the part */
    int fd;             /**< of the part, opened; else -1. Closed with the pool */
    apr_uint64_t inode; /**< of the part, while it is open */
    apr_off_t have;     /**< bytes in the part, while it is open */
} client_out_t;

/** Check where a reply shall go, before anything is done for it: a folder that can be written to,
 * and in it no file or a regular one.
 * @return NULL, or what is wrong (in pool) */
const char *client_out_check(client_out_t *out, const char *path, apr_pool_t *pool);

/** Open and lock the part.
 * @param inode of the part that an earlier call left; any other one is emptied. 0: there is none
 * @return NULL, or what is wrong (in pool) */
const char *client_out_open(client_out_t *out, apr_uint64_t inode, apr_pool_t *pool);

/** Empty the open part. 0 or errno. */
int client_out_empty(client_out_t *out);

/** Append to the open part. 0 or errno; what could be written is counted in have. */
int client_out_write(client_out_t *out, const char *bytes, apr_size_t len);

/** Put the open part in its place, durably, and close it. 0 or errno. */
int client_out_finish(client_out_t *out, apr_pool_t *pool);

/** Remove the part of a reply that nobody wants any more, if it is still the file with this inode.
 * @param path of the reply */
void client_out_remove(const char *path, apr_uint64_t inode, apr_pool_t *pool);

#endif
