/* SPDX-License-Identifier: Apache-2.0 */

/* The state machine of a session: one function for each packet type.
 *
 *     Create-Session -> RECEIVING --last byte--> COMPLETE --Close--> committed, then CLOSED
 *                          | Cancel / timeout       | Cancel / timeout
 *                          v                        v
 *                       CANCELLED                CANCELLED
 *
 * It knows nothing of requests: bytes come from a reader, rules from a policy, and what to tell the
 * client goes into an answer. (Protocol: fragments, life of a session.) */

#ifndef BGU_UPLOAD_H
#define BGU_UPLOAD_H

#include "bgu_notify.h"
#include "bgu_packet.h"
#include "bgu_spool.h"
#include "bgu_store.h"

/** Bytes that are worth a write: a reader gathers at least so many. */
#define BGU_WRITE_SIZE (256 * 1024)

/** Where the body of a Fragment comes from. */
typedef struct bgu_reader_t bgu_reader_t;
struct bgu_reader_t {
    /** Wait for bytes of the body, as many as are best written at once: at least BGU_WRITE_SIZE,
     * unless it ends or breaks before, or they come in too many pieces, or memory is limited.
     * @param piece receives the bytes, valid until the next call; owned by the reader
     * @param left bytes of the body that were not returned yet, above 0; never more are returned
     * @return APR_SUCCESS, or why no more bytes will come */
    apr_status_t (*read)(bgu_reader_t *reader, bgu_piece_t *piece, apr_off_t left);
    /** Whether all of the body is here, so that the first read will return it without waiting. May
     * be asked again and again before that. NULL: nobody knows.
     * @param length bytes of the body */
    int (*is_here)(bgu_reader_t *reader, apr_off_t length);
    /** What was returned is done with and no more is wanted: let go of all memory. Called once,
     * after the last read, or where none follows on an is_here() that said yes. */
    void (*end)(bgu_reader_t *reader);
};

/** Names of a reply's URL below the folder of its destination (protocol: upload-reply). */
#define BGU_REPLY_FOLDER    "BITS-Sessions/Replies/"
#define BGU_REPLY_FILE_NAME "responsefile.bin"

/** The rules that hold at a URL; see the directives of the same names. */
typedef struct bgu_policy_t {
    const char *spool;                    /**< absolute folder for spool files */
    apr_off_t max_size;                   /**< bytes of a file; 0: any */
    apr_off_t max_fragment;               /**< bytes of a fragment; 0: any */
    int overwrite;                        /**< an existing destination may be replaced */
    int commit_on_last;                   /**< publish with the last fragment, not with Close */
    bgu_sync_e sync;                      /**< what to force to the disk */
    apr_uint32_t mode;                    /**< permission bits of a committed file */
    apr_interval_time_t timeout;          /**< idle microseconds before a session is discarded */
    const char *host_id;                  /**< or NULL */
    apr_interval_time_t host_id_fallback; /**< microseconds */
    apr_off_t quota;                      /**< bytes of a user's open uploads; 0: any */
    bgu_limits_t limits;                  /**< of sessions that are open at once */
    bgu_notify_e notify;                  /**< how the server application gets the file */
    apr_interval_time_t notify_timeout;   /**< microseconds to wait for it */
    const char *notify_ca;                /**< file of certificates for it, or NULL */
    apr_off_t max_reply;                  /**< bytes of a reply; 0: any */
} bgu_policy_t;

/** Who asks for what, where. */
typedef struct bgu_request_t {
    const bgu_packet_t *packet; /**< what is asked for */
    const bgu_policy_t *policy; /**< the rules at the URL */
    const char *user;           /**< authenticated user, "" if anonymous */
    const char *client;         /**< client address */
    const char *path;           /**< decoded path of the URL, without the query */
    const char *query;          /**< "" if none */
    const char *dest;           /**< absolute path that the URL maps to */
    int root;                   /**< as bgu_plan_t.root, for dest */
    bgu_reader_t *reader;       /**< the body */
    /* With an application only: */
    bgu_notifier_t *notifier; /**< who asks it */
    const char *url;          /**< absolute URL of the destination, without the query */
    const char *notify_url;   /**< absolute URL of the application, without the query */
    const char *reply_base;   /**< absolute URL to which "{ID}/responsefile.bin" is appended */
} bgu_request_t;

/** What happened to a session, for the log. */
typedef enum {
    BGU_EVENT_NONE,
    BGU_EVENT_CREATED,
    BGU_EVENT_COMPLETED, /**< the last byte is here */
    BGU_EVENT_COMMITTED, /**< the file is at its destination */
    BGU_EVENT_DISCARDED  /**< the bytes are gone, nothing was published */
} bgu_event_e;

/** What became of a request, beside the answer. */
typedef struct bgu_outcome_t {
    bgu_answer_t answer;          /**< what the client is told */
    const bgu_session_t *session; /**< as it stands now, or NULL; in the request's pool */
    bgu_event_e event;            /**< what happened to the session */
    const char *reason;           /**< of BGU_EVENT_DISCARDED, static storage */
    int body_read;                /**< whether the body, if there is one, was touched */
} bgu_outcome_t;

/** Serve one packet. Never fails: all that can happen is an outcome.
 * @param outcome filled by this call
 * @param pool of the request */
void bgu_upload(bgu_outcome_t *outcome, const bgu_sessions_t *sessions,
                const bgu_request_t *request, apr_pool_t *pool);

#endif
