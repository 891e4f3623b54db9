/* SPDX-License-Identifier: Apache-2.0 */

/* What happens once: the checks when the server starts, and the opening of the store in each of its
 * processes. */

#include "mod_bgupload.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <http_core.h>
#include <apr_thread_mutex.h>
#include <unixd.h>
#include "bgu_clock.h"
#include "bgu_defaults.h"
#include "bgu_notify_curl.h"
#include "mod_bgupload_config.h"
#include "mod_bgupload_selfcheck.h"
#include "mod_bgupload_spools.h"

/* Most supplementary groups that are remembered while the checks run as another user. */
#define GROUPS_MAX 256

bgu_sessions_t mod_bgupload_sessions;
bgu_notifier_t *mod_bgupload_notifier;

/* Microseconds for which a process tries to open the store, and between two tries. */
#define OPEN_PATIENCE apr_time_from_msec(200)
#define OPEN_PAUSE    apr_time_from_msec(20)

/* Microseconds between two such attempts of a process. */
#define RETRY_INTERVAL apr_time_from_sec(1)

/* Whether this process has its store. */
static struct {
    apr_thread_mutex_t *lock; /* guards the opening */
    apr_time_t tried;         /* of bgu_clock_uptime(); 0: not yet */
    int ready;                /* set once, last */
} process;

/* Who we were before the checks. */
typedef struct identity_t {
    int switched;
    int group_count;
    gid_t groups[GROUPS_MAX];
} identity_t;

/* Take on the server's user, as the children will, so that files are made by and for it. A server
 * that is started as an ordinary user is it already. */
static apr_status_t become_server_user(identity_t *identity)
{
    uid_t user = ap_unixd_config.user_id;

    identity->switched = 0;
    if (geteuid() != 0 || user == 0 || user == (uid_t)-1) {
        return APR_SUCCESS;
    }
    identity->group_count = getgroups(GROUPS_MAX, identity->groups);
    if (identity->group_count < 0 ||
        initgroups(ap_unixd_config.user_name, ap_unixd_config.group_id) != 0) {
        return errno;
    }
    identity->switched = 1;
    if (setegid(ap_unixd_config.group_id) != 0 || seteuid(user) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

static apr_status_t become_root_again(const identity_t *identity)
{
    if (!identity->switched) {
        return APR_SUCCESS;
    }
    if (seteuid(0) != 0 || setegid(getgid()) != 0 ||
        setgroups((size_t)identity->group_count, identity->groups) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

const char *mod_bgupload_owner(void)
{
    const char *name = ap_unixd_config.user_name;

    return name && *name != '#' ? name : "USER";
}

/* Who uses the default spool, if that is this folder and the configuration does not name it. */
static const char *user_of(const char *folder)
{
    return strcmp(folder, BGU_SPOOL_DEFAULT) == 0 ? mod_bgupload_server()->default_spool_user
                                                  : NULL;
}

static int check_spool(server_rec *s, const char *folder, apr_pool_t *pool)
{
    struct stat st;
    const char *fault = NULL;
    const char *user = user_of(folder);

    if (stat(folder, &st) != 0) {
        fault = errno == ENOENT ? "does not exist" : "cannot be reached by the server's user";
    } else if (!S_ISDIR(st.st_mode)) {
        fault = "is no folder";
    } else if (faccessat(AT_FDCWD, folder, R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
        fault = "cannot be written by the server's user";
    }
    if (fault == NULL) {
        return 1;
    }
    /* All that names a spool of its own is as it should be where only the default is missing. */
    ap_log_error(APLOG_MARK, user ? APLOG_ERR : APLOG_CRIT, 0, s,
                 BGULOGNO(0002) "BGUploadSpool: the folder %s%s %s; make it with: "
                                "install -d -m 0700 -o %s %s",
                 folder, user ? apr_pstrcat(pool, ", the default that ", user, " uses,", NULL) : "",
                 fault, mod_bgupload_owner(), folder);
    return user != NULL;
}

static int check_spools(server_rec *s, const mod_bgupload_server_t *conf, apr_pool_t *pool)
{
    int fine = 1;

    for (int i = 0; i < conf->spools->nelts; i++) {
        fine &= check_spool(s, APR_ARRAY_IDX(conf->spools, i, const char *), pool);
    }
    return fine;
}

/* Open the store and close it again: SQLite's connections must not be there across a fork. */
static int open_store(server_rec *s, const mod_bgupload_server_t *conf, apr_pool_t *pool)
{
    bgu_store_t *store;
    const char *error = NULL;
    apr_pool_t *temporary;

    apr_pool_create(&temporary, pool);
    apr_status_t rv = conf->provider->open(&store, conf->store, 1, &error, temporary);
    apr_pool_destroy(temporary);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, BGULOGNO(0003) "BGUploadStore: %s", error);
    }
    return rv == APR_SUCCESS;
}

/* A mere test of the configuration makes no database; the start will. */
static int check_store(server_rec *s, const mod_bgupload_server_t *conf, apr_pool_t *pool)
{
    if ((!conf->enabled && !conf->store_set) ||
        (ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST &&
         access(conf->store, F_OK) != 0)) {
        return 1;
    }
    return open_store(s, conf, pool);
}

/* What the server cannot work without. */
static int check(server_rec *s, apr_pool_t *pool)
{
    const mod_bgupload_server_t *conf = mod_bgupload_server();

    return check_spools(s, conf, pool) & check_store(s, conf, pool);
}

/* What it can work with, but the administrator should know. */
static int advise(server_rec *s, apr_pool_t *pool)
{
    mod_bgupload_selfcheck(s, pool);
    return 1;
}

/* Run one of the two as who they are for. Returns what it does, 0 if that is not possible. */
static int as_server_user(server_rec *s, int (*job)(server_rec *, apr_pool_t *), apr_pool_t *pool)
{
    identity_t identity;
    apr_status_t rv = become_server_user(&identity);
    int fine = 0;

    if (rv == APR_SUCCESS) {
        fine = job(s, pool);
    }
    apr_status_t back = become_root_again(&identity);
    if (rv != APR_SUCCESS || back != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_CRIT, rv != APR_SUCCESS ? rv : back, s,
            BGULOGNO(0004) "cannot change to the server's user %s to check store and spool",
            ap_unixd_config.user_name);
        return 0;
    }
    return fine;
}

/* Whether the checks can be made as who they are for: by root, or by the server's user itself. */
static int can_check(void)
{
    uid_t user = ap_unixd_config.user_id;

    return geteuid() == 0 || user == (uid_t)-1 || user == geteuid() ||
           ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST;
}

int mod_bgupload_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    mod_bgupload_server_t *conf = mod_bgupload_server();

    (void)pconf;
    (void)plog;
    if (conf->notified && !conf->notify_url_set) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     BGULOGNO(0007) "BGUploadNotify wants a BGUploadNotifyURL: the URL of the "
                                    "server application to notify");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    mod_bgupload_spools_complete(s, ptemp);
    if (can_check() && (!as_server_user(s, check, ptemp) ||
                        (ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST &&
                         !as_server_user(s, advise, ptemp)))) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

int mod_bgupload_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)plog;
    /* httpd reads its configuration twice; once is enough for us. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    /* Only now, before there are threads, can the umask be looked at. */
    mode_t mask = umask(0);
    (void)umask(mask);
    mod_bgupload_server()->default_mode = 0666u & ~(apr_uint32_t)mask;
    /* Not in the hook check_config: there is no error log yet. */
    if (!as_server_user(s, advise, ptemp)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return mod_bgupload_watchdog_start(pconf, s) == APR_SUCCESS ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* Open this process's store, if that is possible now. It is never made here but where the start did
 * not look at it, for want of an enabled folder: a .htaccess may still enable one. */
static int open_process_store(server_rec *s)
{
    const apr_time_t began = bgu_clock_uptime();
    const mod_bgupload_server_t *conf = mod_bgupload_server();
    int expected = conf->enabled || conf->store_set;
    const char *error = NULL;
    bgu_store_t *store;
    apr_pool_t *pool;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return 0;
    }
    apr_status_t rv = conf->provider->open(&store, conf->store, !expected, &error, pool);
    while (rv != APR_SUCCESS && bgu_clock_uptime() - began < OPEN_PATIENCE) {
        /* Another process may be about to make SQLite's files anew, or to remove them. */
        apr_sleep(OPEN_PAUSE);
        rv = conf->provider->open(&store, conf->store, !expected, &error, pool);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, expected ? APLOG_CRIT : APLOG_INFO, 0, s,
                     BGULOGNO(0005) "BGUploadStore: %s; trying again with the next request", error);
        apr_pool_destroy(pool);
        return 0;
    }
    mod_bgupload_sessions.provider = conf->provider;
    mod_bgupload_sessions.store = store;
    return 1;
}

int mod_bgupload_store_ready(server_rec *s)
{
    if (__atomic_load_n(&process.ready, __ATOMIC_ACQUIRE)) {
        return 1;
    }
    if (process.lock == NULL || apr_thread_mutex_lock(process.lock) != APR_SUCCESS) {
        return 0;
    }
    apr_time_t now = bgu_clock_uptime();
    int ready = process.ready;
    /* Not with each of many requests: opening may wait for a lock. */
    if (!ready && (process.tried == 0 || now - process.tried >= RETRY_INTERVAL)) {
        ready = open_process_store(s);
        process.tried = bgu_clock_uptime();
        __atomic_store_n(&process.ready, ready, __ATOMIC_RELEASE);
    }
    (void)apr_thread_mutex_unlock(process.lock);
    return ready;
}

void mod_bgupload_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv = bgu_notify_curl_make(&mod_bgupload_notifier, pchild);

    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&process.lock, APR_THREAD_MUTEX_DEFAULT, pchild);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     BGULOGNO(0006) "cannot set up libcurl and a mutex");
        return;
    }
    (void)mod_bgupload_store_ready(s);
}
