/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin: look at the sessions of mod_bgupload, cancel them, clean up, check.
 *
 * The commands stand in a table; each has a file of its own. */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <apr_general.h>

#include "../mod_bgupload/bgu_error.h"
#include "admin.h"
#include "admin_options.h"
#include "admin_store.h"

const admin_command_t admin_commands[] = {
    {"list", admin_list, "json user state older-than younger-than url sort reverse ", 0, 0},
    {"show", admin_show, "json ", 1, 1},
    {"cancel", admin_cancel, "dry-run ", 1, INT_MAX},
    {"expire", admin_expire, "dry-run older-than ", 0, 0},
    {"cleanup", admin_cleanup, "dry-run tombstone min-age ", 0, 0},
    {"stats", admin_stats, "json ", 0, 0},
    {"check", admin_check, "json repair min-age ", 0, 0},
    {NULL, NULL, NULL, 0, 0},
};

void admin_complain(const char *format, ...)
{
    va_list args;

    (void)fputs("bgupload-admin: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

int admin_complain_of(const char *what, apr_status_t status)
{
    char reason[BGU_STRERROR_MAX];

    admin_complain("%s: %s", what, bgu_strerror(status, reason, sizeof(reason)));
    return ADMIN_NOT_DONE;
}

int main(int argc, char **argv)
{
    admin_t admin;
    const admin_command_t *command;
    int code;

    apr_initialize();
    memset(&admin, 0, sizeof(admin));
    apr_pool_create(&admin.pool, NULL);
    if (admin_read_command_line(&admin, &command, argc, argv, &code)) {
        code = admin_open_store(&admin) ? command->run(&admin) : ADMIN_NO_STORE;
    }
    apr_pool_destroy(admin.pool);
    apr_terminate();
    if (fflush(stdout) != 0 || ferror(stdout)) {
        admin_complain("cannot write: %s", strerror(errno));
        return code == ADMIN_DONE ? ADMIN_NOT_DONE : code;
    }
    return code;
}
