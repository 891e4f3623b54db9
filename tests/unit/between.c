/* SPDX-License-Identifier: Apache-2.0 */

#include "between.h"

/** What is to come between, until it has; and when. */
static void (*coming)(void);
static between_e awaited;

static void let_through(between_e moment)
{
    void (*act)(void) = coming;

    if (act != NULL && moment == awaited) {
        coming = NULL;
        act();
    }
}

static apr_status_t find(bgu_store_t *store, bgu_session_t **session, const char *id,
                         apr_pool_t *pool)
{
    apr_status_t rv = bgu_store_sqlite.find(store, session, id, pool);

    let_through(BETWEEN_AFTER_FIND);
    return rv;
}

static apr_status_t update(bgu_store_t *store, const bgu_session_t *session, bgu_state_e expected,
                           int durable)
{
    apr_status_t rv;

    let_through(BETWEEN_BEFORE_UPDATE);
    rv = bgu_store_sqlite.update(store, session, expected, durable);
    let_through(BETWEEN_AFTER_UPDATE);
    return rv;
}

static apr_status_t promise(bgu_store_t *store, const bgu_session_t *session, bgu_state_e expected,
                            apr_off_t quota, int durable)
{
    apr_status_t rv = bgu_store_sqlite.promise(store, session, expected, quota, durable);

    let_through(BETWEEN_AFTER_PROMISE);
    return rv;
}

void between_let(fixture_t *f, between_e moment, void (*act)(void))
{
    static bgu_store_provider_t interrupted;

    interrupted = bgu_store_sqlite;
    interrupted.find = find;
    interrupted.update = update;
    interrupted.promise = promise;
    f->sessions.provider = &interrupted;
    awaited = moment;
    coming = act;
}

void between_at(between_e moment)
{
    awaited = moment;
}

int between_is_over(void)
{
    return coming == NULL;
}
