/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_session.h"

#include <time.h>
#include "bgu_spool.h"
#include "bgu_spool_reply.h"

/* Whether the session's last activity was before this moment. */
static int is_older(const bgu_session_t *session, apr_time_t moment, apr_pool_t *pool)
{
    /* The row first: it mostly answers without a look at the disk. */
    return session->updated < moment && bgu_spool_mtime(session->spool, session->id, pool) < moment;
}

int bgu_session_expired(const bgu_session_t *session, apr_pool_t *pool)
{
    return is_older(session, apr_time_now() - session->timeout, pool);
}

int bgu_session_precedes_boot(const bgu_session_t *session, apr_pool_t *pool)
{
    struct timespec up = {0};

    return clock_gettime(CLOCK_BOOTTIME, &up) == 0 &&
           is_older(session, apr_time_now() - apr_time_make(up.tv_sec, up.tv_nsec / 1000), pool);
}

apr_status_t bgu_session_remove_files(const bgu_session_t *session, apr_pool_t *pool)
{
    apr_status_t rv = bgu_spool_remove(session->spool, session->id, pool);

    /* Whatever the row says of the application: a claim is there before the row tells of it. */
    return rv == APR_SUCCESS ? bgu_reply_remove(session->spool, session->id, pool) : rv;
}

apr_status_t bgu_session_move(const bgu_sessions_t *sessions, bgu_session_t *session,
                              bgu_state_e state, int durable)
{
    bgu_state_e before = session->state;

    session->state = state;
    session->updated = apr_time_now();
    apr_status_t rv = sessions->provider->update(sessions->store, session, before, durable);
    if (rv != APR_SUCCESS) {
        session->state = before;
    }
    return rv;
}

/* The row first, so that a request that comes meanwhile sees that the session is over. */
static apr_status_t discard(const bgu_sessions_t *sessions, bgu_session_t *session,
                            apr_pool_t *pool)
{
    apr_status_t rv = bgu_session_move(sessions, session, BGU_STATE_CANCELLED, 0);

    return rv == APR_SUCCESS ? bgu_session_remove_files(session, pool) : rv;
}

/* The lock keeps a writer from appending between the look at the clock and the row; once the file
 * is removed it takes no more bytes. */
static apr_status_t discard_idle(const bgu_sessions_t *sessions, bgu_session_t *session,
                                 apr_pool_t *pool)
{
    bgu_spool_t *spool;
    apr_status_t rv = bgu_spool_open(&spool, session->spool, session->id, NULL, pool);

    if (rv != APR_SUCCESS) {
        return bgu_session_expired(session, pool) ? discard(sessions, session, pool) : APR_EAGAIN;
    }
    rv = bgu_spool_lock(spool);
    if (rv == APR_SUCCESS) {
        rv = bgu_session_expired(session, pool) ? discard(sessions, session, pool) : APR_EAGAIN;
        bgu_spool_unlock(spool);
    }
    return rv;
}

apr_status_t bgu_session_discard(const bgu_sessions_t *sessions, bgu_session_t *session, int idle,
                                 apr_pool_t *pool)
{
    if (session->state == BGU_STATE_COMMITTING || bgu_state_is_tombstone(session->state)) {
        return APR_EAGAIN;
    }
    if (idle && session->state == BGU_STATE_NOTIFYING &&
        bgu_claim_is_taken(session->spool, session->id, pool)) {
        return APR_EAGAIN;
    }
    return idle ? discard_idle(sessions, session, pool) : discard(sessions, session, pool);
}
