/* SPDX-License-Identifier: Apache-2.0 */

/* The head of the answer to a download, and where its body belongs. Pure.
 *
 * A download goes on behind the bytes that are there already only if the server says that it is
 * still the same thing, by an entity tag that compares byte for byte (a "strong" one). */

#ifndef CLIENT_HEAD_H
#define CLIENT_HEAD_H

#include <apr_pools.h>

/** Longest entity tag that is taken, with its quotes and NUL. */
#define CLIENT_ETAG_SIZE 256

/** What the head says. All zero but the offsets: nothing so far. */
typedef struct client_head_t {
    int status;                  /**< HTTP status; 0: none */
    char etag[CLIENT_ETAG_SIZE]; /**< strong entity tag with its quotes; "" if none */
    apr_off_t length;            /**< Content-Length; -1: not told */
    apr_off_t first;             /**< Content-Range: offset of the first byte; -1: not told */
    apr_off_t total;             /**< Content-Range: bytes of the whole; -1: not told */
    int chunked;                 /**< the body's end can be told without its length */
    int coded;                   /**< the body is not what was asked for but compressed or so */
} client_head_t;

/** Where the body belongs. */
typedef enum {
    CLIENT_BODY_NONE,    /**< nowhere: the status is an error */
    CLIENT_BODY_WHOLE,   /**< it is the whole thing */
    CLIENT_BODY_REST,    /**< behind the bytes that are there */
    CLIENT_BODY_NOTHING, /**< there are no more bytes: everything is there */
    CLIENT_BODY_OTHER,   /**< it does not fit to what is there: begin again */
    CLIENT_BODY_UNUSABLE /**< it never will be of use */
} client_body_e;

/** Make a head empty. */
void client_head_clear(client_head_t *head);

/** Take one line of the head: a status line (which starts a new head) or a header. What cannot be
 * understood is left out.
 * @param line len bytes, with or without line end, not ended by a NUL */
void client_head_line(client_head_t *head, const char *line, apr_size_t len);

/** Where the body belongs.
 * @param have bytes that are there; not 0: the rest was asked for, by etag
 * @param etag entity tag of what is there */
client_body_e client_head_body(const client_head_t *head, apr_off_t have, const char *etag);

/** Bytes of the whole thing, -1 if the head does not tell. */
apr_off_t client_head_total(const client_head_t *head);

/** Whether a text is a strong entity tag that can be sent back. */
int client_head_is_etag(const char *text, apr_size_t len);

#endif
