/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin as tests call it. */

#ifndef ADMIN_H
#define ADMIN_H

#include "httpd_env.h"

/** Run bgupload-admin.
 * @param words its command line, split by spaces
 * @param output receives what it printed on both streams
 * @return its exit code */
int admin_plain(const char *words, const char **output);

/** The same on the store of a server. */
int admin(const httpd_env_t *env, const char *words, const char **output);

/** Number of lines of a text. */
int admin_lines(const char *text);

#endif
