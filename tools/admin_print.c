/* SPDX-License-Identifier: Apache-2.0 */

#include "admin_print.h"

#include <stdio.h>
#include <time.h>

#include <apr_strings.h>

#include "../mod_bgupload/bgu_spool.h"
#include "text.h"

/** Bytes of a session that the server has; -1 when there are none any more, or nobody knows. */
static apr_off_t received(const bgu_session_t *session, apr_pool_t *pool)
{
    bgu_spool_t *spool;
    apr_off_t size = 0;
    apr_status_t rv;

    if (bgu_state_is_tombstone(session->state)) {
        return -1;
    }
    if (session->state == BGU_STATE_PUBLISHED) {
        return session->total;
    }
    rv = bgu_spool_open(&spool, session->spool, session->id, NULL, pool);
    if (rv == APR_SUCCESS) {
        rv = bgu_spool_size(&size, spool);
    }
    return rv == APR_SUCCESS || APR_STATUS_IS_ENOENT(rv) ? size : -1;
}

/** When a session was last heard of. */
static apr_time_t last_activity(const bgu_session_t *session, apr_pool_t *pool)
{
    apr_time_t written = bgu_spool_mtime(session->spool, session->id, pool);

    return written > session->updated ? written : session->updated;
}

/** A point in time as text in UTC. */
static const char *time_text(apr_time_t when, apr_pool_t *pool)
{
    time_t seconds = (time_t)apr_time_sec(when);
    struct tm parts;
    char text[64];

    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        return "?";
    }
    return apr_pstrdup(pool, text);
}

/** When a session times out, as text; NULL if it never does. */
static const char *expiry_text(const bgu_session_t *session, apr_pool_t *pool)
{
    apr_time_t last = last_activity(session, pool);

    if (bgu_state_is_tombstone(session->state) || session->state == BGU_STATE_COMMITTING ||
        session->timeout > APR_INT64_MAX - last) {
        return NULL;
    }
    return time_text(last + session->timeout, pool);
}

/** A length of time in its largest unit. */
static const char *age_text(apr_interval_time_t age, apr_pool_t *pool)
{
    apr_int64_t seconds = age > 0 ? apr_time_sec(age) : 0;

    if (seconds < 60) {
        return apr_psprintf(pool, "%" APR_INT64_T_FMT "s", seconds);
    }
    if (seconds < 3600) {
        return apr_psprintf(pool, "%" APR_INT64_T_FMT "m", seconds / 60);
    }
    if (seconds < 86400) {
        return apr_psprintf(pool, "%" APR_INT64_T_FMT "h", seconds / 3600);
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT "d", seconds / 86400);
}

/** A number of bytes, or what stands for none. */
static const char *bytes_text(apr_off_t bytes, const char *none, apr_pool_t *pool)
{
    return bytes < 0 ? none : apr_psprintf(pool, "%" APR_OFF_T_FMT, bytes);
}

/** Whether it was decided how the file is committed. */
static int has_plan(const bgu_session_t *session)
{
    return session->state == BGU_STATE_COMMITTING || session->state == BGU_STATE_PUBLISHED ||
           session->state == BGU_STATE_CLOSED;
}

static const char *sync_name(bgu_sync_e sync)
{
    static const char *const names[] = {"off", "commit", "fragment"};

    return sync >= BGU_SYNC_OFF && sync <= BGU_SYNC_FRAGMENT ? names[sync] : "?";
}

static void json_text(const char *name, const char *value)
{
    printf(", \"%s\": ", name);
    if (value != NULL) {
        text_json(stdout, value);
    } else {
        fputs("null", stdout);
    }
}

static void json_number(const char *name, apr_off_t value, apr_pool_t *pool)
{
    printf(", \"%s\": %s", name, bytes_text(value, "null", pool));
}

void admin_print_json(const bgu_session_t *session, apr_pool_t *pool)
{
    fputs("{\"id\": ", stdout);
    text_json(stdout, session->id);
    json_text("state", bgu_state_name(session->state));
    json_number("received", received(session, pool), pool);
    json_number("total", session->total, pool);
    json_text("user", session->user);
    json_text("client", session->client);
    json_text("path", session->path);
    json_text("query", session->query);
    json_text("destination", session->dest);
    json_text("spool", bgu_spool_path(session->spool, session->id, pool));
    json_text("created", time_text(session->created, pool));
    json_text("active", time_text(last_activity(session, pool), pool));
    json_text("expires", expiry_text(session, pool));
    printf(", \"timeout\": %.3f", (double)session->timeout / APR_USEC_PER_SEC);
    if (has_plan(session)) {
        printf(", \"commit\": {\"overwrite\": %s, \"sync\": \"%s\", \"mode\": \"%04o\"}",
               session->plan.overwrite ? "true" : "false", sync_name(session->plan.sync),
               session->plan.mode);
    } else {
        fputs(", \"commit\": null", stdout);
    }
    fputc('}', stdout);
}

static void print_field(const char *name, const char *value)
{
    printf("%-12s ", name);
    text_plain(stdout, value);
    fputc('\n', stdout);
}

void admin_print_fields(const bgu_session_t *session, apr_pool_t *pool)
{
    const char *expires = expiry_text(session, pool);

    print_field("id", session->id);
    print_field("state", bgu_state_name(session->state));
    print_field("received", bytes_text(received(session, pool), "-", pool));
    print_field("total", bytes_text(session->total, "unknown", pool));
    print_field("user", *session->user != '\0' ? session->user : "-");
    print_field("client", session->client);
    print_field("path", session->path);
    print_field("query", *session->query != '\0' ? session->query : "-");
    print_field("destination", session->dest);
    print_field("spool", bgu_spool_path(session->spool, session->id, pool));
    print_field("created", time_text(session->created, pool));
    print_field("active", time_text(last_activity(session, pool), pool));
    print_field("expires", expires != NULL ? expires : "-");
    printf("%-12s %.3f s\n", "timeout", (double)session->timeout / APR_USEC_PER_SEC);
    if (has_plan(session)) {
        printf("%-12s overwrite %s, sync %s, mode %04o\n", "commit",
               session->plan.overwrite ? "on" : "off", sync_name(session->plan.sync),
               session->plan.mode);
    }
}

void admin_print_row(const bgu_session_t *session, apr_pool_t *pool)
{
    const char *bytes = apr_pstrcat(pool, bytes_text(received(session, pool), "-", pool), "/",
                                    bytes_text(session->total, "?", pool), NULL);
    int width;

    text_plain(stdout, session->id);
    printf("  %-10s  %21s  %4s  ", bgu_state_name(session->state), bytes,
           age_text(apr_time_now() - session->created, pool));
    width = text_plain(stdout, *session->user != '\0' ? session->user : "-");
    printf("%*s  ", width < 12 ? 12 - width : 0, "");
    text_plain(stdout, session->path);
    fputc('\n', stdout);
}

void admin_print_heading(void)
{
    printf("%-36s  %-10s  %21s  %4s  %-12s  %s\n", "ID", "STATE", "RECEIVED/TOTAL", "AGE", "USER",
           "PATH");
}
