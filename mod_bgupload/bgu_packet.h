/* SPDX-License-Identifier: Apache-2.0 */

/* The wire format: request headers in, packet out; answer in, response headers out.
 *
 * The only place that knows the names of the protocol's headers. It is pure: no disk, no network,
 * no clock. (Protocol: requests and answers, errors.) */

#ifndef BGU_PACKET_H
#define BGU_PACKET_H

#include <apr_tables.h>
#include "bgu.h"
#include "bgu_error.h"
#include "bgu_range.h"

/** The method of all requests of this protocol. */
#define BGU_METHOD "BITS_POST"

#define BGU_H_PACKET_TYPE         "BITS-Packet-Type"
#define BGU_H_SUPPORTED_PROTOCOLS "BITS-Supported-Protocols"
#define BGU_H_PROTOCOL            "BITS-Protocol"
#define BGU_H_SESSION_ID          "BITS-Session-Id"
#define BGU_H_RECEIVED_RANGE      "BITS-Received-Content-Range"
#define BGU_H_REPLY_URL           "BITS-Reply-URL"
#define BGU_H_HOST_ID             "BITS-Host-Id"
#define BGU_H_HOST_ID_FALLBACK    "BITS-Host-Id-Fallback-Timeout"
#define BGU_H_ERROR_CODE          "BITS-Error-Code"
#define BGU_H_ERROR               "BITS-Error"
#define BGU_H_ERROR_CONTEXT       "BITS-Error-Context"
#define BGU_H_CONTENT_RANGE       "Content-Range"
#define BGU_H_CONTENT_NAME        "Content-Name"
#define BGU_H_METHOD_OVERRIDE     "X-Http-Method-Override"

/* Between the server and its application. */
#define BGU_H_ORIGINAL_URL     "BITS-Original-Request-URL"
#define BGU_H_REQUEST_FILE     "BITS-Request-DataFile-Name"
#define BGU_H_RESPONSE_FILE    "BITS-Response-DataFile-Name"
#define BGU_H_STATIC_REPLY_URL "BITS-Static-Response-URL"
#define BGU_H_COPY_FILE        "BITS-Copy-File-To-Destination"

/** The one protocol there is: BITS 1.5 upload. */
#define BGU_PROTOCOL "{7df0354d-249b-430f-820d-3d2a9bef4931}"

/** Most protocols that a Create-Session may name. */
#define BGU_PROTOCOLS_MAX 100

/** Longest value of a header of this protocol, in bytes. */
#define BGU_VALUE_MAX 4096

/** What a client can ask for. */
typedef enum {
    BGU_PING,
    BGU_CREATE_SESSION,
    BGU_FRAGMENT,
    BGU_CLOSE_SESSION,
    BGU_CANCEL_SESSION,
    BGU_PACKET_UNKNOWN /**< none of these, or none named */
} bgu_packet_e;

/** One request of a client. */
typedef struct bgu_packet_t {
    bgu_packet_e type;      /**< what the client asks for */
    const char *session_id; /**< canonical, or NULL if the request carried no well-formed one */
    bgu_range_t range;      /**< Fragment only */
    apr_off_t length;       /**< bytes of body that follow */
} bgu_packet_t;

/** What the server answers. */
typedef struct bgu_answer_t {
    bgu_result_e result;    /**< names status and error */
    const char *detail;     /**< for the log: what was wrong, raw (may hold bytes of the client) */
    apr_status_t cause;     /**< the system's failure behind it, or APR_SUCCESS */
    const char *session_id; /**< canonical, or NULL */
    int app_status;         /**< HTTP status of the server application; 0: none */
    const char *reply_url;  /**< where the reply is, or NULL */
    apr_off_t next;         /**< offset of the next byte wanted; negative: not sent */
    int created;            /**< a session was made: name the protocol */
    const char *host_id;    /**< host for all that follows, or NULL */
    apr_interval_time_t host_id_fallback; /**< microseconds without progress before fallback */
} bgu_answer_t;

/** Read the headers of a request into a packet.
 * @param packet filled as far as the headers are sound, so that a refusal can echo the session id
 * @param detail receives what was wrong, raw, for the log
 * @param headers the request's headers
 * @param pool for the packet's strings and detail
 * @return BGU_OK, BGU_BAD_REQUEST or BGU_LENGTH_REQUIRED */
bgu_result_e bgu_packet_parse(bgu_packet_t *packet, const char **detail, const apr_table_t *headers,
                              apr_pool_t *pool);

/** The name of a packet type as it stands in BITS-Packet-Type. Static storage. */
const char *bgu_packet_name(bgu_packet_e type);

/** Set the response headers of an answer, all but Content-Length.
 * @param headers the response's headers; keys and values are copied into its pool */
void bgu_answer_write(apr_table_t *headers, const bgu_answer_t *answer);

#endif
