/* SPDX-License-Identifier: Apache-2.0 */

/* The store and the spools: where they are, and a walk over what is in them. */

#ifndef ADMIN_STORE_H
#define ADMIN_STORE_H

#include "admin.h"

/** Find and open the store, as its owner when root. What was not given is filled in: store, spools
 * and tombstone, from the configuration or by default. Says what is wrong.
 * @return 1, or 0 if there is no store to work on */
int admin_open_store(admin_t *admin);

/** Call visit for every session, in the order of ids. No lock is held meanwhile.
 * @param visit gets the session in a pool that is cleared behind it
 * @return ADMIN_DONE, or ADMIN_NOT_DONE after saying that the sessions cannot be read */
int admin_walk(admin_t *admin, void (*visit)(void *baton, bgu_session_t *session, apr_pool_t *pool),
               void *baton);

/** Find a session, saying so if that fails. NULL then. */
bgu_session_t *admin_find(admin_t *admin, const char *id);

/** The spools to look through: those of admin->spools and those that sessions name, each once.
 * @param spools receives absolute paths (const char *), in admin's pool
 * @return as admin_walk() */
int admin_all_spools(admin_t *admin, apr_array_header_t **spools);

/** Bytes of a session that the server has; -1 when there are none any more, or nobody knows. */
apr_off_t admin_received(const bgu_session_t *session, apr_pool_t *pool);

/** When a session was last heard of, microseconds since 1970. */
apr_time_t admin_last_activity(const bgu_session_t *session, apr_pool_t *pool);

#endif
