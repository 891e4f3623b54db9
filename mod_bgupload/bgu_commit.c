/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_commit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <apr_strings.h>
#include "bgu_publish.h"
#include "bgu_safe.h"
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
        (void)bgu_session_move(sessions, session, BGU_STATE_COMPLETE, 0);
    }
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

/* The last steps: the file is at its destination. A session that is closed says so durably before
 * its spool file goes, so that after a power cut at least one of the two is still known. */
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
    reopen(sessions, session);
    return BGU_BYTES_LOST;
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
        /* From here on a name for the file may come to the disk, so a row has to be there that
         * tells of it; one that says COMPLETE is and does. */
        int durable = session->plan.sync != BGU_SYNC_OFF && session->state != BGU_STATE_COMPLETE;
        result = move(sessions, session, BGU_STATE_COMMITTING, durable, cause, detail);
    }
    if (result == BGU_OK) {
        bgu_safe_forget(spool);
        result = bgu_publish(session, spool, cause, detail, pool);
        if (result == BGU_OK) {
            return finish(sessions, session, cause, detail, pool);
        }
        reopen(sessions, session);
    }
    return result;
}

/* A row without a spool file: either a crash came between the publishing by rename and the row, or
 * the bytes are gone. */
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
    reopen(sessions, session);
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
