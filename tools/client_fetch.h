/* SPDX-License-Identifier: Apache-2.0 */

/* Downloading a reply: one GET whose body goes to the part of a file, behind what is there. */

#ifndef CLIENT_FETCH_H
#define CLIENT_FETCH_H

#include "client_answer.h"
#include "client_head.h"
#include "client_http.h"
#include "client_out.h"

/** What to download, and where to. */
typedef struct client_fetch_t {
    const char *url;
    int with_credentials; /**< the user's name and password may be sent there */
    client_out_t *out;    /**< open; its bytes are those of etag */
    const char *etag; /**< strong entity tag; "": none, then it has to be fetched from its start */
    /** A body begins to arrive, and these are its head and place; WHOLE: the part was emptied. What
     * it takes to go on later has to be remembered now. */
    void (*begin)(void *baton, const client_head_t *head, client_body_e body);
    void *baton;
} client_fetch_t;

/** A connection for downloads; follows no redirects. */
typedef struct client_fetcher_t client_fetcher_t;

/** Make one; goes with the pool. NULL if libcurl fails.
 * @param watch sent() is told the bytes that are there */
client_fetcher_t *client_fetcher_make(const client_http_settings_t *settings,
                                      const client_watch_t *watch, apr_pool_t *pool);

/** Try to download what is missing. Never fails: what went wrong is in the answer.
 * @param pool for scratch
 * @return OK: the part is whole. RANGE: what is there is of no use, begin again. FATAL, TRANSIENT,
 * FILE (the part cannot be written), INTERRUPTED */
client_verdict_e client_fetch(client_fetcher_t *fetcher, client_answer_t *answer,
                              const client_fetch_t *fetch, apr_pool_t *pool);

/** What the user can do about an answer that is not OK. Static, "" if nothing sensible is known. */
const char *client_fetch_advice(const client_answer_t *answer, int with_credentials);

#endif
