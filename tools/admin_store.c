/* SPDX-License-Identifier: Apache-2.0 */

#include "admin_store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../mod_bgupload/bgu_defaults.h"
#include "../mod_bgupload/bgu_spool.h"
#include "admin_config.h"
#include "admin_owner.h"

/* Rows that are read at a time. */
#define BATCH 100

/* The main file of the system's httpd configuration, or NULL. */
static const char *system_config(void)
{
    static const char *const names[] = {BGU_HTTPD_CONF "/apache2.conf",
                                        BGU_HTTPD_CONF "/httpd.conf", "/etc/apache2/apache2.conf",
                                        "/etc/httpd/conf/httpd.conf"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (access(names[i], F_OK) == 0) {
            return names[i];
        }
    }
    return NULL;
}

static void add_spool(apr_array_header_t *spools, const char *folder, apr_pool_t *pool)
{
    for (int i = 0; i < spools->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(spools, i, const char *), folder) == 0) {
            return;
        }
    }
    APR_ARRAY_PUSH(spools, const char *) = apr_pstrdup(pool, folder);
}

/* Fill in what was not given. A store that was given alone has nothing to do with the system's
 * httpd. Returns 0 after saying why the configuration cannot be used. */
static int find_store(admin_t *admin)
{
    admin_config_t config = {.tombstone = ADMIN_UNSET,
                             .spools = apr_array_make(admin->pool, 2, sizeof(const char *))};
    const char *error;

    if (admin->config == NULL && admin->store == NULL) {
        admin->config = system_config();
    }
    if (admin->config != NULL) {
        error = admin_config_read(&config, admin->config, admin->pool);
        if (error != NULL) {
            admin_complain("%s", error);
            return 0;
        }
    }
    if (admin->store == NULL) {
        admin->store = config.store != NULL ? config.store : BGU_STORE_DEFAULT;
        if (config.spools->nelts == 0 && access(BGU_SPOOL_DEFAULT, F_OK) == 0) {
            APR_ARRAY_PUSH(config.spools, const char *) = BGU_SPOOL_DEFAULT;
        }
    }
    if (admin->spools->nelts == 0) {
        admin->spools = config.spools;
    }
    if (admin->tombstone == ADMIN_UNSET) {
        admin->tombstone =
            config.tombstone != ADMIN_UNSET ? config.tombstone : BGU_TOMBSTONE_DEFAULT;
    }
    return 1;
}

int admin_open_store(admin_t *admin)
{
    const char *error;

    if (!find_store(admin)) {
        return 0;
    }
    admin->sessions.provider = &bgu_store_sqlite;
    error = admin_become_owner(admin->store, admin->pool);
    if (error == NULL && bgu_store_sqlite.open(&admin->sessions.store, admin->store, 0, &error,
                                               admin->pool) == APR_SUCCESS) {
        return 1;
    }
    admin_complain("%s", error);
    return 0;
}

int admin_walk(admin_t *admin, void (*visit)(void *baton, bgu_session_t *session, apr_pool_t *pool),
               void *baton)
{
    const bgu_sessions_t *sessions = &admin->sessions;
    char after[BGU_ID_LEN + 1] = "";
    apr_array_header_t *batch;
    apr_pool_t *pool;
    apr_status_t rv;

    apr_pool_create(&pool, admin->pool);
    do {
        apr_pool_clear(pool);
        batch = apr_array_make(pool, BATCH, sizeof(bgu_session_t *));
        rv = sessions->provider->list(sessions->store, batch, after, BATCH, pool);
        for (int i = 0; rv == APR_SUCCESS && i < batch->nelts; i++) {
            bgu_session_t *session = APR_ARRAY_IDX(batch, i, bgu_session_t *);

            apr_cpystrn(after, session->id, sizeof(after));
            visit(baton, session, pool);
        }
    } while (rv == APR_SUCCESS && batch->nelts > 0);
    apr_pool_destroy(pool);
    return rv == APR_SUCCESS ? ADMIN_DONE : admin_complain_of("cannot read the sessions", rv);
}

bgu_session_t *admin_find(admin_t *admin, const char *id)
{
    bgu_session_t *session = NULL;
    apr_status_t rv =
        admin->sessions.provider->find(admin->sessions.store, &session, id, admin->pool);

    if (APR_STATUS_IS_NOTFOUND(rv)) {
        admin_complain("there is no session %s", id);
        return NULL;
    }
    if (rv != APR_SUCCESS) {
        admin_complain_of(apr_pstrcat(admin->pool, "cannot read session ", id, NULL), rv);
        return NULL;
    }
    return session;
}

static void note_spool(void *baton, bgu_session_t *session, apr_pool_t *pool)
{
    apr_array_header_t *spools = baton;

    (void)pool;
    add_spool(spools, session->spool, spools->pool);
}

int admin_all_spools(admin_t *admin, apr_array_header_t **spools)
{
    *spools = apr_array_copy(admin->pool, admin->spools);
    return admin_walk(admin, note_spool, *spools);
}

apr_off_t admin_received(const bgu_session_t *session, apr_pool_t *pool)
{
    struct stat st;

    if (bgu_state_is_tombstone(session->state)) {
        return -1;
    }
    if (session->state == BGU_STATE_PUBLISHED) {
        return session->total;
    }
    if (lstat(bgu_spool_path(session->spool, session->id, pool), &st) == 0) {
        return st.st_size;
    }
    return errno == ENOENT ? 0 : -1;
}

apr_time_t admin_last_activity(const bgu_session_t *session, apr_pool_t *pool)
{
    apr_time_t written = bgu_spool_mtime(session->spool, session->id, pool);

    return written > session->updated ? written : session->updated;
}
