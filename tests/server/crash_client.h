/* SPDX-License-Identifier: Apache-2.0 */

/* A client as a server's crashes meet it: it does what a BITS client does, packet by packet.
 *
 * It creates a session (once more if the answer was lost), sends fragments in order, goes where 416
 * tells it to, and repeats a packet until there is an answer. It remembers what was acknowledged,
 * and holds every answer to it: after a kill -9 no session and no acknowledged byte is gone, and no
 * byte is there that was not sent. Sending and receiving are two steps, so that a test can act in
 * between. */

#ifndef CRASH_CLIENT_H
#define CRASH_CLIENT_H

#include "wire.h"

/** What a client does when it has sent what it wants to send. */
typedef enum { CRASH_CLOSE, CRASH_CANCEL } crash_end_e;

/** An upload as its client means it to go. */
typedef struct crash_plan_t {
    const char *path;   /**< of the URL */
    const char *file;   /**< the bytes */
    long long length;   /**< of the whole file */
    long long fragment; /**< bytes of a fragment */
    long long stop;     /**< end after that many acknowledged bytes; -1: without any fragment */
    crash_end_e end;    /**< how */
} crash_plan_t;

/** A client. Read only for tests, but for the plan, which may change between two packets. */
typedef struct crash_client_t {
    crash_plan_t plan;
    httpd_env_t *env;
    wire_t *wire;           /**< NULL: not connected */
    const char *id;         /**< of the session, with braces; NULL: none yet */
    long long acknowledged; /**< bytes that the server said it has; -1: it said nothing yet */
    long long sent;         /**< bytes of the session that were ever sent */
    const char *packet;     /**< the packet that waits for its answer, or was sent last */
    int number;             /**< of packets sent */
    int status;             /**< of the last answer; 0: the connection broke instead */
    const char *reply;      /**< BITS-Reply-URL of the last answer; NULL: none */
    int over;               /**< the last packet was answered, or nothing more can be done */
} crash_client_t;

/** A client that has not begun. */
crash_client_t crash_client(httpd_env_t *env, const crash_plan_t *plan);

/** The packet that is next: "Fragment". */
const char *crash_client_next(const crash_client_t *client);

/** Send the next packet, on a new connection where the last one broke. */
void crash_client_send(crash_client_t *client);

/** Read the answer and draw the conclusions. An answer that must not be fails the test and ends the
 * client.
 * @return 1; 0 if the connection broke instead: the same packet is next again */
int crash_client_receive(crash_client_t *client);

/** Send, receive, until the client's work is done. The server has to stay up. */
void crash_client_finish(crash_client_t *client);

#endif
