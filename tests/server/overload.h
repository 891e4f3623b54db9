/* SPDX-License-Identifier: Apache-2.0 */

/* What the tests of overload share: one child with all its threads, and a look at what it holds. */

#ifndef OVERLOAD_H
#define OVERLOAD_H

#include "wire.h"

/** Lines for a server of one process. */
#define OVERLOAD_ONE_CHILD "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\n"

/** Threads of that process that answer requests. */
#define OVERLOAD_THREADS 16

/** The process of a server with OVERLOAD_ONE_CHILD. */
pid_t overload_child(const httpd_env_t *env);

/** Have every thread of a server with OVERLOAD_ONE_CHILD take a fragment, so that what it keeps for
 * the next one is there. */
void overload_warm_up(httpd_env_t *env);

/** That many, or a fifth in an instrumented server (two at least); the output says so. */
int overload_scaled(int count);

/** That many times the same letter. Pool as of httpd_env_pool(). */
const char *overload_letters(size_t count);

/** Hold the memory of a process to what it was (httpd_env_rss()), plus some KiB. Says that it is
 * not measured in an instrumented server. */
void overload_check_memory(pid_t child, long before, long more);

/** What a process has open. */
typedef struct overload_open_t {
    int sockets;
    int spool;  /**< files in the spool */
    int store;  /**< files of the store */
    int lowest; /**< the number that is free next */
} overload_open_t;

/** Look at what a server's process has open. */
overload_open_t overload_open(const httpd_env_t *env, pid_t child);

/** Wait until it has as few sockets open again, and nothing in the spool; hold what it has of the
 * store to the connections that its threads may have. */
void overload_await_closed(const httpd_env_t *env, pid_t child, int sockets);

/** Whether nobody reads the store: then its log can be emptied. Empties it. */
int overload_empty_log(const httpd_env_t *env);

#endif
