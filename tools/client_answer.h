/* SPDX-License-Identifier: Apache-2.0 */

/* What came back from the server, and what it means for the upload.
 *
 * Pure: header lines in, a verdict out. Every byte is the server's and so not trusted: values that
 * are too long or malformed count as missing. (Protocol: errors.) */

#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

#include <apr_pools.h>
#include <apr_time.h>
#include "bgu_packet.h"

/** Longest host name (with port) taken from BITS-Host-Id, with its NUL. */
#define CLIENT_HOST_SIZE 264

/** Longest URL taken from BITS-Reply-URL, with its NUL. */
#define CLIENT_REPLY_URL_SIZE 8192

/** How far a request got. */
typedef enum {
    CLIENT_ANSWERED,    /**< there is an HTTP status */
    CLIENT_UNREACHED,   /**< no answer came; it may work later */
    CLIENT_UNREACHABLE, /**< no answer came, and none will (a certificate that is not trusted) */
    CLIENT_UNREADABLE,  /**< the local file could not be read */
    CLIENT_STOPPED      /**< the user stopped it */
} client_reach_e;

/** One answer. */
typedef struct client_answer_t {
    client_reach_e reach;
    int ended;                       /**< all headers are here */
    int status;                      /**< HTTP status; 0: none */
    int by_application;              /**< an error of the server application, not the server */
    int ack;                         /**< it says BITS-Packet-Type: Ack */
    apr_uint32_t hresult;            /**< BITS-Error-Code or BITS-Error; 0: none */
    char session_id[BGU_ID_LEN + 1]; /**< canonical; "" if none */
    apr_off_t next;                  /**< offset of the next byte wanted; -1: not told */
    char host_id[CLIENT_HOST_SIZE];  /**< host for all that follows; "" if none */
    apr_interval_time_t
        host_fallback;               /**< microseconds without progress before fallback; 0: none */
    apr_interval_time_t retry_after; /**< microseconds that the server asks to wait */
    char trouble[256];               /**< why there is no answer */
    char reply_url[CLIENT_REPLY_URL_SIZE]; /**< as it came; "" if none */
    int reply_url_too_long;                /**< there is one, but it was not taken */
} client_answer_t;

/** What to do about an answer. */
typedef enum {
    CLIENT_OK,
    CLIENT_RANGE,      /**< go on at answer.next */
    CLIENT_SMALLER,    /**< send smaller fragments */
    CLIENT_GONE,       /**< the session is not known */
    CLIENT_BYTES_LOST, /**< the session is known, its bytes are not there any more */
    CLIENT_TRANSIENT,  /**< try again later */
    CLIENT_FATAL,      /**< never try again */
    CLIENT_FILE,       /**< the local file is the trouble */
    CLIENT_INTERRUPTED /**< the user wants it to stop */
} client_verdict_e;

/** Make an answer empty. */
void client_answer_clear(client_answer_t *answer);

/** Take one line of the response: a status line (which starts a new answer), a header, or the empty
 * line behind the headers. Never fails; what cannot be understood is left out.
 * @param line len bytes, with or without line end, not ended by a NUL */
void client_answer_line(client_answer_t *answer, const char *line, apr_size_t len);

/** What an answer to a packet of this type means. */
client_verdict_e client_answer_verdict(const client_answer_t *answer, bgu_packet_e type);

/** What an HTTP status means to which nothing gives a meaning of its own. */
client_verdict_e client_status_verdict(int status);

/** Say in a few words what the answer was, e.g. "the server answered 403 (0x80070005
 * E_ACCESSDENIED)". In pool or static. */
const char *client_answer_text(const client_answer_t *answer, apr_pool_t *pool);

/** What the user can do about an answer that is not OK. Static, "" if nothing sensible is known. */
const char *client_answer_advice(const client_answer_t *answer);

/** The name of an HRESULT, or NULL. In pool or static. */
const char *client_hresult_name(apr_uint32_t hresult, apr_pool_t *pool);

#endif
