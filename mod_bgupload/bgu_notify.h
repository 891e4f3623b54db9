/* SPDX-License-Identifier: Apache-2.0 */

/* The notifier: asking the server application what it says to an upload (protocol: upload-reply).
 *
 * An interface, so that the state machine knows of no network. The module uses bgu_notify_curl.h.
 */

#ifndef BGU_NOTIFY_H
#define BGU_NOTIFY_H

#include "bgu.h"
#include "bgu_error.h"

/** How the application gets the file (directive BGUploadNotify). */
typedef enum {
    BGU_NOTIFY_NONE = 0,      /**< there is no application */
    BGU_NOTIFY_REFERENCE = 1, /**< by two paths: of the file, and for the reply */
    BGU_NOTIFY_VALUE = 2      /**< as the body; the answer's body is the reply */
} bgu_notify_e;

/** What to ask. Strings belong to the caller. */
typedef struct bgu_notification_t {
    const char *url;             /**< absolute URL of the application */
    const char *original_url;    /**< absolute URL of the destination */
    const char *session_id;      /**< canonical */
    bgu_notify_e by;             /**< REFERENCE or VALUE */
    const char *data_path;       /**< absolute path of the received file */
    apr_off_t size;              /**< its bytes */
    const char *reply_path;      /**< absolute path of the reply; nothing is there yet */
    apr_off_t max_reply;         /**< bytes of the largest reply; 0: any */
    apr_interval_time_t timeout; /**< microseconds to wait for the application */
    const char *ca;              /**< file of certificates to verify https with, or NULL */
} bgu_notification_t;

/** What became of it. */
typedef struct bgu_verdict_t {
    bgu_result_e result;    /**< BGU_OK: accepted; else as the client is to hear it */
    int status;             /**< HTTP status of the application; 0: none came */
    const char *static_url; /**< where the application keeps the reply itself, or NULL */
    int has_reply;          /**< a reply is at reply_path */
    int copy;               /**< the file is to be published as well */
    apr_status_t cause;     /**< the system's failure behind result, or APR_SUCCESS */
    const char *detail;     /**< for the log: what happened; in the caller's pool */
} bgu_verdict_t;

/** The status after which an application is not asked again. */
#define BGU_NOTIFY_STATUS_FINAL 403

/** Longest URL of a reply that the application keeps itself. */
#define BGU_STATIC_URL_MAX 2200

/** Somebody who can ask an application. Safe from many threads at once. */
typedef struct bgu_notifier_t bgu_notifier_t;
struct bgu_notifier_t {
    /** Ask and wait. What was not accepted leaves nothing at reply_path.
     * @param verdict filled by this call */
    void (*notify)(bgu_notifier_t *notifier, bgu_verdict_t *verdict,
                   const bgu_notification_t *notification, apr_pool_t *pool);
};

#endif
