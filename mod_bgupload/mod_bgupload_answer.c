/* SPDX-License-Identifier: Apache-2.0 */

/* An outcome of the core as an answer of httpd, and as a line in its log. */

#include "mod_bgupload.h"

#include <apr_strings.h>
#include <http_protocol.h>

/* A body up to this is read to its end if it was not wanted, so that the connection can go on;
 * it holds the largest fragment of a Windows client. Bytes. */
#define DRAIN_MAX (16 * 1024 * 1024)

/* Longest part of what a client sent in a log line, in bytes. httpd escapes it. */
#define DETAIL_FORMAT "%.300s"

static const char *const event_names[] = {
    [BGU_EVENT_NONE] = NULL,
    [BGU_EVENT_CREATED] = "created",
    [BGU_EVENT_COMPLETED] = "complete",
    [BGU_EVENT_COMMITTED] = "committed",
    [BGU_EVENT_DISCARDED] = "discarded",
};

void mod_bgupload_set_variables(request_rec *r, const bgu_packet_t *packet,
                                const bgu_outcome_t *outcome)
{
    const bgu_answer_t *answer = &outcome->answer;
    bgu_error_t error = bgu_error_of_application(answer->result, answer->app_status);
    apr_table_t *env = r->subprocess_env;

    apr_table_setn(env, "BGUPLOAD_PACKET", bgu_packet_name(packet->type));
    apr_table_setn(env, "BGUPLOAD_HRESULT",
                   apr_psprintf(r->pool, "0x%08lX", (unsigned long)error.hresult));
    if (outcome->event != BGU_EVENT_NONE) {
        apr_table_setn(env, "BGUPLOAD_EVENT", event_names[outcome->event]);
    }
    if (answer->session_id) {
        apr_table_setn(env, "BGUPLOAD_SESSION", answer->session_id);
    }
    if (answer->next >= 0) {
        apr_table_setn(env, "BGUPLOAD_OFFSET", apr_off_t_toa(r->pool, answer->next));
    }
    if (outcome->session) {
        apr_table_setn(env, "BGUPLOAD_STATE", bgu_state_name(outcome->session->state));
        if (outcome->session->total != BGU_TOTAL_UNKNOWN) {
            apr_table_setn(env, "BGUPLOAD_TOTAL", apr_off_t_toa(r->pool, outcome->session->total));
        }
    }
}

static void log_event(request_rec *r, const bgu_outcome_t *outcome)
{
    if (APLOG_R_IS_LEVEL(r, APLOG_INFO)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_INFO, 0, r, BGULOGNO(0010) "%s",
            mod_bgupload_event_text(outcome->session, event_names[outcome->event], outcome->reason,
                                    apr_table_get(r->headers_in, BGU_H_CONTENT_NAME), r->pool));
    }
}

/* How much an administrator wants to know of a refusal: trouble of ours is an error, what somebody
 * has to change something for is a warning, what a sound client runs into in the course of things
 * is for those who look for it. */
static int log_level(bgu_result_e result)
{
    switch (result) {
    case BGU_IO_ERROR:
    case BGU_DISK_FULL:
    case BGU_BYTES_LOST:
    case BGU_STORE_BUSY:
        return APLOG_ERR;
    case BGU_OK:
    case BGU_RANGE:
    case BGU_BUSY:
    case BGU_NOTIFYING:
    case BGU_DISCONNECTED:
    case BGU_SESSION_NOT_FOUND:
        return APLOG_DEBUG;
    default:
        return APLOG_WARNING;
    }
}

/* What was done with a packet, in a word. */
static const char *verb(bgu_result_e result)
{
    switch (result) {
    case BGU_OK:
        return "done";
    case BGU_RANGE:
        return "told where to go on";
    default:
        return "refused";
    }
}

static void log_answer(request_rec *r, const bgu_packet_t *packet, const bgu_outcome_t *outcome)
{
    const bgu_answer_t *answer = &outcome->answer;
    bgu_error_t error = bgu_error_of_application(answer->result, answer->app_status);
    int level = log_level(answer->result);
    char reason[BGU_STRERROR_MAX] = "";

    if (!APLOG_R_IS_LEVEL(r, level)) {
        return;
    }
    /* ap_log_rerror() does not know the statuses of the store. */
    if (answer->cause != APR_SUCCESS) {
        (void)bgu_strerror(answer->cause, reason, sizeof(reason));
    }
    ap_log_rerror(
        APLOG_MARK, level, 0, r,
        BGULOGNO(0011) "%s %s: %d %s%s" DETAIL_FORMAT "%s%s; session=%s user=%s url=%.300s",
        bgu_packet_name(packet->type), verb(answer->result), error.status, error.name,
        answer->detail ? ": " : "", answer->detail ? answer->detail : "", *reason ? ": " : "",
        reason, answer->session_id ? answer->session_id : "-", r->user ? r->user : "-", r->uri);
}

/* Answer nothing, to a client that is gone. The status is for the access log alone. */
static int hang_up(request_rec *r, apr_status_t cause)
{
    int status = ap_map_http_request_error(cause, HTTP_BAD_REQUEST);

    if (status == AP_FILTER_ERROR) {
        return AP_FILTER_ERROR; /* a filter has answered already */
    }
    r->status = status;
    r->connection->keepalive = AP_CONN_CLOSE;
    r->connection->aborted = 1;
    return DONE;
}

/* httpd sends 500 in place of a status that it has no name for, as an application may choose one.
 * NULL: it has one. */
static const char *status_line(request_rec *r)
{
    const char *number = apr_itoa(r->pool, r->status);

    if (strncmp(ap_get_status_line(r->status), number, strlen(number)) == 0) {
        return NULL;
    }
    return apr_pstrcat(r->pool, number, " Application Error", NULL);
}

int mod_bgupload_answer(request_rec *r, const bgu_packet_t *packet, const bgu_outcome_t *outcome)
{
    const bgu_answer_t *answer = &outcome->answer;

    mod_bgupload_set_variables(r, packet, outcome);
    if (outcome->event != BGU_EVENT_NONE) {
        log_event(r, outcome);
    }
    log_answer(r, packet, outcome);
    if (answer->result == BGU_DISCONNECTED) {
        return hang_up(r, answer->cause);
    }
    r->status = bgu_error_of_application(answer->result, answer->app_status).status;
    r->status_line = status_line(r);
    bgu_answer_write(r->headers_out, answer);
    ap_set_content_length(r, 0);
    /* What is left of the body httpd reads and drops, or it closes the connection. */
    if ((!outcome->body_read || answer->result != BGU_OK) && packet->length > DRAIN_MAX) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
    return OK;
}
