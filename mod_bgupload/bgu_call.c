/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_call.h"

#include <apr_strings.h>
#include "bgu_commit.h"
#include "bgu_session.h"
bgu_result_e bgu_call_say(bgu_call_t *call, bgu_result_e result, const char *detail)
{
    call->outcome->answer.detail = detail;
    return result;
}

bgu_result_e bgu_call_fail(bgu_call_t *call, apr_status_t cause, const char *detail)
{
    call->outcome->answer.cause = cause;
    return bgu_call_say(call, bgu_result_of(cause), detail);
}

bgu_result_e bgu_call_overtaken(bgu_call_t *call)
{
    return bgu_call_say(call, BGU_BUSY, "other requests keep changing the session");
}

bgu_result_e bgu_call_change(bgu_call_t *call, bgu_state_e state, int durable)
{
    apr_status_t rv = bgu_session_move(call->sessions, call->session, state, durable);

    if (rv == APR_SUCCESS) {
        return BGU_OK;
    }
    return APR_STATUS_IS_EAGAIN(rv) ? bgu_call_overtaken(call)
                                    : bgu_call_fail(call, rv, "cannot write to the store");
}

bgu_result_e bgu_call_commit(bgu_call_t *call)
{
    bgu_answer_t *answer = &call->outcome->answer;
    bgu_result_e result =
        bgu_commit(call->sessions, call->session, &answer->cause, &answer->detail, call->pool);

    if (result == BGU_OK) {
        call->outcome->event = BGU_EVENT_COMMITTED;
    }
    return result;
}

bgu_result_e bgu_call_finish_commit(bgu_call_t *call)
{
    bgu_result_e result = bgu_call_commit(call);

    return result == BGU_OK || result == BGU_BYTES_LOST ? bgu_call_overtaken(call) : result;
}

void bgu_call_plan(bgu_call_t *call, int keep_session)
{
    const bgu_policy_t *policy = call->request->policy;

    call->session->plan = (bgu_plan_t){
        .overwrite = policy->overwrite,
        .keep_session = keep_session,
        .sync = policy->sync,
        .mode = policy->mode,
    };
}

apr_status_t bgu_call_examine(bgu_call_t *call, bgu_spool_t *spool)
{
    if (call->session->state != BGU_STATE_RECEIVING ||
        call->request->policy->sync == BGU_SYNC_OFF) {
        return APR_SUCCESS;
    }
    return bgu_safe_open(&call->safe, spool);
}

bgu_result_e bgu_call_open_spool(bgu_call_t *call, bgu_spool_t **spool, int *created)
{
    bgu_session_t *session = call->session;
    apr_status_t rv = bgu_spool_open(spool, session->spool, session->id, created, call->pool);

    if (rv == APR_SUCCESS) {
        rv = bgu_call_examine(call, *spool);
    }
    if (rv == APR_SUCCESS) {
        return BGU_OK;
    }
    return bgu_call_fail(call, rv,
                         apr_pstrcat(call->pool,
                                     "cannot open a file in the spool; BGUploadSpool must "
                                     "name a folder that the server's user can write: ",
                                     session->spool, NULL));
}

bgu_result_e bgu_call_secure(bgu_call_t *call, bgu_spool_t *spool, apr_off_t size)
{
    bgu_sync_e sync = call->request->policy->sync;
    int complete = size == call->session->total;
    int promised = sync == BGU_SYNC_FRAGMENT || (sync == BGU_SYNC_COMMIT && complete);
    /* Nobody has promised a byte yet, so the file's name may not be on the disk. */
    int is_new = call->safe.length == 0;

    if (!promised) {
        return BGU_OK;
    }
    apr_status_t rv = bgu_safe_sync(&call->safe, spool, size, sync == BGU_SYNC_FRAGMENT);
    if (rv == APR_SUCCESS && (complete || is_new)) {
        rv = bgu_spool_sync_folder(call->session->spool);
    }
    if (rv != APR_SUCCESS) {
        return bgu_call_fail(
            call, rv,
            apr_pstrcat(call->pool, "cannot sync the spool file ",
                        bgu_spool_path(call->session->spool, call->session->id, call->pool), NULL));
    }
    return BGU_OK;
}

void bgu_call_drop_orphan(bgu_call_t *call)
{
    const bgu_sessions_t *sessions = call->sessions;
    bgu_session_t *now;
    apr_status_t rv =
        sessions->provider->find(sessions->store, &now, call->session->id, call->pool);

    if (APR_STATUS_IS_NOTFOUND(rv) || (rv == APR_SUCCESS && bgu_state_is_tombstone(now->state))) {
        (void)bgu_session_remove_files(call->session, call->pool);
    }
}
