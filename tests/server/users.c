/* SPDX-License-Identifier: Apache-2.0 */

#include "users.h"

#include <apr_strings.h>

#include "files.h"

/* Hashes of the passwords in the {SHA} form, which needs no other program to make. */
static const char users[] = "ann:{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g=\n"
                            "bob:{SHA}6dcfXufJLW3J6S/9rRe4vUlBj5g=\n";

void users_write(const httpd_env_t *env)
{
    files_write(apr_pstrcat(env->pool, env->root, "/users", NULL), users, sizeof(users) - 1);
}
