/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload as its user runs it, against the server of a test. */

#ifndef CLIENT_RUN_H
#define CLIENT_RUN_H

#include "files.h"
#include "httpd_env.h"

/** Most words of a command line. */
#define CLIENT_WORDS 16

/** Bytes of a file that takes a while with client_begin()'s small fragments. */
#define CLIENT_LONG (48 * 1024 * 1024)

/** A user's file and where it shall go: /upload/data.bin. */
typedef struct client_t {
    httpd_env_t *env;
    const char *file; /**< path of the local file */
    const char *url;  /**< of the destination */
    const char *dest; /**< path of the destination */
} client_t;

/** Start a server (options may be NULL) and make a file of length random bytes. Uploads are
 * remembered in the server's folder. */
client_t client_open(const httpd_env_options_t *options, long long length);

/** Run bgupload and wait for its end.
 * @param output receives what it printed; may be NULL
 * @param ... its arguments, ended by NULL
 * @return its exit code */
int client_run(const client_t *client, const char **output, ...) __attribute__((sentinel));

/** Start "put" with small fragments, wait until some bytes have arrived, but not all, and stop it
 * there: it goes on with client_end().
 * @param option one more option, or NULL */
program_t *client_begin(const client_t *client, const char *option);

/** client_begin(), then kill -9. */
void client_break(const client_t *client);

/** Wait for the end of a started bgupload. Returns its exit code. */
int client_end(program_t *program, const char **output);

/** Id of the session that is remembered, without braces; ends the test if there is not one. */
const char *client_session(const client_t *client);

/** Hold what is remembered to this many uploads. */
void client_check_remembered(const client_t *client, int count);

/** Path of the only file in which an upload is remembered. */
const char *client_state_file(const client_t *client);

/** Path of the spool's only file. */
const char *client_spool_file(const client_t *client);

/** The further suites of the client. */
void suite_client_resume(void);
void suite_client_trouble(void);

#endif
