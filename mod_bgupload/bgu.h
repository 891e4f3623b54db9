/* SPDX-License-Identifier: Apache-2.0 */

/* What all of the core shares: a session, its states, and how ids look.
 *
 * A session is one upload of one file by one user. Its row in the store says what it is; its spool
 * file holds the bytes. The number of bytes received is the size of the spool file and is kept
 * nowhere else. */

#ifndef BGU_H
#define BGU_H

#include <apr.h>
#include <apr_pools.h>
#include <apr_time.h>

/** Length of a session id in the core: a GUID in upper case without braces. */
#define BGU_ID_LEN 36

/** The total of a session whose first fragment has not come yet. */
#define BGU_TOTAL_UNKNOWN ((apr_off_t)-1)

/** Where a session stands. The numbers are stored: never renumber them. */
typedef enum {
    BGU_STATE_RECEIVING = 0,  /**< bytes are wanted */
    BGU_STATE_NOTIFYING = 1,  /**< all bytes are here, the server application is being asked */
    BGU_STATE_COMPLETE = 2,   /**< all bytes are here, waiting for Close-Session; a file that comes
                               * at once is so just before its bytes, under their lock */
    BGU_STATE_COMMITTING = 3, /**< on the way to the destination; a crash is finished, not undone */
    BGU_STATE_PUBLISHED = 4,  /**< at the destination, waiting for Close-Session (OnLastFragment) */
    BGU_STATE_CLOSED = 5,     /**< tombstone: closed by the client */
    BGU_STATE_CANCELLED = 6   /**< tombstone: cancelled by the client or timed out */
} bgu_state_e;

/** How much is forced to the disk before an answer (directive BGUploadSync). */
typedef enum {
    BGU_SYNC_OFF = 0,     /**< nothing */
    BGU_SYNC_COMMIT = 1,  /**< the file, before the 200 to Close-Session */
    BGU_SYNC_FRAGMENT = 2 /**< also every fragment before its 200 */
} bgu_sync_e;

/** How a commit is to be done; fixed in the row when the commit starts, so that whoever finishes it
 * after a crash needs no configuration. */
typedef struct bgu_plan_t {
    int overwrite;     /**< replace an existing destination */
    int keep_session;  /**< the session lives on as PUBLISHED instead of CLOSED */
    bgu_sync_e sync;   /**< what to force to the disk */
    apr_uint32_t mode; /**< permission bits of the new file */
    int root;          /**< bytes of the destination's path, a folder, below which no symbolic link
                        * is followed; 0: links are followed */
} bgu_plan_t;

/** What the server application left for the client. The numbers are stored: never renumber them. */
typedef enum {
    BGU_REPLY_NONE = 0, /**< nothing */
    BGU_REPLY_FILE = 1, /**< a file in the spool */
    BGU_REPLY_URL = 2   /**< something at a URL of its own */
} bgu_reply_e;

/** What the server application said of an upload (protocol: upload-reply). */
typedef struct bgu_reply_t {
    bgu_reply_e kind; /**< what the client can fetch */
    const char *url;  /**< of BGU_REPLY_URL, else "" */
    int taken;        /**< the application took the file over: Close-Session publishes nothing */
    int asked;        /**< number of notifications that were begun */
    int refused;      /**< HTTP status with which it refused for good; 0: it did not */
    apr_time_t made;  /**< when it accepted, microseconds since 1970 */
} bgu_reply_t;

/** One session, as the store knows it. */
typedef struct bgu_session_t {
    const char *id;              /**< BGU_ID_LEN characters */
    bgu_state_e state;           /**< where it stands */
    const char *user;            /**< authenticated user, "" if anonymous */
    const char *client;          /**< address that created it */
    const char *path;            /**< decoded path of its URL, without the query */
    const char *query;           /**< query of Create-Session, "" if there was none */
    const char *dest;            /**< absolute path of the destination file */
    const char *spool;           /**< absolute path of the folder of its spool file */
    apr_off_t total;             /**< bytes of the whole file, or BGU_TOTAL_UNKNOWN */
    apr_time_t created;          /**< when, microseconds since 1970 */
    apr_time_t updated;          /**< last change of this row, microseconds since 1970 */
    apr_interval_time_t timeout; /**< idle microseconds after which it is discarded */
    bgu_plan_t plan;             /**< meaningful from COMMITTING on */
    bgu_reply_t reply;           /**< meaningful once the server application answered */
} bgu_session_t;

/** The name of a state in lower case, for logs and listings. Static storage. */
const char *bgu_state_name(bgu_state_e state);

/** Whether a session in this state is over and only remembered. */
int bgu_state_is_tombstone(bgu_state_e state);

#endif
