/* SPDX-License-Identifier: Apache-2.0 */

/* Remembered uploads: what it takes to go on with one after the client or the machine went down.
 *
 * One small text file for each (file, URL, user) in a folder of the user's. How many bytes arrived
 * is not kept: the server knows. A file found there is not trusted; one that makes no sense counts
 * as nothing remembered. While a slot is open its lock keeps a second client off the same upload.
 */

#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "client_answer.h"

/** One remembered upload. */
typedef struct client_state_t {
    const char *file;             /**< absolute path */
    const char *url;              /**< as client_url_make() returns it */
    const char *user;             /**< name given for it, "" if none */
    apr_off_t size;               /**< bytes of the file when the upload began */
    apr_int64_t mtime;            /**< its time of change, nanoseconds since 1970 */
    apr_uint64_t inode;           /**< its number in its file system */
    char session[BGU_ID_LEN + 1]; /**< canonical */
    char host[CLIENT_HOST_SIZE];  /**< host that the session is bound to, "" if none */
    apr_interval_time_t
        host_fallback;      /**< microseconds without progress before the URL's own host */
    apr_time_t progress;    /**< last known progress, microseconds since 1970 */
    const char *reply_out;  /**< absolute path that the reply is saved to, "" if it is not */
    const char *reply_url;  /**< of the reply, "" if none was offered */
    const char *reply_etag; /**< strong entity tag of the bytes in the part, "" if there are none */
    apr_uint64_t reply_inode; /**< of the part, 0 if there is none */
    int closing;              /**< the server has all bytes; Close-Session may have been sent */
} client_state_t;

/** The place of one upload in the folder, locked. */
typedef struct client_slot_t client_slot_t;

/** Find (and make, for this user alone) the folder of remembered uploads.
 * @return NULL, or what is wrong (in pool) */
const char *client_state_folder(const char **folder, apr_pool_t *pool);

/** Write a state as text, in pool. */
const char *client_state_format(const client_state_t *state, apr_pool_t *pool);

/** Read what client_state_format() wrote.
 * @param text len bytes, not ended by a NUL
 * @return NULL, or what is wrong with it (static); state is then undefined */
const char *client_state_parse(client_state_t *state, const char *text, apr_size_t len,
                               apr_pool_t *pool);

/** Lock the slot of an upload. Unlocked when the pool is destroyed.
 * @return APR_SUCCESS; APR_EAGAIN if another process has it; else the system's error */
apr_status_t client_slot_open(client_slot_t **slot, const char *folder, const char *file,
                              const char *url, const char *user, apr_pool_t *pool);

/** What is remembered in a slot.
 * @param error receives what is wrong with a state that was found and ignored, else NULL
 * @return 1 if state was filled, 0 if there is nothing (of use) */
int client_slot_load(client_slot_t *slot, client_state_t *state, const char **error,
                     apr_pool_t *pool);

/** Remember a state durably; readers see the old one or the new one. */
apr_status_t client_slot_save(client_slot_t *slot, const client_state_t *state, apr_pool_t *pool);

/** Forget what is remembered. */
void client_slot_forget(client_slot_t *slot);

/** All remembered uploads of a folder, as client_state_t in pool; those that make no sense are left
 * out. Never NULL. */
apr_array_header_t *client_state_list(const char *folder, apr_pool_t *pool);

#endif
