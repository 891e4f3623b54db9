/* SPDX-License-Identifier: Apache-2.0 */

/* Whom the test's httpd runs as: the caller, or when that is root, www-data or nobody. */

#ifndef SERVER_USER_H
#define SERVER_USER_H

/** Name of the user for the User directive, or NULL when not root. Ends the test if there is none.
 */
const char *server_user_name(void);

/** Name of that user's group, or NULL when not root. */
const char *server_user_group(void);

/** Make a file or folder belong to the server's user; nothing to do when not root. */
void server_user_own(const char *path);

/** Whether the server's user gets into a folder: it and all above are open to everybody. Tells the
 * name of the first that is not, or NULL. Always NULL when not root. */
const char *server_user_barred(const char *folder);

#endif
