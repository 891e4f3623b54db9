/* SPDX-License-Identifier: Apache-2.0 */

/* One upload in a test: its server, a connection and a session. */

#ifndef UPLOAD_H
#define UPLOAD_H

#include "wire.h"

/** An upload that a test is about. */
typedef struct upload_t {
    httpd_env_t *env;
    wire_t *wire;     /**< a connection that is kept; a test may replace it */
    const char *path; /**< of its URL */
    const char *id;   /**< its session, with braces */
} upload_t;

/** Start a server (options may be NULL) and create a session there. */
upload_t upload_begin(const httpd_env_options_t *options, const char *path);

/** Another session on the same server and a new connection. */
upload_t upload_another(httpd_env_t *env, const char *path);

/** Close the session and hold the file at its destination to these bytes. */
void upload_finish(const upload_t *up, const char *file, size_t length);

/** Hold the file at the destination to these bytes. */
void upload_check_file(const upload_t *up, const char *file, size_t length);

/** The next byte the server wants: asks with a fragment of one byte that leaves a gap. Only while
 * less than total - 1 bytes are there. */
long long upload_next(const upload_t *up, long long total);

/** Wait until the next byte the server wants is this one. */
void upload_await_next(const upload_t *up, long long next, long long total);

/** Path of the spool's only file; ends the test if there is not exactly one. */
const char *upload_spool_file(const upload_t *up);

#endif
