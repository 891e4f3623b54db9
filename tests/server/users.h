/* SPDX-License-Identifier: Apache-2.0 */

/* Two users for tests of authentication: ann, whose password is a, and bob, whose is b. */

#ifndef USERS_H
#define USERS_H

#include "httpd_env.h"

/** Modules and lines for the folder of the uploads. */
#define USERS_MODULES "auth_basic authn_file authz_user"
#define USERS_LINES                                                                                \
    "AuthType Basic\nAuthName x\nAuthUserFile \"{ROOT}/users\"\nRequire valid-user\n"

/** A header line each. */
#define USERS_ANN "Authorization: Basic YW5uOmE=\r\n"
#define USERS_BOB "Authorization: Basic Ym9iOmI=\r\n"

/** Make the file of users of a server that has these lines. */
void users_write(const httpd_env_t *env);

#endif
