/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin as tests call it. */

#ifndef ADMIN_H
#define ADMIN_H

#include "../../mod_bgupload/bgu.h"
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

/** What SQLite's JSON parser finds in a text, as text; NULL for null. Ends the test if the text is
 * no JSON.
 * @param where as in "$[0].id" */
const char *admin_json(const char *text, const char *where);

/** The line of a text that contains a part, or NULL. */
const char *admin_line(const char *text, const char *part);

/** A session to be put into a store. */
typedef struct admin_row_t {
    const char *user;
    const char *path; /**< of its URL */
    bgu_state_e state;
    int age;         /**< seconds since it was created and changed */
    apr_off_t total; /**< bytes, or BGU_TOTAL_UNKNOWN */
} admin_row_t;

/** Put a session into the store of a server, which runs; without a spool file. Returns its id. */
const char *admin_row(const httpd_env_t *env, const admin_row_t *row);

/** Put many of the same kind into it, those that are open and have a total with a spool file as old
 * as they are. */
void admin_rows(const httpd_env_t *env, const admin_row_t *row, int count);

#endif
