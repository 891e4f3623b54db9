/* SPDX-License-Identifier: Apache-2.0 */

/* One exchange with the server: a packet goes out, an answer comes back.
 *
 * Over libcurl, on one connection that is kept open. The body of a Fragment is read from the file
 * while it is sent. HTTP/1.1 on purpose: there is one request at a time, and some authentication
 * schemes belong to a connection. */

#ifndef CLIENT_HTTP_H
#define CLIENT_HTTP_H

#include <apr_pools.h>
#include "bgu_range.h"
#include "client_answer.h"

/** How to talk to servers. All strings have to outlive the client_http_t. */
typedef struct client_http_settings_t {
    const char *user;            /**< NULL: none; "": the Kerberos ticket */
    const char *password;        /**< NULL: none */
    int netrc;                   /**< names and passwords from ~/.netrc */
    const char *ca;              /**< file of trusted certificates, NULL: the system's */
    int insecure;                /**< do not verify certificates */
    apr_interval_time_t timeout; /**< microseconds of silence before a request is broken off */
} client_http_settings_t;

/** One packet to send. */
typedef struct client_packet_t {
    bgu_packet_e type;
    const char *url;
    const char *session_id;   /**< canonical, or NULL */
    const char *content_name; /**< value of Content-Name, or NULL */
    int fd;                   /**< Fragment: the file, read with pread() */
    bgu_range_t range;        /**< Fragment: its bytes */
} client_packet_t;

/** Asked while a request runs. */
typedef struct client_watch_t {
    int (*interrupted)(void *baton);            /**< non-zero breaks the request off */
    void (*sent)(void *baton, apr_off_t bytes); /**< bytes of the body sent so far */
    void *baton;
} client_watch_t;

/** A connection to servers. */
typedef struct client_http_t client_http_t;

/** Make one; goes with the pool. NULL if libcurl fails. */
client_http_t *client_http_make(const client_http_settings_t *settings, const client_watch_t *watch,
                                apr_pool_t *pool);

/** Send a packet and wait for its answer. Never fails: what went wrong is in the answer.
 * @param pool for scratch */
void client_http_exchange(client_http_t *http, client_answer_t *answer,
                          const client_packet_t *packet, apr_pool_t *pool);

/** From now on a whole exchange may only take this many microseconds. */
void client_http_hurry(client_http_t *http, apr_interval_time_t limit);

#endif
