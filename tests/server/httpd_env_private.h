/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the harness share. Tests include httpd_env.h. */

#ifndef HTTPD_ENV_PRIVATE_H
#define HTTPD_ENV_PRIVATE_H

#include <apr_tables.h>
#include "httpd_env.h"

/** The part of a server that tests do not look at. */
typedef struct httpd_env_private_t {
    httpd_env_options_t options;  /**< as given; strings are the test's */
    apr_array_header_t *expected; /**< const char *: texts that an error in the log may contain */
    int spooled;                  /**< files that the spool may hold in the end */
    int refused;                  /**< it is not to start: do not judge its log */
    const char *output;           /**< file with what httpd prints before it opens its log */
    int status;                   /**< how httpd ended, as waitpid() tells it */
} httpd_env_private_t;

/** Make the server's folders, files and configuration; env->root and env->port are set. */
void httpd_env_prepare(httpd_env_t *env);

/** Write the configuration file for env->port. */
void httpd_env_write_conf(httpd_env_t *env);

/** Hold the error log to what the test declared; adds failures to the running test. */
void httpd_env_check_log(const httpd_env_t *env);

/** For check_wait(), baton: the server. Whether every child has all its threads. While a child of
 * the event MPM has too few idle ones it closes connections that are kept alive. */
int httpd_env_is_staffed(void *baton);

/** For check_wait(), baton: the server. Whether no client is connected and all threads sleep. */
int httpd_env_is_quiet(void *baton);

/** What httpd said so far: printed and logged. Pool as of httpd_env_pool(). */
const char *httpd_env_words(const httpd_env_t *env);

/** The same, and before it how httpd ended, if it has. */
const char *httpd_env_last_words(const httpd_env_t *env);

/** Whether httpd has ended by a fault of its own, as no other process would end it. */
int httpd_env_has_crashed(const httpd_env_t *env);

/** Print the end of the error log, for a test that failed. */
void httpd_env_show_log(const httpd_env_t *env);

#endif
