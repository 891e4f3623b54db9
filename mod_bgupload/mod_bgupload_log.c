/* SPDX-License-Identifier: Apache-2.0 */

/* The lines of a session's life: created, complete, and committed or discarded, in one form. */

#include "mod_bgupload.h"

#include <apr_strings.h>

/* Longest part of what a client sent in a log line, in bytes. httpd escapes it. */
#define TEXT_FORMAT "%.300s"

/* Bytes a second of a whole upload; "-" while it is not whole. */
static const char *rate_of(const bgu_session_t *session, apr_time_t elapsed, apr_pool_t *pool)
{
    switch (session->state) {
    case BGU_STATE_COMPLETE:
    case BGU_STATE_PUBLISHED:
    case BGU_STATE_CLOSED:
        break;
    default:
        return "-";
    }
    double seconds = (double)(elapsed > 0 ? elapsed : 1) / APR_USEC_PER_SEC;
    return apr_psprintf(pool, "%.0f", (double)session->total / seconds);
}

const char *mod_bgupload_event_text(const bgu_session_t *session, const char *event,
                                    const char *reason, const char *name, apr_pool_t *pool)
{
    apr_time_t age = apr_time_now() - session->created;
    apr_time_t elapsed = age > 0 ? age : 0; /* the clock may have been set back */

    return apr_psprintf(
        pool,
        "session %s %s%s%s%s: bytes=%s seconds=%.3f rate=%s user=%s address=%s url=" TEXT_FORMAT
        " file=" TEXT_FORMAT " name=" TEXT_FORMAT,
        session->id, event, reason ? " (" : "", reason ? reason : "", reason ? ")" : "",
        session->total == BGU_TOTAL_UNKNOWN ? "-" : apr_off_t_toa(pool, session->total),
        (double)elapsed / APR_USEC_PER_SEC, rate_of(session, elapsed, pool),
        *session->user ? session->user : "-", session->client, session->path, session->dest,
        name ? name : "-");
}
