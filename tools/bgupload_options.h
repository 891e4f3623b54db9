/* SPDX-License-Identifier: Apache-2.0 */

/* The command line of bgupload. */

#ifndef BGUPLOAD_OPTIONS_H
#define BGUPLOAD_OPTIONS_H

#include <apr_pools.h>
#include <apr_time.h>
#include "client.h"

/** What the user asked for. */
typedef struct options_t {
    const char *command;        /**< "put" and so on, one that exists */
    const char *file;           /**< put: the local file */
    const char *url;            /**< put, cancel, ping */
    client_settings_t settings; /**< without its callbacks */
    int quiet;                  /**< only failures are told */
    int json;                   /**< results as JSON on standard output */
    int verbose;                /**< every exchange is told */
} options_t;

/** Read the command line. Text for the user (help, version, what is wrong) is written here. A
 * password is overwritten in argv.
 * @param exit_code receives, with 0, the code to exit with
 * @return 1 to go on, 0 to exit */
int options_read(options_t *options, int *exit_code, int argc, char **argv, apr_pool_t *pool);

#endif
