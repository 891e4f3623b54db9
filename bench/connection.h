/* SPDX-License-Identifier: Apache-2.0 */

/* A connection to the server, which carries one request at a time and never waits.
 *
 * It is watched edge-triggered: whoever is told of an event calls connection_push() or
 * connection_pull(), which do all that can be done now. */

#ifndef CONNECTION_H
#define CONNECTION_H

#include "answer.h"
#include "protocol.h"

/** A connection with its request. */
typedef struct connection_t {
    int fd;              /**< -1: not open */
    int used;            /**< it has carried a request to its answer */
    uint64_t file;       /**< whose bytes the request sends */
    request_t request;   /**< to be filled in before connection_ask() */
    answer_t answer;     /**< to the request */
    size_t head_sent;    /**< bytes of the request's head that are on their way */
    uint64_t body_sent;  /**< likewise of its body */
    const char *trouble; /**< what went wrong. Static storage or strerror()'s */
} connection_t;

/** What became of a request. */
typedef enum {
    PROGRESS_WAITS,    /**< for the network */
    PROGRESS_ANSWERED, /**< connection_t.answer is whole */
    PROGRESS_FAILED    /**< connection_t.trouble says why */
} progress_e;

/** Begin to connect to 127.0.0.1.
 * @param epoll tells the connection's events, with baton
 * @return 1, or 0 with connection_t.trouble */
int connection_open(connection_t *connection, int port, int epoll, void *baton);

/** Whether a request failed only because the server had closed a connection that it had kept, which
 * it may do at any time. It can be asked again over another connection. */
int connection_was_stale(const connection_t *connection, progress_e progress);

/** Close it, if it is open. */
void connection_close(connection_t *connection);

/** Start sending the request. */
progress_e connection_ask(connection_t *connection);

/** Send on. */
progress_e connection_push(connection_t *connection);

/** Receive. */
progress_e connection_pull(connection_t *connection);

#endif
