/* SPDX-License-Identifier: Apache-2.0 */

#include "client_private.h"

#include <string.h>
#include <apr_strings.h>
#include "client_url.h"

/* How often the server may name a reply that it does not have, without progress. */
#define MISSES_MAX 1

/* Whether the server is one that the user's name and password are for. */
static int is_trusted(const upload_t *u, const char *url)
{
    const client_state_t *state = &u->state;
    const char *bound =
        state->host[0] ? client_url_at_host(state->url, state->host, u->scratch) : NULL;

    return client_url_same_origin(url, state->url, u->scratch) ||
           (bound && client_url_same_origin(url, bound, u->scratch));
}

void upload_reply_offered(upload_t *u)
{
    client_state_t *state = &u->state;
    const char *url = "", *error = NULL;

    if (u->answer.reply_url_too_long) {
        error = "its URL is too long";
    } else if (u->answer.reply_url[0]) {
        error = client_url_reply(&url, u->answer.reply_url, u->packet.url, u->pool);
    }
    u->reply_error = error;
    u->reply_told = 1;
    if (error) {
        return;
    }
    if (strcmp(url, state->reply_url) != 0) {
        state->reply_url = url;
        state->reply_etag = "";
    }
    u->result->reply_url = *url ? url : NULL;
    if (*url && !u->settings->reply && u->settings->trace) {
        u->settings->trace(u->settings->baton,
                           apr_pstrcat(u->scratch, "the server offers a reply at ", url,
                                       ", which is not fetched without --reply", NULL));
    }
}

int upload_wants_reply(const upload_t *u)
{
    return u->settings->reply && !u->reply_done && (u->reply_error || u->state.reply_url[0]);
}

/* The body of the reply is on its way: remember how to go on with it. */
static void begin(void *baton, const client_head_t *head, client_body_e body)
{
    upload_t *u = baton;

    u->reply_total = client_head_total(head);
    if (body == CLIENT_BODY_WHOLE) {
        u->state.reply_etag = apr_pstrdup(u->pool, head->etag);
        upload_save(u);
    }
}

/* Open the part, keeping its bytes only if they can be gone on with. 0: it ended there. */
static int open_part(upload_t *u)
{
    client_state_t *state = &u->state;
    const char *error = NULL;

    if (u->out.fd < 0) {
        error = client_out_open(&u->out, state->reply_etag[0] ? state->reply_inode : 0, u->pool);
    } else if (!state->reply_etag[0] && client_out_empty(&u->out) != 0) {
        error = "the part cannot be emptied";
    }
    if (error) {
        upload_end(u, CLIENT_BAD_FILE, "cannot save the reply: %s", error);
    } else if (state->reply_inode != u->out.inode) {
        /* Whoever gives the upload up can remove it. */
        state->reply_inode = u->out.inode;
        state->reply_etag = "";
        upload_save(u);
    }
    return error == NULL;
}

static void trace(const upload_t *u, apr_off_t from, client_verdict_e verdict)
{
    if (u->settings->trace) {
        u->settings->trace(
            u->settings->baton,
            apr_psprintf(u->scratch, "GET %s from %" APR_OFF_T_FMT ": %s, %" APR_OFF_T_FMT " bytes",
                         u->state.reply_url, from,
                         verdict == CLIENT_OK ? "whole"
                                              : client_answer_text(&u->answer, u->scratch),
                         u->out.have));
    }
}

/* The server has no such reply: perhaps the session is gone. Asking tells. */
static int is_missing(upload_t *u)
{
    return (u->answer.status == 404 || u->answer.status == 410) && u->reply_misses++ < MISSES_MAX;
}

void upload_fetch(upload_t *u)
{
    client_fetch_t fetch = {.url = u->state.reply_url, .out = &u->out, .begin = begin, .baton = u};
    client_verdict_e verdict;

    if (u->reply_error) {
        upload_end(u, CLIENT_REFUSED, "cannot fetch the reply: %s", u->reply_error);
        return;
    }
    if (!open_part(u)) {
        return;
    }
    apr_off_t from = u->out.have;
    fetch.with_credentials = is_trusted(u, fetch.url);
    fetch.etag = u->state.reply_etag;
    client_answer_clear(&u->answer);
    verdict = client_fetch(u->fetcher, &u->answer, &fetch, u->scratch);
    trace(u, from, verdict);
    u->result->reply_bytes = u->out.have;
    if (u->out.have > from) {
        u->reply_misses = 0;
        u->state.progress = apr_time_now();
        client_patience_renew(&u->patience);
    }
    if (verdict == CLIENT_RANGE) {
        u->state.reply_etag = "";
        verdict = CLIENT_TRANSIENT;
    }
    if (verdict == CLIENT_FATAL && is_missing(u)) {
        u->step = STEP_ASK;
        return;
    }
    u->reply_trusted = fetch.with_credentials;
    upload_decide(u, verdict);
}

void upload_replied(upload_t *u)
{
    char text[120];
    apr_status_t rv = client_out_finish(&u->out, u->scratch);

    if (rv != APR_SUCCESS) {
        upload_end(u, CLIENT_BAD_FILE, "cannot save the reply: %s: %s", u->out.path,
                   apr_strerror(rv, text, sizeof(text)));
        return;
    }
    u->reply_done = 1;
    u->result->reply = u->out.path;
    u->state.reply_out = u->out.path;
    u->state.reply_etag = "";
    u->state.reply_inode = 0;
    u->state.closing = 1;
    upload_save(u);
    u->step = STEP_CLOSE;
}
