/* SPDX-License-Identifier: Apache-2.0 */

#include "client_private.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include "client_url.h"

/* How long a Cancel-Session may hold up the end of the program. */
#define FAREWELL apr_time_from_sec(10)

void upload_note(const upload_t *u, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    u->settings->note(u->settings->baton, apr_pvsprintf(u->scratch, format, args));
    va_end(args);
}

void upload_save(upload_t *u)
{
    char text[120];
    apr_status_t rv;

    if (u->slot == NULL) {
        return;
    }
    rv = client_slot_save(u->slot, &u->state, u->scratch);
    if (rv != APR_SUCCESS) {
        upload_note(u, "this upload cannot be remembered: %s",
                    apr_strerror(rv, text, sizeof(text)));
    }
}

void upload_forget(upload_t *u)
{
    if (u->state.reply_inode) {
        client_out_remove(u->state.reply_out, u->state.reply_inode, u->scratch);
        u->state.reply_etag = "";
        u->state.reply_inode = 0;
    }
    u->state.session[0] = '\0';
    if (u->slot) {
        client_slot_forget(u->slot);
    }
}

void upload_end(upload_t *u, client_end_e how, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    u->result->message = apr_pvsprintf(u->pool, format, args);
    va_end(args);
    u->result->end = how;
    u->step = STEP_OVER;
}

int upload_interrupted(void *baton)
{
    const upload_t *u = baton;

    return !u->farewell && u->settings->interrupted(u->settings->baton);
}

static void show_progress(void *baton, apr_off_t sent)
{
    const upload_t *u = baton;

    if (u->step == STEP_SEND) {
        u->settings->progress(u->settings->baton, u->packet.range.first + sent, u->file.size);
    } else if (u->step == STEP_REPLY && u->reply_total >= sent) {
        u->settings->progress(u->settings->baton, sent, u->reply_total);
    }
}

/* The URL of the session: at the host that it is bound to, if it is. */
static const char *session_url(const upload_t *u)
{
    const char *url = NULL;

    if (u->state.host[0]) {
        url = client_url_at_host(u->state.url, u->state.host, u->scratch);
    }
    return url ? url : u->state.url;
}

static void trace(const upload_t *u)
{
    const client_packet_t *packet = &u->packet;
    const char *range = "", *next = "";

    if (u->settings->trace == NULL) {
        return;
    }
    if (packet->type == BGU_FRAGMENT) {
        range = apr_psprintf(u->scratch, " [%" APR_OFF_T_FMT ", %" APR_OFF_T_FMT ")",
                             packet->range.first, packet->range.end);
    }
    if (u->answer.next >= 0) {
        next = apr_psprintf(u->scratch, ", next byte wanted: %" APR_OFF_T_FMT, u->answer.next);
    }
    u->settings->trace(u->settings->baton,
                       apr_psprintf(u->scratch, "%s %s%s: %s%s", bgu_packet_name(packet->type),
                                    packet->url, range, client_answer_text(&u->answer, u->scratch),
                                    next));
}

static client_verdict_e exchange(upload_t *u)
{
    client_http_exchange(u->http, &u->answer, &u->packet, u->scratch);
    trace(u);
    return client_answer_verdict(&u->answer, u->packet.type);
}

/* Tell the server that nobody will ask for this session again. One short try; 1 if it knows now. */
int upload_cancel_session(upload_t *u)
{
    client_answer_t before = u->answer;
    client_verdict_e verdict;

    u->farewell++;
    u->packet = (client_packet_t){
        .type = BGU_CANCEL_SESSION, .url = session_url(u), .session_id = u->state.session};
    client_http_hurry(u->http, FAREWELL);
    verdict = exchange(u);
    client_http_hurry(u->http, 0);
    u->farewell--;
    u->answer = before;
    return verdict == CLIENT_OK || verdict == CLIENT_GONE;
}

static void prepare(upload_t *u)
{
    static const bgu_packet_e types[] = {
        [STEP_CREATE] = BGU_CREATE_SESSION,
        [STEP_ASK] = BGU_FRAGMENT,
        [STEP_SEND] = BGU_FRAGMENT,
        [STEP_CLOSE] = BGU_CLOSE_SESSION,
    };
    apr_off_t first = u->next, size = u->file.size, end_of = size;

    if (u->step == STEP_ASK) {
        first = size > 0 ? size - 1 : 0;
    } else if (size - first > u->fragment) {
        end_of = first + u->fragment;
    }
    u->packet = (client_packet_t){
        .type = types[u->step],
        .url = u->step == STEP_CREATE ? u->state.url : session_url(u),
        .session_id = u->step == STEP_CREATE ? NULL : u->state.session,
        .content_name = u->content_name,
        .fd = u->file.fd,
        .range = {.first = first, .end = end_of, .total = size},
    };
}

/* After the time that the server named, a session is looked for at its URL's own host. */
static void check_host(upload_t *u)
{
    client_state_t *state = &u->state;

    if (state->host[0] && state->host_fallback > 0 &&
        apr_time_now() - state->progress > state->host_fallback) {
        upload_note(u, "no progress at %s, falling back to the URL's own host", state->host);
        state->host[0] = '\0';
        upload_save(u);
    }
}

static void run(upload_t *u)
{
    while (u->step != STEP_OVER) {
        apr_pool_clear(u->scratch);
        if (upload_interrupted(u)) {
            upload_stop(u);
        } else if (u->step == STEP_REPLY) {
            upload_fetch(u);
        } else if (!u->reply_done && client_file_changed(&u->file)) {
            if (u->state.session[0] && upload_cancel_session(u)) {
                upload_forget(u);
            }
            upload_end(u, CLIENT_BAD_FILE, "%s: it was changed during the upload", u->file.path);
        } else {
            check_host(u);
            prepare(u);
            upload_decide(u, exchange(u));
        }
    }
    if (u->result->end == CLIENT_UNFINISHED && u->state.session[0]) {
        upload_save(u);
    }
}

/* Whether a remembered upload is of this very file. */
static int still_same(const client_state_t *old, const client_state_t *now)
{
    return old->size == now->size && old->mtime == now->mtime && old->inode == now->inode &&
           strcmp(old->file, now->file) == 0 && strcmp(old->url, now->url) == 0 &&
           strcmp(old->user, now->user) == 0;
}

/* What an earlier call has of the reply: all, when it came to closing, or a part. */
static void recall_reply(upload_t *u)
{
    client_state_t *state = &u->state;

    if (u->out.path == NULL) {
        return;
    }
    if (strcmp(state->reply_out, u->out.path) == 0) {
        u->reply_done = state->closing && access(u->out.path, F_OK) == 0;
        u->result->reply = u->reply_done ? u->out.path : NULL;
        return;
    }
    if (state->reply_inode) {
        client_out_remove(state->reply_out, state->reply_inode, u->scratch);
    }
    state->reply_out = u->out.path;
    state->reply_etag = "";
    state->reply_inode = 0;
}

/* Go on with what an earlier call left, if it did. */
static void recall(upload_t *u)
{
    client_state_t now = u->state;
    const char *error;
    int found = client_slot_load(u->slot, &u->state, &error, u->pool);

    if (error) {
        upload_note(u, "a remembered upload is ignored: %s", error);
    }
    if (found && still_same(&u->state, &now)) {
        memcpy(u->result->session, u->state.session, sizeof(u->state.session));
        recall_reply(u);
        u->result->resumed = 1;
        u->close_unknown = u->state.closing;
        u->step = STEP_ASK;
        return;
    }
    if (found) {
        upload_note(u, "%s has changed since its upload was interrupted, starting over", now.file);
        (void)upload_cancel_session(u);
    }
    upload_forget(u);
    u->state = now;
}

/* Lock the place where this upload is remembered. 0: another process has it. */
static int open_slot(upload_t *u, const char *folder)
{
    char text[120];
    apr_status_t rv =
        client_slot_open(&u->slot, folder, u->state.file, u->state.url, u->state.user, u->pool);

    if (rv == APR_EAGAIN) {
        upload_end(u, CLIENT_BAD_FILE, "%s is being uploaded there by another bgupload",
                   u->state.file);
        return 0;
    }
    if (rv != APR_SUCCESS) {
        u->slot = NULL;
        upload_note(u, "this upload cannot be remembered: %s",
                    apr_strerror(rv, text, sizeof(text)));
    }
    return 1;
}

/* See that the reply can be saved, before the upload rather than after it. 0: it ended there. */
static int start_reply(upload_t *u)
{
    const char *error;

    u->state.reply_out = u->state.reply_url = u->state.reply_etag = "";
    if (u->settings->reply == NULL) {
        return 1;
    }
    error = client_out_check(&u->out, u->settings->reply, u->pool);
    if (error) {
        upload_end(u, CLIENT_BAD_FILE, "cannot save the reply: %s", error);
        return 0;
    }
    if (strcmp(u->out.path, u->file.path) == 0) {
        upload_end(u, CLIENT_USAGE, "--reply: %s is the file to upload", u->out.path);
        return 0;
    }
    u->state.reply_out = u->out.path;
    u->fetcher = client_fetcher_make(&u->settings->http, &u->watch, u->pool);
    if (u->fetcher == NULL) {
        upload_end(u, CLIENT_UNFINISHED, "libcurl cannot be used");
        return 0;
    }
    return 1;
}

/* Open file and URL. 0: it ended there. */
static int start(upload_t *u, const char *path, const char *url)
{
    const char *error = client_file_open(&u->file, path, u->pool);
    const char *user = u->settings->http.user;

    if (error) {
        upload_end(u, CLIENT_BAD_FILE, "%s", error);
        return 0;
    }
    error = client_url_make(&u->state.url, url, u->file.name, u->pool);
    if (error) {
        upload_end(u, CLIENT_USAGE, "%s: %s", url, error);
        return 0;
    }
    u->http = client_http_make(&u->settings->http, &u->watch, u->pool);
    if (u->http == NULL) {
        upload_end(u, CLIENT_UNFINISHED, "libcurl cannot be used");
        return 0;
    }
    u->content_name = client_url_encode(u->file.name, u->pool);
    u->state.file = u->file.path;
    u->state.user = user ? user : "";
    u->state.size = u->file.size;
    u->state.mtime = u->file.mtime;
    u->state.inode = u->file.inode;
    return start_reply(u);
}

void client_upload(client_result_t *result, const client_settings_t *settings, const char *folder,
                   const char *path, const char *url, apr_pool_t *pool)
{
    upload_t u = {.settings = settings,
                  .result = result,
                  .fragment = settings->fragment,
                  .patience = {.limit = settings->retry_for}};

    memset(result, 0, sizeof(*result));
    /* Of its own, so that file, connection and lock are let go when it is over. */
    (void)apr_pool_create(&u.pool, pool);
    (void)apr_pool_create(&u.scratch, u.pool);
    u.watch = (client_watch_t){upload_interrupted, show_progress, &u};
    client_answer_clear(&u.answer);
    result->url = url;
    result->reply_wanted = settings->reply != NULL;
    u.out.fd = -1;
    u.reply_total = -1;
    if (start(&u, path, url)) {
        result->url = apr_pstrdup(pool, u.state.url);
        result->total = u.file.size;
        if (folder == NULL || open_slot(&u, folder)) {
            if (u.slot) {
                recall(&u);
            }
            run(&u);
        }
    }
    result->message = apr_pstrdup(pool, result->message);
    result->reply = apr_pstrdup(pool, result->reply);
    result->reply_url = apr_pstrdup(pool, result->reply_url);
    apr_pool_destroy(u.pool);
}
