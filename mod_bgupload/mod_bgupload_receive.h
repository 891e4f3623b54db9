/* SPDX-License-Identifier: Apache-2.0 */

/* Receiving large bodies in large pieces.
 *
 * httpd receives 8,000 bytes at a time, whatever is asked for, and allocates memory for each. So a
 * connection gets a network bucket of our own (hook insert_network_bucket). It does the same, by
 * the same code, but while the connection was told that a large body is coming in. Then it receives
 * as much as the kernel has into one buffer, which is filled from front to back, and begun anew
 * when all that came into it was handed on. The connection has the buffer from the first byte that
 * is received so to the end of the body.
 *
 * Where nobody looks at the bytes on their way, and there are many at once, they are not received
 * at all: they go into a pipe inside the kernel, and from there into the file. One copy less. The
 * bucket that stands for them has a length, but cannot be read; one exists at a time. */

#ifndef MOD_BGUPLOAD_RECEIVE_H
#define MOD_BGUPLOAD_RECEIVE_H

#include <apr_buckets.h>
#include "mod_bgupload.h"

/** Sizes of a buffer, beside 0. */
#define MOD_BGUPLOAD_RECEIVE_MIN (64 * 1024)
#define MOD_BGUPLOAD_RECEIVE_MAX (64 * 1024 * 1024)

/** How to read a body from its filters. In bytes. */
typedef struct mod_bgupload_receive_t {
    apr_size_t most;   /**< to ask for at once */
    apr_size_t enough; /**< to be written before more is asked for */
} mod_bgupload_receive_t;

/** Hook insert_network_bucket: receive from a client by a bucket of ours, if there are uploads at
 * all. */
apr_status_t mod_bgupload_insert_network_bucket(conn_rec *c, apr_bucket_brigade *bb,
                                                apr_socket_t *socket);

/** Prepare a connection for a body, of which nothing was asked for yet. It is received into a
 * buffer, or moved through a pipe, from now on to mod_bgupload_receive_end(); or as httpd receives,
 * if there is to be no buffer, the body is too small to be worth one, or the connection has no
 * network (HTTP/2).
 * @param length bytes of the body
 * @param size bytes of the buffer; 0: none
 * @param direct whether no filter on the way looks at the bytes
 * @return how to read it */
mod_bgupload_receive_t mod_bgupload_receive_begin(conn_rec *c, apr_off_t length, apr_size_t size,
                                                  int direct);

/** The pipe with the bytes of a bucket, which may be taken out of it; it does not block. Still
 * owned by the connection, at most to mod_bgupload_receive_end(). -1: they are not in a pipe. */
int mod_bgupload_receive_pipe(const apr_bucket *bucket);

/** The body is over, or no more of it is wanted: receive as httpd does. The pipe is closed; the
 * buffer goes as soon as nobody has bytes of it any more. */
void mod_bgupload_receive_end(conn_rec *c);

#endif
