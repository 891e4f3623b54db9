/* SPDX-License-Identifier: Apache-2.0 */

/* An upload-reply in a test: its server application, its server and a session. */

#ifndef REPLY_H
#define REPLY_H

#include "backend.h"
#include "fetch.h"
#include "upload.h"

/** An upload-reply that a test is about. */
typedef struct reply_t {
    backend_t *backend;
    upload_t up;
} reply_t;

/** Destination of reply_begin(). */
#define REPLY_PATH "/upload/a.bin"

/** Start an application, and a server that notifies it of uploads.
 * @param by "Reference" or "Value"
 * @param options or NULL; its lines for the folder come behind those of the notification */
httpd_env_t *reply_server(backend_t **backend, const char *by, const httpd_env_options_t *options);

/** The same, and create a session of REPLY_PATH. */
reply_t reply_begin(const char *by, const httpd_env_options_t *options);

/** reply_begin() with lines for the folder; NULL for none. */
reply_t reply_begin_lines(const char *by, const char *lines);

/** Send a whole file as one fragment, which is the last one, and do not wait for the answer. */
void reply_ask(const upload_t *up, const char *file, size_t length);

/** The same, and read the answer; an error has to be the application's. */
const wire_answer_t *reply_send(const upload_t *up, const char *file, size_t length);

/** Send only the whole file's last byte again; an error has to be the application's. */
const wire_answer_t *reply_again(const upload_t *up, const char *file, size_t length);

/** A session on a new connection that has sent this file, which the application accepted. */
upload_t reply_uploaded(httpd_env_t *env, const char *path, const char *file, size_t length);

/** The URL of an upload's reply as it has to be, less scheme and host. */
const char *reply_path(const upload_t *up);

/** Hold an answer to a reply at the URL of the session (file is not 0), or to none. */
void reply_check_url(const upload_t *up, const wire_answer_t *answer, int file);

/** Hold the reply that the client downloads to the first length bytes of backend_bytes(). */
void reply_check_bytes(const upload_t *up, size_t length);

/** Status of a GET on a connection of its own, which the server closes behind it.
 * @param more header lines, each ended by \r\n */
int reply_status(httpd_env_t *env, const char *method, const char *path, const char *more);

#endif
