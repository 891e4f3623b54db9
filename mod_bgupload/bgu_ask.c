/* SPDX-License-Identifier: Apache-2.0 */

/* Asking the server application about a session whose bytes are all there (protocol: upload-reply).
 *
 * One request asks; it holds the session's claim meanwhile. The row says NOTIFYING: a request that
 * finds it without a claim takes over from one that died. */

#include "bgu_call.h"

#include "bgu_notify_answer.h"
#include "bgu_session.h"
#include "bgu_spool_reply.h"

/* The application has refused for good, now or before. */
static bgu_result_e pass_on(bgu_call_t *call, int status, const char *detail)
{
    call->outcome->answer.app_status = status;
    return bgu_call_say(call, BGU_APP_REFUSED, detail);
}

/* Put the verdict into the row: with it the session is COMPLETE, or wants to be asked again. */
static bgu_result_e record(bgu_call_t *call, const bgu_verdict_t *verdict)
{
    bgu_reply_t *reply = &call->session->reply;

    if (verdict->result == BGU_APP_REFUSED && verdict->status == BGU_NOTIFY_STATUS_FINAL) {
        reply->refused = verdict->status;
    }
    if (verdict->result != BGU_OK) {
        return bgu_call_change(call, BGU_STATE_RECEIVING, 0);
    }
    reply->taken = !verdict->copy;
    reply->made = apr_time_now();
    if (verdict->static_url) {
        reply->kind = BGU_REPLY_URL;
        reply->url = verdict->static_url;
    } else {
        reply->kind = verdict->has_reply ? BGU_REPLY_FILE : BGU_REPLY_NONE;
    }
    return bgu_call_change(call, BGU_STATE_COMPLETE, call->request->policy->sync != BGU_SYNC_OFF);
}

/* The notification itself: the one long wait, with the claim held and nothing else. */
static void ask(bgu_call_t *call, bgu_verdict_t *verdict)
{
    const bgu_request_t *request = call->request;
    const bgu_policy_t *policy = request->policy;
    const bgu_session_t *session = call->session;
    /* The query that counts is Create-Session's, whatever this request has. */
    const char *url = bgu_notify_url(request->notify_url, request->url, session->query, call->pool);
    bgu_notification_t notification = {
        .url = url ? url : request->notify_url,
        .original_url = request->url,
        .session_id = session->id,
        .by = policy->notify,
        .data_path = bgu_spool_path(session->spool, session->id, call->pool),
        .size = session->total,
        .reply_path = bgu_reply_path(session->spool, session->id, call->pool),
        .max_reply = policy->max_reply,
        .timeout = policy->notify_timeout,
        .ca = policy->notify_ca,
    };

    request->notifier->notify(request->notifier, verdict, &notification, call->pool);
}

/* A reply that the row is going to tell of comes to the disk before it. */
static void secure_reply(bgu_call_t *call, bgu_verdict_t *verdict)
{
    const bgu_session_t *session = call->session;

    if (verdict->result != BGU_OK || !verdict->has_reply ||
        call->request->policy->sync == BGU_SYNC_OFF) {
        return;
    }
    verdict->cause = bgu_reply_sync(session->spool, session->id, call->pool);
    verdict->result = bgu_result_of(verdict->cause);
    if (verdict->result != BGU_OK) {
        verdict->detail = "cannot sync the reply in the spool";
    }
}

/* With the claim: ask, unless the row says that it has been done meanwhile. */
static bgu_result_e ask_claimed(bgu_call_t *call, const bgu_spool_t *spool)
{
    const bgu_sessions_t *sessions = call->sessions;
    bgu_answer_t *answer = &call->outcome->answer;
    bgu_session_t *now;
    bgu_verdict_t verdict;
    apr_status_t rv =
        sessions->provider->find(sessions->store, &now, call->session->id, call->pool);

    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_NOTFOUND(rv) ? bgu_call_overtaken(call)
                                          : bgu_call_fail(call, rv, "cannot read the store");
    }
    call->session = now;
    call->outcome->session = now;
    if (call->session->state != BGU_STATE_RECEIVING &&
        call->session->state != BGU_STATE_NOTIFYING) {
        return bgu_call_overtaken(call);
    }
    if (call->session->reply.refused) {
        return pass_on(call, call->session->reply.refused, "the application refused before");
    }
    call->session->reply.asked++;
    bgu_result_e result = bgu_call_change(call, BGU_STATE_NOTIFYING, 0);
    if (result != BGU_OK) {
        return result;
    }
    rv = bgu_reply_prepare(call->request->policy->notify == BGU_NOTIFY_REFERENCE ? spool : NULL,
                           call->session->spool, call->session->id, call->pool);
    if (rv != APR_SUCCESS) {
        /* What is missing was removed together with the session. */
        return APR_STATUS_IS_ENOENT(rv)
                   ? bgu_call_overtaken(call)
                   : bgu_call_fail(call, rv, "cannot make a folder for the reply in the spool");
    }
    ask(call, &verdict);
    secure_reply(call, &verdict);
    result = record(call, &verdict);
    if (result != BGU_OK) {
        return result;
    }
    answer->cause = verdict.cause;
    answer->app_status = verdict.status;
    return bgu_call_say(call, verdict.result, verdict.detail);
}

bgu_result_e bgu_call_ask(bgu_call_t *call, const bgu_spool_t *spool)
{
    bgu_claim_t *claim;
    apr_status_t rv = bgu_claim_take(&claim, call->session->spool, call->session->id, call->pool);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        return bgu_call_say(call, BGU_NOTIFYING, "the application is being asked already");
    }
    if (rv != APR_SUCCESS) {
        return bgu_call_fail(call, rv, "cannot make a lock file in the spool");
    }
    bgu_result_e result = ask_claimed(call, spool);
    bgu_claim_release(claim);
    if (result == BGU_BUSY) {
        /* If the session is over, the claim's file goes with the rest. */
        bgu_call_drop_orphan(call);
    }
    return result;
}
