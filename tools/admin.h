/* SPDX-License-Identifier: Apache-2.0 */

/* What all parts of bgupload-admin share: what was asked for, the commands, the exit codes.
 *
 * A command reads the sessions through the same core as the server and changes them with its
 * compare-and-swap steps, so it may run beside the server at any time. */

#ifndef ADMIN_H
#define ADMIN_H

#include <apr_tables.h>
#include "../mod_bgupload/bgu_store.h"

/** Exit codes; the man page describes them. */
enum { ADMIN_DONE = 0, ADMIN_NOT_DONE = 1, ADMIN_USAGE = 2, ADMIN_NO_STORE = 3 };

/** An interval that was not given. */
#define ADMIN_UNSET ((apr_interval_time_t)-1)

/** What the caller asked for, and the opened store. Intervals are microseconds. */
typedef struct admin_t {
    const char *store;                /**< path of the database; NULL: not given */
    const char *config;               /**< an httpd configuration; NULL: not given */
    apr_array_header_t *spools;       /**< folders to look through (const char *) */
    int json;                         /**< print JSON */
    int dry_run;                      /**< change nothing */
    int repair;                       /**< check: repair what can be */
    int reverse;                      /**< list: in the opposite order */
    const char *sort;                 /**< list: name of the order */
    const char *user;                 /**< list: only this user's */
    const char *url;                  /**< list: only paths that begin like this, or match it */
    unsigned states;                  /**< list: mask of 1 << bgu_state_e; 0: all */
    apr_interval_time_t older_than;   /**< list: age; expire: idle time */
    apr_interval_time_t younger_than; /**< list: age */
    apr_interval_time_t tombstone;    /**< cleanup: age of tombstones to forget */
    apr_interval_time_t min_age;      /**< cleanup, check: age of files to remove */
    char **args;                      /**< session ids, canonical */
    int count;                        /**< number of args */
    bgu_sessions_t sessions;          /**< the opened store */
    apr_pool_t *pool;
} admin_t;

/** A command. */
typedef struct admin_command_t {
    const char *name;
    int (*run)(admin_t *admin); /**< returns the exit code */
    const char *options;        /**< names of the options it takes, each with a blank behind it */
    int args_min;               /**< session ids it needs */
    int args_max;               /**< session ids it takes */
} admin_command_t;

/** All commands; the last one has no name. */
extern const admin_command_t admin_commands[];

/** The commands. Each returns the exit code. */
int admin_list(admin_t *admin);
int admin_show(admin_t *admin);
int admin_cancel(admin_t *admin);
int admin_cleanup(admin_t *admin);
int admin_expire(admin_t *admin);
int admin_stats(admin_t *admin);
int admin_check(admin_t *admin);

/** Say what went wrong, on a line of its own on standard error. */
void admin_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Say that the system or the store failed. Returns ADMIN_NOT_DONE. */
int admin_complain_of(const char *what, apr_status_t status);

#endif
