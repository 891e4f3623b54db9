/* SPDX-License-Identifier: Apache-2.0 */

#include "upload_model.h"

static model_answer_t say(bgu_result_e result, apr_off_t next, bgu_event_e event)
{
    return (model_answer_t){result, next, event};
}

static model_answer_t refuse(bgu_result_e result)
{
    return say(result, -1, BGU_EVENT_NONE);
}

int model_is_over(const model_session_t *session)
{
    return session->state == MODEL_CLOSED || session->state == MODEL_CANCELLED;
}

/** Open sessions of one user, and the bytes that those but one have promised. */
static int open_sessions(const model_t *model, int dest, const model_session_t *but, double *bytes)
{
    int count = 0;

    *bytes = 0;
    for (int i = 0; i < model->count; i++) {
        const model_session_t *session = &model->sessions[i];

        if (session->dest == dest && !model_is_over(session)) {
            count++;
            *bytes += session != but && session->total > 0 ? (double)session->total : 0;
        }
    }
    return count;
}

model_answer_t model_create(model_t *model, int dest)
{
    int limit = model->policy->limits.per_user;
    double bytes;

    if (model->published[dest] && !model->policy->overwrite) {
        return refuse(BGU_ACCESS_DENIED);
    }
    if (limit && open_sessions(model, dest, NULL, &bytes) >= limit) {
        return refuse(BGU_USER_LIMIT);
    }
    model->sessions[model->count++] =
        (model_session_t){.dest = dest, .state = MODEL_OPEN, .total = BGU_TOTAL_UNKNOWN};
    return say(BGU_OK, -1, BGU_EVENT_CREATED);
}

/** Publish what is here; state is the session's then. */
static model_answer_t commit(model_t *model, model_session_t *session, model_e state)
{
    if (!session->has_file) {
        return refuse(BGU_BYTES_LOST);
    }
    if (model->published[session->dest] && !model->policy->overwrite) {
        session->state = MODEL_COMPLETE;
        return refuse(BGU_ACCESS_DENIED);
    }
    model->published[session->dest] = session;
    session->state = state;
    session->has_file = 0;
    return say(BGU_OK, session->next, BGU_EVENT_COMMITTED);
}

/** Ask the application. */
static bgu_result_e ask(model_t *model, model_session_t *session)
{
    const bgu_verdict_t *verdict = &model->verdict;

    if (session->refused) {
        return BGU_APP_REFUSED;
    }
    model->asked++;
    if (verdict->result == BGU_OK) {
        session->state = MODEL_COMPLETE;
        session->taken = !verdict->copy;
    } else {
        session->refused =
            verdict->result == BGU_APP_REFUSED && verdict->status == BGU_NOTIFY_STATUS_FINAL;
    }
    return verdict->result;
}

/** All bytes are here. */
static model_answer_t complete(model_t *model, model_session_t *session)
{
    int again = session->state == MODEL_COMPLETE;

    if (model->policy->notify != BGU_NOTIFY_NONE && !again) {
        bgu_result_e result = ask(model, session);

        if (result != BGU_OK) {
            return refuse(result);
        }
    }
    if (model->policy->commit_on_last && !session->taken) {
        return commit(model, session, MODEL_PUBLISHED);
    }
    session->state = MODEL_COMPLETE;
    return say(BGU_OK, session->next, again ? BGU_EVENT_NONE : BGU_EVENT_COMPLETED);
}

/** What speaks against a fragment before a byte of it is read. */
static bgu_result_e check(const model_t *model, const model_session_t *session,
                          const bgu_range_t *range)
{
    const bgu_policy_t *policy = model->policy;

    if (model_is_over(session)) {
        return BGU_SESSION_NOT_FOUND;
    }
    if (policy->max_size && range->total > policy->max_size) {
        return BGU_UPLOAD_TOO_LARGE;
    }
    if (policy->max_fragment && range->end - range->first > policy->max_fragment) {
        return BGU_FRAGMENT_TOO_LARGE;
    }
    return session->total != BGU_TOTAL_UNKNOWN && session->total != range->total ? BGU_BAD_REQUEST
                                                                                 : BGU_OK;
}

/** Whether a fragment that fixes the total goes beyond the quota. */
static int is_over_quota(const model_t *model, const model_session_t *session,
                         const bgu_range_t *range)
{
    double bytes;

    (void)open_sessions(model, session->dest, session, &bytes);
    return model->policy->quota && session->total == BGU_TOTAL_UNKNOWN &&
           (double)range->total + bytes > (double)model->policy->quota;
}

model_answer_t model_fragment(model_t *model, model_session_t *session, const bgu_range_t *range,
                              apr_off_t sent)
{
    bgu_result_e result = check(model, session, range);

    if (result != BGU_OK) {
        return refuse(result);
    }
    if (session->state == MODEL_PUBLISHED) {
        return say(BGU_OK, session->total, BGU_EVENT_NONE);
    }
    if (is_over_quota(model, session, range)) {
        return refuse(BGU_QUOTA);
    }
    session->total = range->total;
    if (!session->has_file) {
        session->has_file = 1;
        session->state = MODEL_OPEN;
    }
    if (range->first > session->next ||
        (range->end <= session->next && session->next < range->total)) {
        return say(BGU_RANGE, session->next, BGU_EVENT_NONE);
    }
    if (range->end > session->next) {
        apr_off_t end = range->end - range->first > sent ? range->first + sent : range->end;

        session->next = end > session->next ? end : session->next;
        if (end < range->end) {
            return refuse(BGU_DISCONNECTED);
        }
    }
    return session->next == session->total ? complete(model, session)
                                           : say(BGU_OK, session->next, BGU_EVENT_NONE);
}

static model_answer_t discard(model_session_t *session, model_e state)
{
    session->state = state;
    session->has_file = session->old = 0;
    return say(BGU_OK, -1, BGU_EVENT_DISCARDED);
}

model_answer_t model_close(model_t *model, model_session_t *session)
{
    int accepted = session->state == MODEL_COMPLETE;

    if (session->state == MODEL_CANCELLED) {
        return refuse(BGU_SESSION_NOT_FOUND);
    }
    if (session->state == MODEL_CLOSED || session->state == MODEL_PUBLISHED) {
        session->state = MODEL_CLOSED;
        return say(BGU_OK, -1, BGU_EVENT_NONE);
    }
    if (accepted ? session->taken : model->policy->notify != BGU_NOTIFY_NONE) {
        return discard(session, MODEL_CLOSED);
    }
    if (session->total == BGU_TOTAL_UNKNOWN) {
        session->total = 0;
        session->has_file = 1;
    }
    if (session->has_file && session->next < session->total) {
        return discard(session, MODEL_CLOSED);
    }
    model_answer_t answer = commit(model, session, MODEL_CLOSED);
    answer.next = -1;
    return answer;
}

model_answer_t model_cancel(model_session_t *session)
{
    int published = session->state == MODEL_PUBLISHED;

    if (model_is_over(session)) {
        return say(BGU_OK, -1, BGU_EVENT_NONE);
    }
    model_answer_t answer = discard(session, MODEL_CANCELLED);
    answer.event = published ? BGU_EVENT_NONE : BGU_EVENT_DISCARDED;
    return answer;
}

bgu_event_e model_notice(model_session_t *session)
{
    return session->old ? model_cancel(session).event : BGU_EVENT_NONE;
}

void model_lose(model_session_t *session)
{
    if (session->has_file) {
        session->has_file = 0;
        session->next = 0;
    }
}
