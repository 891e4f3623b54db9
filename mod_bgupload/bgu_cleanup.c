/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_cleanup.h"

#include <apr_strings.h>
#include "bgu.h"
#include "bgu_commit.h"
#include "bgu_session.h"

/* Rows read at a time. */
#define BATCH 100

/* Finish a commit that a crash interrupted; one that is under way only makes us wait for it. */
static apr_status_t finish(const bgu_cleanup_t *cleanup, bgu_session_t *session, apr_pool_t *pool)
{
    apr_status_t cause = APR_SUCCESS;
    const char *detail;

    switch (bgu_commit(cleanup->sessions, session, &cause, &detail, pool)) {
    case BGU_OK:
        return APR_SUCCESS;
    case BGU_BUSY:
        return APR_EAGAIN;
    default:
        return cause == APR_SUCCESS ? APR_EGENERAL : cause;
    }
}

/* Forget a tombstone, and what a crash or an error may have left of its bytes. */
static apr_status_t forget(const bgu_cleanup_t *cleanup, bgu_session_t *session, apr_pool_t *pool)
{
    const bgu_sessions_t *sessions = cleanup->sessions;
    apr_status_t rv = bgu_session_remove_files(session, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    return sessions->provider->remove(sessions->store, session->id, session->state);
}

static apr_status_t discard(const bgu_cleanup_t *cleanup, bgu_session_t *session, apr_pool_t *pool)
{
    return bgu_session_discard(cleanup->sessions, session, 1, pool);
}

/* Do one thing to a session and tell of it. One that others changed meanwhile is left alone. */
static void apply(const bgu_cleanup_t *cleanup, bgu_cleanup_e what, bgu_session_t *session,
                  apr_pool_t *pool)
{
    static apr_status_t (*const actions[])(const bgu_cleanup_t *, bgu_session_t *, apr_pool_t *) = {
        [BGU_CLEANUP_DISCARDED] = discard,
        [BGU_CLEANUP_COMMITTED] = finish,
        [BGU_CLEANUP_FORGOTTEN] = forget,
    };
    apr_status_t rv = cleanup->dry_run ? APR_SUCCESS : actions[what](cleanup, session, pool);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        return;
    }
    cleanup->report(cleanup->baton, rv == APR_SUCCESS ? what : BGU_CLEANUP_FAILED, session, rv);
}

static void clean(const bgu_cleanup_t *cleanup, bgu_session_t *session, apr_pool_t *pool)
{
    if (session->state == BGU_STATE_COMMITTING) {
        apply(cleanup, BGU_CLEANUP_COMMITTED, session, pool);
    } else if (bgu_state_is_tombstone(session->state)) {
        if (session->updated < apr_time_now() - cleanup->tombstone) {
            apply(cleanup, BGU_CLEANUP_FORGOTTEN, session, pool);
        }
    } else if (bgu_session_expired(session, pool)) {
        apply(cleanup, BGU_CLEANUP_DISCARDED, session, pool);
    }
}

static int told_to_stop(const bgu_cleanup_t *cleanup)
{
    return cleanup->stop && cleanup->stop(cleanup->baton);
}

apr_status_t bgu_cleanup(const bgu_cleanup_t *cleanup, apr_pool_t *pool)
{
    const bgu_sessions_t *sessions = cleanup->sessions;
    char after[BGU_ID_LEN + 1] = "";
    apr_pool_t *batch_pool, *session_pool = NULL;
    int count;
    apr_status_t rv = apr_pool_create(&batch_pool, pool);

    if (rv == APR_SUCCESS) {
        rv = apr_pool_create(&session_pool, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    do {
        apr_pool_clear(batch_pool);
        apr_array_header_t *batch = apr_array_make(batch_pool, BATCH, sizeof(bgu_session_t *));
        rv = sessions->provider->list(sessions->store, batch, after, BATCH, batch_pool);
        count = rv == APR_SUCCESS ? batch->nelts : 0;
        for (int i = 0; i < count && !told_to_stop(cleanup); i++) {
            bgu_session_t *session = APR_ARRAY_IDX(batch, i, bgu_session_t *);
            apr_cpystrn(after, session->id, sizeof(after));
            clean(cleanup, session, session_pool);
            apr_pool_clear(session_pool); /* closes the session's files */
        }
    } while (count > 0 && !told_to_stop(cleanup));
    apr_pool_destroy(session_pool);
    apr_pool_destroy(batch_pool);
    return rv;
}
