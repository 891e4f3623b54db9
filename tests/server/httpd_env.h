/* SPDX-License-Identifier: Apache-2.0 */

/* A private httpd for one test.
 *
 *     httpd_env_t *env = httpd_env_start(NULL);          // or with httpd_env_options_t
 *     ... talk to env->url, look at env->docroot, env->spool ...
 *     // nothing to clean up: the suite's teardown is httpd_env_teardown()
 *
 * Each server has a free port on 127.0.0.1, a process group and a temporary folder of its own. As
 * root it runs as www-data or nobody, else as the caller. When a test ends, however it ends, its
 * servers are stopped, then the error log may hold no error that the test has not declared with
 * httpd_env_expect(), and the spool no file but the number told with httpd_env_expect_spool(). */

#ifndef HTTPD_ENV_H
#define HTTPD_ENV_H

#include <stdarg.h>
#include <sys/types.h>
#include <apr_pools.h>
#include "check.h"
#include "faults.h"

/** Seconds until waiting for anything counts as a failure. */
#define HTTPD_ENV_DEADLINE 60

/** How a server differs from the default one. All members may be 0 or NULL. In the configuration
 * lines {ROOT}, {DOCROOT}, {SPOOL}, {STORE} and {PORT} are replaced. */
typedef struct httpd_env_options_t {
    const char *mpm;       /**< "event" (default), "worker" or "prefork" */
    const char *modules;   /**< more modules to load, as in "auth_basic authn_file", by spaces */
    const char *server;    /**< lines at server level, after the <Directory> of the uploads */
    const char *directory; /**< lines inside <Directory {DOCROOT}/upload>, after BGUpload On */
    int no_store;          /**< the lines bring BGUploadStore and BGUploadSpool themselves */
    int tls;               /**< speak TLS with a self-signed certificate (env->ca) */
    int stock;             /**< without mod_bgupload: an httpd as it is installed */
    long file_limit;       /**< RLIMIT_FSIZE of the server's processes in bytes; 0: none. See also
                            * httpd_env_limit_files() */
    int descriptor_limit;  /**< RLIMIT_NOFILE of the server's processes; 0: none */
    const char *preload;   /**< LD_PRELOAD instead of BGUPLOAD_PRELOAD's */
    int faults;            /**< preload faults.so as well; see env->faults and fault.h */
    const char *wrapper;   /**< what httpd is started by, as in "strace -f"; {ROOT} is replaced */
} httpd_env_options_t;

/** A running (or stopped) server. Read only for tests; all strings live as long as it does. */
typedef struct httpd_env_t {
    int port;               /**< on 127.0.0.1 */
    const char *url;        /**< "http://127.0.0.1:PORT" or "https://localhost:PORT", no slash */
    const char *root;       /**< its temporary folder */
    const char *docroot;    /**< document root; /upload takes uploads, /plain does not */
    const char *spool;      /**< folder of the spool files */
    const char *store;      /**< SQLite database of the sessions */
    const char *error_log;  /**< file */
    const char *access_log; /**< file, in the combined format */
    const char *conf;       /**< its configuration file */
    const char *ca;         /**< PEM file to verify it by, with tls; else NULL */
    pid_t pid;              /**< of the parent process; 0 while stopped */
    faults_t *faults;       /**< shared with the server's processes; NULL without that option */
    apr_pool_t *pool;       /**< for whatever has to live as long as the server */
    apr_pool_t *clients; /**< of connections; destroyed before the server is stopped in the end */
    struct httpd_env_private_t *priv;
} httpd_env_t;

/** Start a server and wait until it takes connections. Ends the test if it does not (and shows the
 * error log). Several may run at once.
 * @param options or NULL for the default */
httpd_env_t *httpd_env_start(const httpd_env_options_t *options);

/** Stop the server (SIGTERM to its parent) and wait until all its processes are gone. */
void httpd_env_stop(httpd_env_t *env);

/** Crash the server: kill -9 for all its processes at once; wait until they are gone. */
void httpd_env_kill(httpd_env_t *env);

/** Start a stopped or killed server again: same folder, same port, same configuration file. */
void httpd_env_resume(httpd_env_t *env);

/** The same for a server that may not come so far. Returns whether it serves. */
int httpd_env_try_resume(httpd_env_t *env);

/** Graceful restart (SIGUSR1); returns when children of the new generation serve. */
void httpd_env_graceful(httpd_env_t *env);

/** Add lines at the end of the configuration; they hold from the next httpd_env_resume() on. */
void httpd_env_add_lines(httpd_env_t *env, const char *lines);

/** Change httpd_env_options_t.file_limit; holds from the next httpd_env_resume() on. */
void httpd_env_limit_files(httpd_env_t *env, long bytes);

/** The teardown function of every suite (CU_add_suite_with_setup_and_teardown): stops the servers
 * of the test, makes the checks described above, removes the folders. */
void httpd_env_teardown(void);

/** Run "httpd -t" with these options, which must be refused.
 * @return what httpd printed; pool as of httpd_env_pool() */
const char *httpd_env_refused(const httpd_env_options_t *options);

/** Run "httpd -t" with these options, which must be taken.
 * @return what httpd printed; pool as of httpd_env_pool() */
const char *httpd_env_accepted(const httpd_env_options_t *options);

/** Start httpd with these options, which it must not survive by itself.
 * @return what it printed and logged; pool as of httpd_env_pool() */
const char *httpd_env_failed_start(const httpd_env_options_t *options);

/** LD_PRELOAD of the server's processes; "" for none. */
const char *httpd_env_preload(const httpd_env_t *env);

/** A pool that lives until the end of the running test. */
apr_pool_t *httpd_env_pool(void);

/** A text of printf's form; unlike apr_psprintf() it knows all of C's. Pool as of
 * httpd_env_pool(). */
const char *httpd_env_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The same with its arguments in a list. */
const char *httpd_env_vformat(const char *format, va_list args)
    __attribute__((format(printf, 1, 0)));

/** Declare that an error containing this text may stand in the log. */
void httpd_env_expect(httpd_env_t *env, const char *substring);

/** Declare how many files the spool holds when the test ends (0 without this). */
void httpd_env_expect_spool(httpd_env_t *env, int count);

/** Number of files in the spool now. */
int httpd_env_spool_count(const httpd_env_t *env);

/** Wait until the spool holds this many files; fails the test if it does not come to that. */
void httpd_env_await_spool(const httpd_env_t *env, int count);

/** Length of the error log now, for httpd_env_log(). */
long httpd_env_log_mark(const httpd_env_t *env);

/** The error log from a mark (0: all of it). Pool as of httpd_env_pool(). */
const char *httpd_env_log(const httpd_env_t *env, long mark);

/** Wait until the error log behind a mark contains a text; fails the test if it does not. */
void httpd_env_await_log(const httpd_env_t *env, long mark, const char *substring);

/** The server's child processes. Returns their number, at most max are stored. */
int httpd_env_children(const httpd_env_t *env, pid_t *pids, int max);

/** Resident memory of a process in KiB. */
long httpd_env_rss(pid_t pid);

/** Whether httpd runs with sanitizers, or another BGUPLOAD_PRELOAD: slower, and with more memory.
 */
int httpd_env_is_instrumented(void);

/** Path of a file below the document root; name starts with a slash: "/upload/a.txt". */
const char *httpd_env_path(const httpd_env_t *env, const char *name);

/** Replace {ROOT}, {DOCROOT}, {SPOOL}, {STORE} and {PORT} in a text. */
const char *httpd_env_expand(const httpd_env_t *env, const char *text);

/** The value of an environment variable that make check sets; ends the test if it is missing.
 * BGUPLOAD_HTTPD, BGUPLOAD_HTTPD_MODULES, BGUPLOAD_BUILD, BGUPLOAD_SRC. */
const char *httpd_env_setting(const char *name);

/** Whether the module is built with sanitizers: everything takes longer then. */
int httpd_env_is_instrumented(void);

/** Whether httpd has a module, compiled in or in its folder: "http2". */
int httpd_env_has_module(const char *name);

#endif
