/* SPDX-License-Identifier: Apache-2.0 */

/* stats: how many sessions, how many bytes, whose. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "admin.h"
#include "admin_print.h"
#include "admin_store.h"
#include "text.h"

/* Sums over open sessions. */
typedef struct sums_t {
    const char *user;   /* "" for nobody; of the sums over all: NULL */
    apr_int64_t open;   /* sessions that are not over */
    apr_off_t spooled;  /* bytes in the spool */
    apr_off_t promised; /* bytes that they will have when they are complete */
} sums_t;

/* What a walk counts. */
typedef struct stats_t {
    apr_int64_t states[BGU_STATE_CANCELLED + 1];
    sums_t all;
    apr_time_t oldest; /* creation of the oldest open session, 0: none */
    apr_hash_t *users; /* sums_t by name */
    apr_pool_t *pool;
} stats_t;

static sums_t *sums_of(stats_t *stats, const char *user)
{
    sums_t *sums = apr_hash_get(stats->users, user, APR_HASH_KEY_STRING);

    if (sums == NULL) {
        sums = apr_pcalloc(stats->pool, sizeof(*sums));
        sums->user = apr_pstrdup(stats->pool, user);
        apr_hash_set(stats->users, sums->user, APR_HASH_KEY_STRING, sums);
    }
    return sums;
}

static void add(sums_t *sums, apr_off_t spooled, apr_off_t promised)
{
    sums->open++;
    /* A total is what a client says; many of them may be more than there can be. */
    sums->spooled += spooled;
    sums->promised =
        promised <= APR_INT64_MAX - sums->promised ? sums->promised + promised : APR_INT64_MAX;
}

static void count(void *baton, bgu_session_t *session, apr_pool_t *pool)
{
    stats_t *stats = baton;
    apr_off_t received, promised;

    stats->states[session->state]++;
    if (bgu_state_is_tombstone(session->state)) {
        return;
    }
    received = session->state == BGU_STATE_PUBLISHED ? 0 : admin_received(session, pool);
    received = received > 0 ? received : 0;
    promised = session->total > 0 ? session->total : 0;
    add(&stats->all, received, promised);
    add(sums_of(stats, session->user), received, promised);
    if (stats->oldest == 0 || session->created < stats->oldest) {
        stats->oldest = session->created;
    }
}

static int by_user(const void *one, const void *other)
{
    return strcmp((*(const sums_t *const *)one)->user, (*(const sums_t *const *)other)->user);
}

/* The users, in the order of their names (const sums_t *). */
static apr_array_header_t *users_of(const stats_t *stats)
{
    apr_array_header_t *users = apr_array_make(stats->pool, 8, sizeof(const sums_t *));

    for (apr_hash_index_t *i = apr_hash_first(stats->pool, stats->users); i; i = apr_hash_next(i)) {
        APR_ARRAY_PUSH(users, const sums_t *) = apr_hash_this_val(i);
    }
    if (users->nelts > 1) {
        qsort(users->elts, (size_t)users->nelts, sizeof(const sums_t *), by_user);
    }
    return users;
}

static void print_sums_json(const sums_t *sums)
{
    printf("\"open\": %" APR_INT64_T_FMT ", \"spooled\": %" APR_OFF_T_FMT
           ", \"promised\": %" APR_OFF_T_FMT,
           sums->open, sums->spooled, sums->promised);
}

static void print_json(const stats_t *stats)
{
    const apr_array_header_t *users = users_of(stats);

    (void)fputs("{", stdout);
    print_sums_json(&stats->all);
    (void)fputs(", \"oldest\": ", stdout);
    if (stats->oldest != 0) {
        text_json(stdout, admin_time_text(stats->oldest, stats->pool));
    } else {
        (void)fputs("null", stdout);
    }
    for (int i = 0; i <= BGU_STATE_CANCELLED; i++) {
        printf("%s\"%s\": %" APR_INT64_T_FMT, i == 0 ? ",\n\"states\": {" : ", ",
               bgu_state_name((bgu_state_e)i), stats->states[i]);
    }
    (void)fputs("},\n\"users\": [", stdout);
    for (int i = 0; i < users->nelts; i++) {
        (void)fputs(i > 0 ? ",\n{\"user\": " : "\n{\"user\": ", stdout);
        text_json(stdout, APR_ARRAY_IDX(users, i, const sums_t *)->user);
        (void)fputs(", ", stdout);
        print_sums_json(APR_ARRAY_IDX(users, i, const sums_t *));
        (void)fputs("}", stdout);
    }
    (void)fputs("]}\n", stdout);
}

static void print_text(const stats_t *stats)
{
    const apr_array_header_t *users = users_of(stats);

    for (int i = 0; i <= BGU_STATE_CANCELLED; i++) {
        printf("%-12s %" APR_INT64_T_FMT "\n", bgu_state_name((bgu_state_e)i), stats->states[i]);
    }
    printf("%-12s %" APR_INT64_T_FMT "\n", "open", stats->all.open);
    printf("%-12s %" APR_OFF_T_FMT " bytes\n", "spooled", stats->all.spooled);
    printf("%-12s %" APR_OFF_T_FMT " bytes\n", "promised", stats->all.promised);
    printf("%-12s %s\n", "oldest",
           stats->oldest != 0 ? admin_time_text(stats->oldest, stats->pool) : "-");
    if (users->nelts > 0) {
        printf("\n%8s  %19s  %19s  USER\n", "OPEN", "SPOOLED", "PROMISED");
    }
    for (int i = 0; i < users->nelts; i++) {
        const sums_t *sums = APR_ARRAY_IDX(users, i, const sums_t *);

        printf("%8" APR_INT64_T_FMT "  %19" APR_OFF_T_FMT "  %19" APR_OFF_T_FMT "  ", sums->open,
               sums->spooled, sums->promised);
        (void)text_plain(stdout, *sums->user != '\0' ? sums->user : "-");
        (void)fputc('\n', stdout);
    }
}

int admin_stats(admin_t *admin)
{
    stats_t stats = {.users = apr_hash_make(admin->pool), .pool = admin->pool};
    int code = admin_walk(admin, count, &stats);

    if (code == ADMIN_DONE) {
        (admin->json ? print_json : print_text)(&stats);
    }
    return code;
}
