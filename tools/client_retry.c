/* SPDX-License-Identifier: Apache-2.0 */

#include "client_retry.h"

#include <time.h>

/* How often a sleeper looks whether it is to stop. */
#define NAP (apr_time_from_sec(1) / 10)

apr_time_t client_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return apr_time_from_sec((apr_time_t)now.tv_sec) + (apr_time_t)now.tv_nsec / 1000;
}

void client_patience_renew(client_patience_t *patience)
{
    patience->since = 0;
    patience->failures = 0;
}

apr_interval_time_t client_patience_wait(client_patience_t *patience, apr_time_t now,
                                         apr_interval_time_t asked, unsigned chance)
{
    apr_interval_time_t wait = CLIENT_WAIT_FIRST;

    if (patience->failures == 0) {
        patience->since = now;
    }
    apr_interval_time_t left = patience->limit - (now - patience->since);
    if (left <= 0) {
        return -1;
    }
    for (int i = 0; i < patience->failures && wait < CLIENT_WAIT_MAX; i++) {
        wait *= 2;
    }
    patience->failures++;
    if (wait > CLIENT_WAIT_MAX) {
        wait = CLIENT_WAIT_MAX;
    }
    /* Many clients that lost the same server shall not come back in the same instant. */
    wait -= wait / 4 * (apr_interval_time_t)(chance % 1024) / 1024;
    if (wait < asked) {
        wait = asked;
    }
    return wait < left ? wait : left;
}

void client_sleep(apr_interval_time_t interval, int (*interrupted)(void *baton), void *baton)
{
    apr_time_t end = client_now() + interval;

    while (!interrupted(baton)) {
        apr_interval_time_t left = end - client_now();
        if (left <= 0) {
            return;
        }
        apr_sleep(left < NAP ? left : NAP);
    }
}
