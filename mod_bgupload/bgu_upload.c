/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_upload.h"

#include <string.h>
#include <apr_strings.h>
#include "bgu_call.h"
#include "bgu_guid.h"
#include "bgu_publish.h"
#include "bgu_session.h"

/* How often a request looks again when others keep changing its session. Two are normal; a client
 * that makes more of them hears that it should wait. */
#define TRIES_MAX 8

/* Discard a session that has timed out though no clean-up has come by yet. */
static bgu_result_e expire(bgu_call_t *call)
{
    int published = call->session->state == BGU_STATE_PUBLISHED;
    apr_status_t rv = bgu_session_discard(call->sessions, call->session, 1, call->pool);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        return bgu_call_overtaken(call);
    }
    if (rv != APR_SUCCESS) {
        return bgu_call_fail(call, rv, "cannot discard the timed out session");
    }
    if (!published) {
        call->outcome->event = BGU_EVENT_DISCARDED;
        call->outcome->reason = "timed out";
    }
    return bgu_call_overtaken(call);
}

/* Look the session up and see whether this request may touch it. */
static bgu_result_e find(bgu_call_t *call)
{
    const bgu_request_t *request = call->request;
    bgu_session_t *session;
    apr_status_t rv = call->sessions->provider->find(call->sessions->store, &session,
                                                     request->packet->session_id, call->pool);

    if (APR_STATUS_IS_NOTFOUND(rv)) {
        return bgu_call_say(call, BGU_SESSION_NOT_FOUND, "the session is not known (any more)");
    }
    if (rv != APR_SUCCESS) {
        return bgu_call_fail(call, rv, "cannot read the store");
    }
    if (strcmp(session->path, request->path) != 0 || strcmp(session->dest, request->dest) != 0) {
        return bgu_call_say(call, BGU_SESSION_NOT_FOUND, "the session belongs to another URL");
    }
    if (strcmp(session->user, request->user) != 0) {
        return bgu_call_say(call, BGU_ACCESS_DENIED, "the session belongs to another user");
    }
    call->session = session;
    call->outcome->session = session;
    if (bgu_state_is_tombstone(session->state) || session->state == BGU_STATE_COMMITTING ||
        !bgu_session_expired(session, call->pool)) {
        return BGU_OK;
    }
    return expire(call);
}

static bgu_result_e ping(bgu_call_t *call)
{
    (void)call;
    return BGU_OK;
}

static bgu_session_t *new_session(const bgu_request_t *request, const char *id, apr_pool_t *pool)
{
    bgu_session_t *session = apr_palloc(pool, sizeof(*session));
    apr_time_t now = apr_time_now();

    *session = (bgu_session_t){
        .id = id,
        .state = BGU_STATE_RECEIVING,
        .user = request->user,
        .client = request->client,
        .path = request->path,
        .query = request->query,
        .dest = request->dest,
        .spool = request->policy->spool,
        .total = BGU_TOTAL_UNKNOWN,
        .created = now,
        .updated = now,
        .timeout = request->policy->timeout,
    };
    return session;
}

/* What the client hears when its session could not be inserted. */
static bgu_result_e refuse_session(bgu_call_t *call, apr_status_t rv)
{
    const bgu_limits_t *limits = &call->request->policy->limits;

    if (rv == BGU_STATUS_USER_LIMIT) {
        return bgu_call_say(
            call, BGU_USER_LIMIT,
            apr_psprintf(call->pool, "BGUploadMaxSessionsPerUser is %d", limits->per_user));
    }
    if (rv == BGU_STATUS_TOTAL_LIMIT) {
        return bgu_call_say(call, BGU_TOTAL_LIMIT,
                            apr_psprintf(call->pool, "BGUploadMaxSessions is %d", limits->total));
    }
    return bgu_call_fail(call, rv, "cannot write to the store");
}

static bgu_result_e create_session(bgu_call_t *call)
{
    const bgu_request_t *request = call->request;
    const bgu_policy_t *policy = request->policy;
    bgu_answer_t *answer = &call->outcome->answer;
    char *id = apr_palloc(call->pool, BGU_ID_LEN + 1);
    bgu_result_e result =
        bgu_publish_check(request->dest, policy->overwrite, &answer->detail, call->pool);

    if (result != BGU_OK) {
        return result;
    }
    apr_status_t rv = bgu_guid_make(id);
    if (rv != APR_SUCCESS) {
        return bgu_call_fail(call, rv, "the system's random generator failed");
    }
    call->session = new_session(request, id, call->pool);
    rv = call->sessions->provider->create(call->sessions->store, call->session, &policy->limits,
                                          policy->sync == BGU_SYNC_FRAGMENT);
    if (rv != APR_SUCCESS) {
        return refuse_session(call, rv);
    }
    call->outcome->session = call->session;
    call->outcome->event = BGU_EVENT_CREATED;
    answer->session_id = id;
    answer->created = 1;
    answer->host_id = policy->host_id;
    answer->host_id_fallback = policy->host_id_fallback;
    return BGU_OK;
}

/* End a session without publishing anything. */
static bgu_result_e close_unpublished(bgu_call_t *call, const char *reason)
{
    bgu_result_e result = bgu_call_change(call, BGU_STATE_CLOSED, 0);

    if (result == BGU_OK) {
        call->outcome->event = BGU_EVENT_DISCARDED;
        call->outcome->reason = reason;
        /* What cannot be removed now goes with the tombstone. */
        (void)bgu_session_remove_files(call->session, call->pool);
    }
    return result;
}

/* A packet repeated after the end: what a crash between the row and the spool left there goes now.
 */
static bgu_result_e end_again(bgu_call_t *call)
{
    (void)bgu_session_remove_files(call->session, call->pool);
    return BGU_OK;
}

/* There are bytes, but no fragment has told the row of them: either one did meanwhile, or a power
 * cut took the row back. Then nobody knows whether they are all, and 200 could be a lie. */
static bgu_result_e refuse_unknown(bgu_call_t *call)
{
    const bgu_sessions_t *sessions = call->sessions;
    bgu_session_t *now;
    apr_status_t rv =
        sessions->provider->find(sessions->store, &now, call->session->id, call->pool);

    if (rv != APR_SUCCESS && !APR_STATUS_IS_NOTFOUND(rv)) {
        return bgu_call_fail(call, rv, "cannot read the store");
    }
    if (rv != APR_SUCCESS || now->total != BGU_TOTAL_UNKNOWN ||
        now->state != call->session->state) {
        return bgu_call_overtaken(call);
    }
    return bgu_call_say(call, BGU_BYTES_LOST,
                        "bytes came, but a power cut took back what the store knew of them");
}

/* Close a session without any fragment: an empty file. Its spool file is made now. */
static bgu_result_e close_empty(bgu_call_t *call)
{
    bgu_spool_t *spool;
    apr_off_t size;
    int created;
    bgu_result_e result = bgu_call_open_spool(call, &spool, &created);

    if (result != BGU_OK) {
        return result;
    }
    if (bgu_spool_size(&size, spool) == APR_SUCCESS && size > 0) {
        return refuse_unknown(call);
    }
    call->session->total = 0;
    bgu_call_plan(call, 0);
    result = bgu_call_secure(call, spool, 0);
    if (result == BGU_OK) {
        result = bgu_call_commit(call);
    }
    if (result == BGU_BUSY && created) {
        bgu_call_drop_orphan(call);
    }
    return result;
}

/* Close a session that received at least a part of its file. */
static bgu_result_e close_received(bgu_call_t *call)
{
    bgu_session_t *session = call->session;
    bgu_spool_t *spool;
    apr_off_t size = 0;
    apr_status_t rv = bgu_spool_open(&spool, session->spool, session->id, NULL, call->pool);

    if (rv == APR_SUCCESS) {
        rv = bgu_call_examine(call, spool);
    }
    if (rv == APR_SUCCESS) {
        rv = bgu_spool_size(&size, spool);
    }
    if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOENT(rv)) {
        return bgu_call_fail(call, rv, "cannot open the spool file");
    }
    if (rv == APR_SUCCESS && session->state == BGU_STATE_RECEIVING) {
        bgu_result_e result = size < session->total
                                  ? close_unpublished(call, "closed before the last byte")
                                  : bgu_call_secure(call, spool, size);
        if (size < session->total || result != BGU_OK) {
            return result;
        }
    }
    bgu_call_plan(call, 0);
    return bgu_call_commit(call);
}

/* A session that is neither over nor published. */
static bgu_result_e close_open(bgu_call_t *call)
{
    const bgu_session_t *session = call->session;

    if (session->state == BGU_STATE_COMPLETE && session->reply.taken) {
        return close_unpublished(call, "taken over by the application");
    }
    if (session->state != BGU_STATE_COMPLETE && call->request->policy->notify != BGU_NOTIFY_NONE) {
        return close_unpublished(call, "closed before the application accepted");
    }
    return session->total == BGU_TOTAL_UNKNOWN ? close_empty(call) : close_received(call);
}

/* A session whose file is published already. */
static bgu_result_e close_published(bgu_call_t *call)
{
    bgu_result_e result = bgu_call_change(call, BGU_STATE_CLOSED, 0);

    if (result == BGU_OK) {
        (void)bgu_session_remove_files(call->session, call->pool);
    }
    return result;
}

static bgu_result_e close_session(bgu_call_t *call)
{
    switch (call->session->state) {
    case BGU_STATE_CLOSED:
        return end_again(call);
    case BGU_STATE_CANCELLED:
        return bgu_call_say(call, BGU_SESSION_NOT_FOUND, "the session was cancelled or timed out");
    case BGU_STATE_COMMITTING:
        return bgu_call_finish_commit(call);
    case BGU_STATE_PUBLISHED:
        return close_published(call);
    default:
        return close_open(call);
    }
}

static bgu_result_e cancel_session(bgu_call_t *call)
{
    bgu_state_e before = call->session->state;

    if (bgu_state_is_tombstone(before)) {
        return end_again(call);
    }
    if (before == BGU_STATE_COMMITTING) {
        return bgu_call_finish_commit(call);
    }
    apr_status_t rv = bgu_session_discard(call->sessions, call->session, 0, call->pool);
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return bgu_call_overtaken(call);
    }
    if (rv != APR_SUCCESS) {
        return bgu_call_fail(call, rv, "cannot discard the session");
    }
    if (before != BGU_STATE_PUBLISHED) {
        call->outcome->event = BGU_EVENT_DISCARDED;
        call->outcome->reason = "cancelled";
    }
    return BGU_OK;
}

/* What each packet does, and whether it needs its session first. */
static const struct {
    bgu_result_e (*act)(bgu_call_t *call);
    int needs_session;
} acts[] = {
    [BGU_PING] = {ping, 0},
    [BGU_CREATE_SESSION] = {create_session, 0},
    [BGU_FRAGMENT] = {bgu_fragment, 1},
    [BGU_CLOSE_SESSION] = {close_session, 1},
    [BGU_CANCEL_SESSION] = {cancel_session, 1},
};

void bgu_upload(bgu_outcome_t *outcome, const bgu_sessions_t *sessions,
                const bgu_request_t *request, apr_pool_t *pool)
{
    const bgu_packet_t *packet = request->packet;
    bgu_result_e result = BGU_BUSY;
    int busy = 1;

    *outcome = (bgu_outcome_t){.event = BGU_EVENT_NONE};
    /* A step that somebody else was first to make left nothing behind: look at the row afresh. A
     * Fragment that has read from its body settles by itself and says BGU_BUSY only for good. */
    for (int i = 0; i < TRIES_MAX && busy; i++) {
        bgu_call_t call = {
            .sessions = sessions, .request = request, .outcome = outcome, .pool = pool};
        outcome->answer = (bgu_answer_t){.next = -1, .session_id = packet->session_id};
        result = acts[packet->type].needs_session ? find(&call) : BGU_OK;
        if (result == BGU_OK) {
            result = acts[packet->type].act(&call);
        }
        busy = result == BGU_BUSY && !outcome->body_read;
    }
    outcome->answer.result = result;
}
