/* SPDX-License-Identifier: Apache-2.0 */

#include "client_private.h"

#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "client_url.h"

/* How often in one call a session may vanish, its bytes may, and the server may send us to and fro
 * without progress, before it counts as trouble instead of a way to go on. */
#define RESTARTS_MAX 3
#define LOSSES_MAX   3
#define JUMPS_MAX    3

static const char *const step_failed[] = {
    [STEP_CREATE] = "cannot start the upload",   [STEP_ASK] = "cannot go on with the upload",
    [STEP_SEND] = "cannot send the file",        [STEP_REPLY] = "cannot fetch the reply",
    [STEP_CLOSE] = "cannot complete the upload",
};

/* What the last answer was, with advice. */
static const char *reason(const upload_t *u)
{
    const char *advice = u->step == STEP_REPLY ? client_fetch_advice(&u->answer, u->reply_trusted)
                                               : client_answer_advice(&u->answer);

    return apr_pstrcat(u->scratch, client_answer_text(&u->answer, u->scratch), *advice ? "; " : "",
                       advice, NULL);
}

/* End because of the last answer. */
static void fail(upload_t *u, client_end_e how, const char *more)
{
    u->result->http_status = u->answer.status;
    u->result->hresult = u->answer.hresult;
    upload_end(u, how, "%s: %s%s", step_failed[u->step], reason(u), more);
}

static void retry(upload_t *u)
{
    apr_interval_time_t wait;
    unsigned chance = 0;

    (void)apr_generate_random_bytes((unsigned char *)&chance, sizeof(chance));
    wait = client_patience_wait(&u->patience, client_now(), u->answer.retry_after, chance);
    if (wait < 0) {
        fail(u, CLIENT_UNFINISHED,
             apr_psprintf(u->scratch,
                          "; no progress for %" APR_INT64_T_FMT " s, call again to go on",
                          apr_time_sec(u->patience.limit)));
        return;
    }
    upload_note(u, "%s; trying again in %" APR_INT64_T_FMT " s", reason(u),
                apr_time_sec(wait + 999999));
    if (u->step == STEP_CLOSE) {
        u->close_unknown = 1;
    }
    if (u->step != STEP_CREATE && u->step != STEP_REPLY) {
        u->step = STEP_ASK;
    }
    client_sleep(wait, upload_interrupted, u);
}

static void refuse(upload_t *u)
{
    int status = u->answer.status, is_final;

    /* These will be the same whenever this session is tried again; after the others someone may
     * remove the cause, and the bytes that are there already are worth keeping. An application is
     * asked again, but not after its 403. */
    if (u->answer.by_application) {
        is_final = status == 403;
    } else {
        is_final = status == 400 || status == 411 || status == 413 || status == 500;
    }
    is_final = is_final && u->step != STEP_REPLY;
    fail(u, CLIENT_REFUSED, "");
    if (u->state.session[0] && is_final) {
        (void)upload_cancel_session(u);
        upload_forget(u);
    }
}

/* The server has everything below next. */
static void advance(upload_t *u, apr_off_t next)
{
    if (next > u->result->bytes) {
        u->result->bytes = next;
        u->jumps = 0;
        u->state.progress = apr_time_now();
        client_patience_renew(&u->patience);
    }
    u->next = next;
    u->step = next == u->file.size ? STEP_CLOSE : STEP_SEND;
    u->settings->progress(u->settings->baton, next, u->file.size);
    if (u->step == STEP_CLOSE && upload_wants_reply(u)) {
        /* It has just told that it was not closed. */
        u->state.closing = 0;
        u->close_unknown = 0;
        u->step = STEP_REPLY;
        upload_save(u);
    }
    if (u->step == STEP_CLOSE && !u->state.closing) {
        u->state.closing = 1;
        upload_save(u);
    }
}

static void created(upload_t *u)
{
    client_state_t *state = &u->state;

    if (!u->answer.session_id[0]) {
        upload_end(u, CLIENT_REFUSED, "%s: the server did not name the session",
                   step_failed[u->step]);
        return;
    }
    memcpy(state->session, u->answer.session_id, sizeof(state->session));
    memcpy(u->result->session, u->answer.session_id, sizeof(state->session));
    state->host[0] = '\0';
    if (u->answer.host_id[0] && client_url_at_host(state->url, u->answer.host_id, u->scratch)) {
        memcpy(state->host, u->answer.host_id, sizeof(state->host));
    }
    state->host_fallback = u->answer.host_fallback;
    state->progress = apr_time_now();
    state->closing = 0;
    state->reply_url = "";
    u->reply_done = 0;
    u->result->reply = u->result->reply_url = NULL;
    upload_save(u);
    client_patience_renew(&u->patience);
    u->result->bytes = 0;
    u->next = 0;
    u->step = STEP_SEND;
}

static void received(upload_t *u)
{
    const bgu_range_t *range = &u->packet.range;
    apr_off_t next = u->answer.next < 0 ? range->end : u->answer.next;

    if (next > u->file.size || (next <= range->first && next != u->file.size)) {
        upload_note(u, "the server claims to want byte %" APR_OFF_T_FMT " next", next);
        retry(u);
        return;
    }
    if (next == u->file.size) {
        upload_reply_offered(u);
    }
    advance(u, next);
}

static void completed(upload_t *u)
{
    if (u->settings->reply && !u->reply_done) {
        upload_note(u, "%s",
                    u->reply_told ? "the server sent no reply"
                                  : "the upload was completed before, its reply is gone");
    }
    upload_forget(u);
    upload_end(u, CLIENT_DONE, "%s", "");
}

/* 416: go on where the server says. It has every right to send us anywhere, but not for ever. */
static void go_on(upload_t *u)
{
    apr_off_t next = u->answer.next;
    int to_and_fro = u->step == STEP_SEND && next <= u->result->bytes && ++u->jumps > JUMPS_MAX;

    if (next < 0 || next > u->file.size || to_and_fro ||
        (u->step == STEP_SEND && next == u->packet.range.first)) {
        retry(u);
        return;
    }
    if (next < u->result->bytes) {
        if (++u->losses > LOSSES_MAX) {
            upload_end(u, CLIENT_UNFINISHED, "%s: the server keeps losing what it has received",
                       step_failed[u->step]);
            return;
        }
        upload_note(u, "the server lost bytes, going on at %" APR_OFF_T_FMT, next);
        u->result->bytes = next;
    }
    u->state.closing = 0;
    u->close_unknown = 0;
    advance(u, next);
}

/* 413: half of what was just sent. */
static void shrink(upload_t *u)
{
    apr_off_t sent = u->packet.range.end - u->packet.range.first;

    if (sent <= CLIENT_FRAGMENT_MIN) {
        refuse(u);
        return;
    }
    u->fragment = sent / 2 > CLIENT_FRAGMENT_MIN ? sent / 2 : CLIENT_FRAGMENT_MIN;
}

/* The server does not know the session. */
static void start_over(upload_t *u)
{
    if (u->close_unknown && u->step == STEP_ASK) {
        /* It takes no fragments: perhaps because it was closed. A second Close tells. */
        u->step = STEP_CLOSE;
        return;
    }
    upload_forget(u);
    if (u->close_unknown) {
        upload_end(
            u, CLIENT_UNFINISHED,
            "the server had received everything, was told to complete the upload, and does not "
            "remember how that ended; look whether the file is there, call again to upload it "
            "anew");
        return;
    }
    if (++u->restarts > RESTARTS_MAX) {
        upload_end(u, CLIENT_UNFINISHED, "%s: the server keeps forgetting the upload",
                   step_failed[u->step]);
        return;
    }
    upload_note(u, "the server does not know the upload any more, starting over");
    u->result->resumed = 0;
    u->step = STEP_CREATE;
}

static void lost_bytes(upload_t *u)
{
    if (++u->losses > LOSSES_MAX) {
        upload_end(u, CLIENT_UNFINISHED, "%s: the server keeps losing what it has received",
                   step_failed[u->step]);
        return;
    }
    upload_note(u, "the server lost bytes of the upload");
    u->step = STEP_ASK;
}

void upload_stop(upload_t *u)
{
    if (!u->state.session[0]) {
        upload_end(u, CLIENT_UNFINISHED, "interrupted before the upload began");
    } else if (u->settings->cancel_on_interrupt && upload_cancel_session(u)) {
        upload_forget(u);
        upload_end(u, CLIENT_REFUSED, "interrupted; the upload was cancelled");
    } else {
        upload_end(u, CLIENT_UNFINISHED, "interrupted; call again to go on");
    }
}

void upload_decide(upload_t *u, client_verdict_e verdict)
{
    static void (*const succeeded[])(upload_t * u) = {
        [STEP_CREATE] = created,       [STEP_ASK] = received,    [STEP_SEND] = received,
        [STEP_REPLY] = upload_replied, [STEP_CLOSE] = completed,
    };
    static void (*const otherwise[])(upload_t * u) = {
        [CLIENT_RANGE] = go_on,
        [CLIENT_SMALLER] = shrink,
        [CLIENT_GONE] = start_over,
        [CLIENT_BYTES_LOST] = lost_bytes,
        [CLIENT_TRANSIENT] = retry,
        [CLIENT_FATAL] = refuse,
        [CLIENT_INTERRUPTED] = upload_stop,
    };

    if (verdict == CLIENT_OK) {
        succeeded[u->step](u);
    } else if (verdict == CLIENT_FILE) {
        int is_reply = u->step == STEP_REPLY;
        upload_end(u, CLIENT_BAD_FILE, "%s%s: %s", is_reply ? "cannot save the reply: " : "",
                   is_reply ? u->out.part : u->file.path, u->answer.trouble);
    } else if (verdict == CLIENT_GONE && u->step == STEP_CREATE) {
        retry(u);
    } else {
        otherwise[verdict](u);
    }
}
