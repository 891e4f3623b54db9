/* SPDX-License-Identifier: Apache-2.0 */

#include "bgupload_report.h"

#include "text.h"

static void member(FILE *out, const char *name, const char *text)
{
    (void)fprintf(out, "\"%s\": ", name);
    if (text) {
        text_json(out, text);
    } else {
        (void)fputs("null", out);
    }
    (void)fputs(", ", out);
}

void report_result(FILE *out, const client_result_t *result, const char *file,
                   apr_interval_time_t duration)
{
    static const char *const names[] = {
        [CLIENT_DONE] = "done",           [CLIENT_REFUSED] = "refused",
        [CLIENT_USAGE] = "usage",         [CLIENT_UNFINISHED] = "unfinished",
        [CLIENT_BAD_FILE] = "local file",
    };

    (void)fputc('{', out);
    if (file) {
        member(out, "file", file);
    }
    member(out, "url", result->url);
    member(out, "session", result->session[0] ? result->session : NULL);
    (void)fprintf(out, "\"bytes\": %" APR_OFF_T_FMT ", \"total\": %" APR_OFF_T_FMT ", ",
                  result->bytes, result->total);
    (void)fprintf(out, "\"seconds\": %.3f, \"resumed\": %s, ",
                  (double)duration / (double)apr_time_from_sec(1),
                  result->resumed ? "true" : "false");
    if (result->reply_wanted || result->reply_url) {
        member(out, "reply", result->reply);
        member(out, "reply_url", result->reply_url);
        (void)fprintf(out, "\"reply_bytes\": %" APR_OFF_T_FMT ", ", result->reply_bytes);
    }
    if (result->end != CLIENT_DONE) {
        member(out, "message", result->message);
        if (result->http_status) {
            (void)fprintf(out, "\"http_status\": %d, ", result->http_status);
        }
        if (result->hresult) {
            (void)fprintf(out, "\"hresult\": \"0x%08X\", ", result->hresult);
        }
    }
    member(out, "status", names[result->end]);
    (void)fprintf(out, "\"exit_code\": %d}\n", (int)result->end);
}

void report_state(FILE *out, const client_state_t *state)
{
    (void)fputc('{', out);
    member(out, "file", state->file);
    member(out, "url", state->url);
    member(out, "user", state->user);
    member(out, "session", state->session);
    (void)fprintf(out, "\"total\": %" APR_OFF_T_FMT "}\n", state->size);
}
