/* SPDX-License-Identifier: Apache-2.0 */

/* The commands of one packet: cancel and ping. */

#include "client.h"

#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "client_out.h"
#include "client_retry.h"
#include "client_url.h"

static void nothing_sent(void *baton, apr_off_t bytes)
{
    (void)baton;
    (void)bytes;
}

static void end(client_result_t *result, client_end_e how, const char *message)
{
    result->end = how;
    result->message = message;
}

static void end_by_answer(client_result_t *result, client_end_e how, const char *what,
                          const client_answer_t *answer, apr_pool_t *pool)
{
    const char *advice = client_answer_advice(answer);

    result->http_status = answer->status;
    result->hresult = answer->hresult;
    end(result, how,
        apr_pstrcat(pool, what, ": ", client_answer_text(answer, pool), *advice ? "; " : "", advice,
                    NULL));
}

/* Send a packet until it gets an answer that will stay the same, or patience ends. */
static client_verdict_e insist(client_answer_t *answer, const client_settings_t *settings,
                               const client_packet_t *packet, apr_pool_t *pool)
{
    client_watch_t watch = {settings->interrupted, nothing_sent, settings->baton};
    client_http_t *http = client_http_make(&settings->http, &watch, pool);
    client_patience_t patience = {.limit = settings->retry_for};
    client_verdict_e verdict = CLIENT_TRANSIENT;
    apr_interval_time_t wait = 0;
    unsigned chance = 0;

    client_answer_clear(answer);
    while (http && wait >= 0 && verdict == CLIENT_TRANSIENT) {
        client_sleep(wait, settings->interrupted, settings->baton);
        client_http_exchange(http, answer, packet, pool);
        verdict = client_answer_verdict(answer, packet->type);
        (void)apr_generate_random_bytes((unsigned char *)&chance, sizeof(chance));
        wait = client_patience_wait(&patience, client_now(), answer->retry_after, chance);
        if (verdict == CLIENT_TRANSIENT && wait >= 0) {
            settings->note(settings->baton,
                           apr_psprintf(pool, "%s; trying again in %" APR_INT64_T_FMT " s",
                                        client_answer_text(answer, pool),
                                        apr_time_sec(wait + 999999)));
        }
    }
    return verdict;
}

/* Send Cancel-Session for what is remembered in a slot that is ours. */
static void cancel(client_result_t *result, const client_settings_t *settings, client_slot_t *slot,
                   apr_pool_t *pool)
{
    client_state_t state;
    client_packet_t packet = {.type = BGU_CANCEL_SESSION, .session_id = state.session};
    client_answer_t answer;
    client_verdict_e verdict;
    const char *error;

    end(result, CLIENT_DONE, "");
    if (!client_slot_load(slot, &state, &error, pool)) {
        /* It came to its end before we had the lock. */
        return;
    }
    if (state.host[0]) {
        packet.url = client_url_at_host(state.url, state.host, pool);
    }
    if (packet.url == NULL) {
        packet.url = state.url;
    }
    verdict = insist(&answer, settings, &packet, pool);
    if (verdict == CLIENT_OK || verdict == CLIENT_GONE) {
        if (state.reply_inode) {
            client_out_remove(state.reply_out, state.reply_inode, pool);
        }
        client_slot_forget(slot);
    } else {
        end_by_answer(result, verdict == CLIENT_FATAL ? CLIENT_REFUSED : CLIENT_UNFINISHED,
                      "cannot cancel the upload", &answer, pool);
    }
}

void client_cancel(client_result_t *result, const client_settings_t *settings, const char *folder,
                   const client_state_t *state, apr_pool_t *pool)
{
    client_slot_t *slot;
    char text[120];
    apr_status_t rv;
    apr_pool_t *own;

    memset(result, 0, sizeof(*result));
    result->url = state->url;
    result->total = state->size;
    memcpy(result->session, state->session, sizeof(state->session));
    (void)apr_pool_create(&own, pool);
    rv = client_slot_open(&slot, folder, state->file, state->url, state->user, own);
    if (rv == APR_EAGAIN) {
        end(result, CLIENT_BAD_FILE, "another bgupload is working on it");
    } else if (rv != APR_SUCCESS) {
        end(result, CLIENT_BAD_FILE,
            apr_pstrcat(own, "its state cannot be locked: ", apr_strerror(rv, text, sizeof(text)),
                        NULL));
    } else {
        cancel(result, settings, slot, own);
    }
    result->message = apr_pstrdup(pool, result->message);
    apr_pool_destroy(own);
}

void client_ping(client_result_t *result, const client_settings_t *settings, const char *url,
                 apr_pool_t *pool)
{
    client_packet_t packet = {.type = BGU_PING};
    const char *error = client_url_make(&packet.url, url, NULL, pool);
    client_answer_t answer;
    client_verdict_e verdict;

    memset(result, 0, sizeof(*result));
    result->url = url;
    if (error) {
        end(result, CLIENT_USAGE, apr_pstrcat(pool, url, ": ", error, NULL));
        return;
    }
    result->url = packet.url;
    verdict = insist(&answer, settings, &packet, pool);
    if (verdict == CLIENT_OK) {
        end(result, CLIENT_DONE, "");
    } else {
        end_by_answer(result, verdict == CLIENT_FATAL ? CLIENT_REFUSED : CLIENT_UNFINISHED,
                      "no BITS uploads there", &answer, pool);
    }
}
