/* SPDX-License-Identifier: Apache-2.0 */

/* Requests through libcurl, for what raw sockets do not speak: TLS, HTTP/2, authentication. */

#ifndef FETCH_H
#define FETCH_H

#include <apr_tables.h>
#include "httpd_env.h"

/** What HTTP to speak. */
typedef enum {
    FETCH_HTTP_1,       /**< HTTP/1.1 */
    FETCH_HTTP_2_CLEAR, /**< HTTP/2 from the first byte, without TLS */
    FETCH_HTTP_2_TLS    /**< HTTP/2 as negotiated in the TLS handshake */
} fetch_version_e;

/** A client that keeps its connection between requests (but for FETCH_HTTP_2_CLEAR). */
typedef struct fetch_t fetch_t;

/** One answer. */
typedef struct fetch_answer_t {
    int status;           /**< HTTP status, 0: none came */
    int version;          /**< 1 or 2 */
    apr_table_t *headers; /**< as received */
    const char *body;     /**< NUL behind it */
    size_t length;        /**< of the body */
} fetch_answer_t;

/** A client of a server. Trusts env->ca. Lives as long as the server's pool.
 * @param user "name:password" for Basic authentication, or NULL */
fetch_t *fetch_open(httpd_env_t *env, fetch_version_e version, const char *user);

/** Send a request and read its answer. Fails the test if no answer comes.
 * @param path as it stands in the URL
 * @param headers lines without \r\n, NULL-terminated; or NULL
 * @param body, length the body; NULL for none */
const fetch_answer_t *fetch(fetch_t *client, const char *method, const char *path,
                            const char *const headers[], const void *body, size_t length);

/** Where a body goes while it comes; nothing more is read until this returns.
 * @return 0 to hang up */
typedef int fetch_take_fn(void *baton, const char *data, size_t length);

/** GET a body that is not kept, and end the connection. Fails the test if it breaks off.
 * @return status of the answer, 0: none came */
int fetch_stream(fetch_t *client, const char *path, fetch_take_fn *take, void *baton);

/** A whole upload with fragments of that size, every answer held to 200. */
void fetch_upload(fetch_t *client, const char *path, const char *file, size_t length,
                  size_t fragment);

#endif
