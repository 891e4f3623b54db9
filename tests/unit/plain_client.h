/* SPDX-License-Identifier: Apache-2.0 */

/* A client of the state machine for many threads and processes at once: no assertions, and all
 * memory in a pool of the caller's. */

#ifndef PLAIN_CLIENT_H
#define PLAIN_CLIENT_H

#include "../../mod_bgupload/bgu_upload.h"

/** Who sends what. Copies can be used at once. */
typedef struct plain_client_t {
    const bgu_sessions_t *sessions; /**< the opened store */
    bgu_request_t request;          /**< of each packet, but for packet and reader */
    const char *id;                 /**< the session */
    const char *data;               /**< bytes of its file */
    apr_off_t total;                /**< as told in Content-Range */
    apr_size_t piece;               /**< most bytes that come at once */
    apr_off_t breaks_after;    /**< bytes after which the connection is lost; negative: never */
    void (*wait)(void *baton); /**< called before bytes come; or NULL */
    void *baton;               /**< for wait */
} plain_client_t;

/** Send a packet without a body.
 * @param outcome filled by this call, in pool */
void plain_client_packet(const plain_client_t *client, bgu_packet_e type, bgu_outcome_t *outcome,
                         apr_pool_t *pool);

/** Send a Fragment with the bytes [first, end) of the file. */
void plain_client_fragment(const plain_client_t *client, apr_off_t first, apr_off_t end,
                           bgu_outcome_t *outcome, apr_pool_t *pool);

#endif
