/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_commit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include "bgu_publish.h"
#include "bgu_session.h"
#include "bgu_spool.h"

/* Move the row on, from COMMITTING or to it. BGU_BUSY if somebody else moved it. */
static bgu_result_e move(const bgu_sessions_t *sessions, bgu_session_t *session, bgu_state_e state,
                         int durable, apr_status_t *cause, const char **detail)
{
    *cause = bgu_session_move(sessions, session, state, durable);
    if (*cause == APR_SUCCESS) {
        return BGU_OK;
    }
    if (APR_STATUS_IS_EAGAIN(*cause)) {
        *detail = "another request was first";
        return BGU_BUSY;
    }
    *detail = "cannot write to the store";
    return bgu_result_of(*cause);
}

/* After a commit that cannot be finished: back to where the client can go on or cancel, and a
 * timeout can end it. If even that fails the next request that finds COMMITTING comes by here
 * again. */
static void reopen(const bgu_sessions_t *sessions, bgu_session_t *session)
{
    if (session->state == BGU_STATE_COMMITTING) {
        int durable = session->plan.sync != BGU_SYNC_OFF; /* as COMMITTING is */
        (void)bgu_session_move(sessions, session, BGU_STATE_COMPLETE, durable);
    }
}

/* The same for want of bytes: nobody will take up again what was staged. */
static void give_up(const bgu_sessions_t *sessions, bgu_session_t *session, apr_pool_t *pool)
{
    if (session->state == BGU_STATE_COMMITTING) {
        bgu_publish_abandon(session, pool);
    }
    reopen(sessions, session);
}

/* Whether the row still stands where it stood when session was read: whoever held the lock before
 * us may have taken it further. */
static bgu_result_e check_unmoved(const bgu_sessions_t *sessions, const bgu_session_t *session,
                                  apr_status_t *cause, const char **detail, apr_pool_t *pool)
{
    bgu_session_t *now;

    *cause = sessions->provider->find(sessions->store, &now, session->id, pool);
    if (*cause == APR_SUCCESS && now->state == session->state && now->total == session->total) {
        return BGU_OK;
    }
    if (*cause == APR_SUCCESS || APR_STATUS_IS_NOTFOUND(*cause)) {
        *detail = "another request was first";
        return BGU_BUSY;
    }
    *detail = "cannot read the store";
    return bgu_result_of(*cause);
}

/* The last steps: the file is at its destination. The row says so durably before the spool file
 * goes and anybody can take the file away: after a power cut it is not put there again. */
static bgu_result_e finish(const bgu_sessions_t *sessions, bgu_session_t *session,
                           apr_status_t *cause, const char **detail, apr_pool_t *pool)
{
    bgu_state_e state = session->plan.keep_session ? BGU_STATE_PUBLISHED : BGU_STATE_CLOSED;
    bgu_result_e result =
        move(sessions, session, state, session->plan.sync != BGU_SYNC_OFF, cause, detail);

    if (result == BGU_OK) {
        /* What cannot be removed now goes with the tombstone. */
        (void)(session->plan.keep_session ? bgu_spool_remove(session->spool, session->id, pool)
                                          : bgu_session_remove_files(session, pool));
    }
    return result;
}

/* The locked spool file does not have the total: bytes came meanwhile, or they were lost. */
static bgu_result_e wrong_size(const bgu_sessions_t *sessions, bgu_session_t *session,
                               apr_off_t size, apr_status_t *cause, const char **detail,
                               apr_pool_t *pool)
{
    bgu_result_e result = check_unmoved(sessions, session, cause, detail, pool);

    if (result != BGU_OK) {
        return result;
    }
    *detail =
        apr_psprintf(pool, "the spool file has %" APR_OFF_T_FMT " of %" APR_OFF_T_FMT " bytes: %s",
                     size, session->total, bgu_spool_path(session->spool, session->id, pool));
    give_up(sessions, session, pool);
    return BGU_BYTES_LOST;
}

/* Start a commit. A file that somebody else has a name for was not received by us alone, whatever
 * is in it; other names that we made are left of an earlier try. */
static bgu_result_e begin(const bgu_sessions_t *sessions, bgu_session_t *session,
                          const bgu_spool_t *spool, apr_status_t *cause, const char **detail,
                          apr_pool_t *pool)
{
    if (bgu_spool_is_linked(spool) && !bgu_publish_begun(session, spool, pool)) {
        *cause = EMLINK;
        *detail = apr_pstrcat(pool, "the spool file is linked from elsewhere, not by the server: ",
                              bgu_spool_path(session->spool, session->id, pool), NULL);
        return BGU_IO_ERROR;
    }
    /* From here on the destination may come to the disk at any moment. A row that tells of it has
     * to be there before: else a client that starts over finds its own file in the way. */
    return move(sessions, session, BGU_STATE_COMMITTING, session->plan.sync != BGU_SYNC_OFF, cause,
                detail);
}

/* The steps in between, with the spool file locked. */
static bgu_result_e commit_locked(const bgu_sessions_t *sessions, bgu_session_t *session,
                                  const bgu_spool_t *spool, apr_status_t *cause,
                                  const char **detail, apr_pool_t *pool)
{
    apr_off_t size = 0;
    bgu_result_e result;

    *cause = bgu_spool_size(&size, spool);
    if (APR_STATUS_IS_ENOENT(*cause)) {
        *detail = "the session ended meanwhile";
        return BGU_BUSY;
    }
    if (*cause != APR_SUCCESS) {
        *detail = "cannot look at the spool file";
        return bgu_result_of(*cause);
    }
    if (size != session->total) {
        return wrong_size(sessions, session, size, cause, detail, pool);
    }
    if (session->state == BGU_STATE_COMMITTING) {
        result = check_unmoved(sessions, session, cause, detail, pool);
    } else {
        result = begin(sessions, session, spool, cause, detail, pool);
    }
    if (result == BGU_OK) {
        result = bgu_publish(session, spool, cause, detail, pool);
        if (result == BGU_OK) {
            result = finish(sessions, session, cause, detail, pool);
            /* Who opened the spool file meanwhile may have given itself the right to (see
             * bgu_spool_open()); from now on nobody can. */
            (void)fchmod(bgu_spool_fd(spool), session->plan.mode);
            return result;
        }
        reopen(sessions, session);
    }
    return result;
}

/* A row without a spool file: either a power cut took the row back behind the removal of the file,
 * or the bytes are gone. */
static bgu_result_e commit_without_bytes(const bgu_sessions_t *sessions, bgu_session_t *session,
                                         apr_status_t *cause, const char **detail, apr_pool_t *pool)
{
    bgu_result_e result = check_unmoved(sessions, session, cause, detail, pool);

    if (result != BGU_OK) {
        return result;
    }
    if (session->state == BGU_STATE_COMMITTING && bgu_publish_done(session)) {
        return finish(sessions, session, cause, detail, pool);
    }
    give_up(sessions, session, pool);
    /* A folder that is away, not mounted say, may come back with all that is in it. */
    if (faccessat(AT_FDCWD, session->spool, W_OK | X_OK, AT_EACCESS) != 0) {
        *cause = errno;
        *detail = apr_pstrcat(pool,
                              "the spool cannot be reached; put it back, writable by the "
                              "server's user: ",
                              session->spool, NULL);
        return BGU_IO_ERROR;
    }
    *cause = APR_ENOENT;
    *detail = apr_pstrcat(
        pool, "the spool file is gone: ", bgu_spool_path(session->spool, session->id, pool), NULL);
    return BGU_BYTES_LOST;
}

bgu_result_e bgu_commit(const bgu_sessions_t *sessions, bgu_session_t *session, apr_status_t *cause,
                        const char **detail, apr_pool_t *pool)
{
    bgu_spool_t *spool;

    *cause = bgu_spool_open(&spool, session->spool, session->id, NULL, pool);
    if (APR_STATUS_IS_ENOENT(*cause)) {
        return commit_without_bytes(sessions, session, cause, detail, pool);
    }
    if (*cause == APR_SUCCESS) {
        *cause = bgu_spool_lock(spool);
    }
    if (*cause != APR_SUCCESS) {
        *detail = apr_pstrcat(pool, "cannot open the spool file ",
                              bgu_spool_path(session->spool, session->id, pool), NULL);
        return bgu_result_of(*cause);
    }
    bgu_result_e result = commit_locked(sessions, session, spool, cause, detail, pool);
    bgu_spool_unlock(spool);
    return result;
}
