/* SPDX-License-Identifier: Apache-2.0 */

/* Clean-up in the server: mod_watchdog calls, in one child at a time, the core works. */

#include "mod_bgupload.h"

#include <ap_mpm.h>
#include <apr_optional.h>
#include <mod_watchdog.h>
#include "bgu_cleanup.h"
#include "bgu_clock.h"
#include "bgu_defaults.h"
#include "bgu_orphans.h"
#include "mod_bgupload_config.h"

#define WATCHDOG_NAME "_bgupload_"

/* mod_watchdog restarts its count with each child that takes over, so a long interval might never
 * end. We are called at least this often and look at the clock ourselves. */
#define TICK_MAX apr_time_from_sec(60)

/* When this process cleaned up last, of bgu_clock_uptime(); 0: not yet, so the first call does. */
static apr_time_t last_cleanup;

/* How many sessions a clean-up dealt with. */
typedef struct tally_t {
    server_rec *server;
    apr_pool_t *pool; /* for a log line */
    int count[BGU_CLEANUP_FAILED + 1];
} tally_t;

static void report(void *baton, bgu_cleanup_e what, const bgu_session_t *session,
                   apr_status_t status)
{
    static const struct {
        int level;
        const char *event, *reason;
    } lines[] = {
        [BGU_CLEANUP_DISCARDED] = {APLOG_INFO, "discarded", "timed out"},
        [BGU_CLEANUP_COMMITTED] = {APLOG_INFO, "committed", "found under way"},
        [BGU_CLEANUP_FORGOTTEN] = {APLOG_DEBUG, "forgotten", NULL},
        [BGU_CLEANUP_FAILED] = {APLOG_ERR, "could not be cleaned up", NULL},
    };
    tally_t *tally = baton;
    const char *reason = lines[what].reason;
    char text[BGU_STRERROR_MAX];

    tally->count[what]++;
    if (what == BGU_CLEANUP_FAILED) {
        reason = bgu_strerror(status, text, sizeof(text));
    }
    if (APLOG_IS_LEVEL(tally->server, lines[what].level)) {
        ap_log_error(
            APLOG_MARK, lines[what].level, 0, tally->server, BGULOGNO(0020) "%s",
            mod_bgupload_event_text(session, lines[what].event, reason, NULL, tally->pool));
        apr_pool_clear(tally->pool);
    }
}

/* A child that is told to end does not wait for a long clean-up; the next one goes on. */
static int is_stopping(void *baton)
{
    int state = AP_MPMQ_RUNNING;

    (void)baton;
    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

static void clean_up(server_rec *s, const mod_bgupload_server_t *conf, apr_pool_t *pool)
{
    tally_t tally = {.server = s};
    apr_pool_create(&tally.pool, pool);
    bgu_cleanup_t cleanup = {
        .sessions = &mod_bgupload_sessions,
        .tombstone = conf->tombstone,
        .report = report,
        .stop = is_stopping,
        .baton = &tally,
    };
    apr_status_t rv = bgu_cleanup(&cleanup, pool);

    if (rv != APR_SUCCESS) {
        char reason[BGU_STRERROR_MAX];
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     BGULOGNO(0021) "clean-up: cannot read the store %s: %s", conf->store,
                     bgu_strerror(rv, reason, sizeof(reason)));
        return;
    }
    ap_log_error(
        APLOG_MARK, APLOG_DEBUG, 0, s,
        BGULOGNO(0022) "clean-up done: %d timed out, %d committed, %d forgotten, %d failed",
        tally.count[BGU_CLEANUP_DISCARDED], tally.count[BGU_CLEANUP_COMMITTED],
        tally.count[BGU_CLEANUP_FORGOTTEN], tally.count[BGU_CLEANUP_FAILED]);
}

static void report_orphan(void *baton, const char *path, apr_status_t status)
{
    tally_t *tally = baton;
    char reason[BGU_STRERROR_MAX] = "";

    if (status != APR_SUCCESS) {
        (void)bgu_strerror(status, reason, sizeof(reason));
    }
    ap_log_error(APLOG_MARK, status == APR_SUCCESS ? APLOG_INFO : APLOG_ERR, 0, tally->server,
                 BGULOGNO(0025) "orphan %s %s%s", path,
                 status == APR_SUCCESS ? "removed" : "could not be removed: ", reason);
}

/* Files without a session, older than any session would have become by default. */
static void clean_up_spools(server_rec *s, const mod_bgupload_server_t *conf, apr_pool_t *pool)
{
    tally_t tally = {.server = s};
    bgu_orphans_t orphans = {
        .sessions = &mod_bgupload_sessions,
        .min_age = BGU_TIMEOUT_DEFAULT,
        .report = report_orphan,
        .stop = is_stopping,
        .baton = &tally,
    };

    for (int i = 0; i < conf->spools->nelts; i++) {
        const char *folder = APR_ARRAY_IDX(conf->spools, i, const char *);
        apr_status_t rv = bgu_orphans(&orphans, folder, pool);
        if (rv != APR_SUCCESS) {
            char reason[BGU_STRERROR_MAX];
            ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                         BGULOGNO(0026) "clean-up: cannot look through the spool %s: %s", folder,
                         bgu_strerror(rv, reason, sizeof(reason)));
        }
    }
}

static apr_status_t tick(int state, void *data, apr_pool_t *pool)
{
    server_rec *s = data;
    const mod_bgupload_server_t *conf = mod_bgupload_server();
    apr_time_t now = bgu_clock_uptime();

    if (state != AP_WATCHDOG_STATE_RUNNING || !mod_bgupload_store_ready(s)) {
        return APR_SUCCESS;
    }
    if (last_cleanup == 0 || now - last_cleanup >= conf->cleanup_interval) {
        last_cleanup = now;
        clean_up(s, conf, pool);
        clean_up_spools(s, conf, pool);
    }
    return APR_SUCCESS;
}

apr_status_t mod_bgupload_watchdog_start(apr_pool_t *pconf, server_rec *s)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get_instance =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *register_callback =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    const mod_bgupload_server_t *conf = mod_bgupload_server();
    apr_interval_time_t interval = conf->cleanup_interval;
    ap_watchdog_t *watchdog;

    if (interval == 0) {
        return APR_SUCCESS;
    }
    if (get_instance == NULL || register_callback == NULL) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     BGULOGNO(0023) "mod_watchdog is not loaded, so nothing is cleaned up in the "
                                    "server: load it, "
                                    "or run 'bgupload-admin cleanup' from cron and set "
                                    "BGUploadCleanupInterval 0");
        return APR_SUCCESS;
    }
    apr_status_t rv = get_instance(&watchdog, WATCHDOG_NAME, 0, 1, pconf);
    if (rv == APR_SUCCESS) {
        rv = register_callback(watchdog, interval < TICK_MAX ? interval : TICK_MAX, s, tick);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     BGULOGNO(0024) "cannot register with mod_watchdog");
    }
    return rv;
}
