/* SPDX-License-Identifier: Apache-2.0 */

/* The one table of results: what the core found, and what the client hears of it.
 *
 * Two kinds of failure meet here. apr_status_t is what the system did; bgu_result_e is what the
 * client is told. Only this file translates one into the other, and only its table names HTTP
 * statuses, HRESULTs and contexts (protocol: errors). */

#ifndef BGU_ERROR_H
#define BGU_ERROR_H

#include <apr_errno.h>

/** What a packet led to. */
typedef enum {
    BGU_OK = 0,             /**< done */
    BGU_BAD_REQUEST,        /**< malformed, or does not fit the session */
    BGU_LENGTH_REQUIRED,    /**< a body of unknown length */
    BGU_ACCESS_DENIED,      /**< not this user, not this file, not this folder */
    BGU_NO_FOLDER,          /**< the destination's folder does not exist */
    BGU_BYTES_LOST,         /**< bytes that the client was told of are gone, or may be */
    BGU_FRAGMENT_TOO_LARGE, /**< over BGUploadMaxFragment; the client sends smaller ones */
    BGU_RANGE,              /**< does not continue what is there; the answer says where to go on */
    BGU_SESSION_NOT_FOUND,  /**< no such session, not at this URL, or over */
    BGU_UPLOAD_TOO_LARGE,   /**< over BGUploadMaxSize */
    BGU_DISK_FULL,          /**< no space or quota left; what was received stays */
    BGU_IO_ERROR,           /**< disk or store failed otherwise; the client tries again */
    BGU_NOT_ENABLED,        /**< BGUpload is not On here */
    BGU_QUOTA,              /**< over BGUploadQuota, together with the user's other uploads */
    BGU_USER_LIMIT,         /**< BGUploadMaxSessionsPerUser sessions are open */
    BGU_TOTAL_LIMIT,        /**< BGUploadMaxSessions sessions are open */
    BGU_BUSY,               /**< another request of the session has to end first */
    BGU_STORE_BUSY,         /**< another program keeps the store locked */
    BGU_NOTIFYING,          /**< another one waits for the server application */
    BGU_APP_REFUSED,        /**< the application's own status is passed on */
    BGU_APP_BROKEN,         /**< the application's answer cannot be passed on */
    BGU_APP_UNREACHABLE,    /**< the application could not be asked */
    BGU_APP_TIMEOUT,        /**< the application did not answer in time */
    BGU_APP_BAD_URL,        /**< the application's reply URL is too long */
    BGU_DISCONNECTED,       /**< the client is gone: nobody is left to answer */
    BGU_RESULT_COUNT
} bgu_result_e;

/** What the client hears of a result. */
typedef struct bgu_error_t {
    int status;           /**< HTTP status; 0: no answer can be sent */
    apr_uint32_t hresult; /**< BITS-Error-Code and BITS-Error; not sent with 200 */
    apr_uint32_t context; /**< BITS-Error-Context */
    const char *name;     /**< short name for logs */
} bgu_error_t;

/** BITS-Error-Context of everything this server finds itself (BG_ERROR_CONTEXT_REMOTE_FILE). */
#define BGU_CONTEXT_SERVER 0x5

/** BITS-Error-Context of what the server application said (BG_ERROR_CONTEXT_REMOTE_APPLICATION). */
#define BGU_CONTEXT_APPLICATION 0x7

/** Seconds that a client is asked to wait (Retry-After) with BGU_BUSY, BGU_STORE_BUSY and
 * BGU_NOTIFYING. */
#define BGU_RETRY_AFTER 5

/** Whether a client is asked to wait with this result. */
int bgu_error_retry_after(bgu_result_e result);

/** The table row of a result. Static storage, never NULL. */
const bgu_error_t *bgu_error(bgu_result_e result);

/** The table row of a result in which the application's own HTTP status has a part.
 * @param app_status status of the application, 0 if there is none */
bgu_error_t bgu_error_of_application(bgu_result_e result, int app_status);

/** What the client hears when the system failed with this status while its request was served: full
 * disk, quota and file size limit are BGU_DISK_FULL, a store that somebody keeps locked is
 * BGU_STORE_BUSY, APR_SUCCESS is BGU_OK, all else BGU_IO_ERROR. */
bgu_result_e bgu_result_of(apr_status_t status);

/** Statuses from here on are SQLite's result codes plus this base; see bgu_strerror(). */
#define BGU_SQLITE_STATUS (APR_OS_START_USERERR + 20000)

/** Room for whatever bgu_strerror() says. */
#define BGU_STRERROR_MAX 240

/** Like apr_strerror(), and knows the store's statuses too, with what can be done about them.
 * Returns buf. */
char *bgu_strerror(apr_status_t status, char *buf, apr_size_t size);

#endif
