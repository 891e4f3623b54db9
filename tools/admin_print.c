/* SPDX-License-Identifier: Apache-2.0 */

#include "admin_print.h"

#include <stdio.h>
#include <time.h>

#include <apr_strings.h>

#include "../mod_bgupload/bgu_spool.h"
#include "admin_store.h"
#include "text.h"

const char *admin_time_text(apr_time_t when, apr_pool_t *pool)
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
    apr_time_t last = admin_last_activity(session, pool);

    if (bgu_state_is_tombstone(session->state) || session->state == BGU_STATE_COMMITTING ||
        session->timeout > APR_INT64_MAX - last) {
        return NULL;
    }
    return admin_time_text(last + session->timeout, pool);
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
    json_number("received", admin_received(session, pool), pool);
    json_number("total", session->total, pool);
    json_text("user", session->user);
    json_text("client", session->client);
    json_text("path", session->path);
    json_text("query", session->query);
    json_text("destination", session->dest);
    json_text("spool", bgu_spool_path(session->spool, session->id, pool));
    json_text("created", admin_time_text(session->created, pool));
    json_text("active", admin_time_text(admin_last_activity(session, pool), pool));
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
    print_field("received", bytes_text(admin_received(session, pool), "-", pool));
    print_field("total", bytes_text(session->total, "unknown", pool));
    print_field("user", *session->user != '\0' ? session->user : "-");
    print_field("client", session->client);
    print_field("path", session->path);
    print_field("query", *session->query != '\0' ? session->query : "-");
    print_field("destination", session->dest);
    print_field("spool", bgu_spool_path(session->spool, session->id, pool));
    print_field("created", admin_time_text(session->created, pool));
    print_field("active", admin_time_text(admin_last_activity(session, pool), pool));
    print_field("expires", expires != NULL ? expires : "-");
    printf("%-12s %.3f s\n", "timeout", (double)session->timeout / APR_USEC_PER_SEC);
    if (has_plan(session)) {
        printf("%-12s overwrite %s, sync %s, mode %04o\n", "commit",
               session->plan.overwrite ? "on" : "off", sync_name(session->plan.sync),
               session->plan.mode);
    }
}
