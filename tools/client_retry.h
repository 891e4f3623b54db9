/* SPDX-License-Identifier: Apache-2.0 */

/* Patience: how long to wait between two tries, and when to stop trying.
 *
 * The limit counts from the first failure since the last progress, not from the progress itself: a
 * fragment may take longer than the limit and is not given up for that. */

#ifndef CLIENT_RETRY_H
#define CLIENT_RETRY_H

#include <apr_time.h>

/** First and longest wait between two tries, in microseconds. */
#define CLIENT_WAIT_FIRST apr_time_from_sec(1)
#define CLIENT_WAIT_MAX   apr_time_from_sec(60)

/** Patience with one upload. All zero but limit: nothing went wrong so far. */
typedef struct client_patience_t {
    apr_interval_time_t limit; /**< microseconds of trouble before it is given up */
    apr_time_t since;          /**< time of the first failure since the last progress */
    int failures;              /**< failures since the last progress */
} client_patience_t;

/** Now, in microseconds of a clock that nobody sets. */
apr_time_t client_now(void);

/** Progress was made: the past is forgotten. */
void client_patience_renew(client_patience_t *patience);

/** A try failed: how long to wait before the next.
 * @param now from client_now()
 * @param asked microseconds that the server wants us to wait; 0: it said nothing
 * @param chance a random number, for the jitter
 * @return microseconds, never beyond the limit's end; negative: the limit is reached, give up */
apr_interval_time_t client_patience_wait(client_patience_t *patience, apr_time_t now,
                                         apr_interval_time_t asked, unsigned chance);

/** Sleep for microseconds, or until interrupted() is true. */
void client_sleep(apr_interval_time_t interval, int (*interrupted)(void *baton), void *baton);

#endif
