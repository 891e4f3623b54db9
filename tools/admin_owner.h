/* SPDX-License-Identifier: Apache-2.0 */

/* Whom bgupload-admin works as. */

#ifndef ADMIN_OWNER_H
#define ADMIN_OWNER_H

#include <apr_pools.h>

/** As root, become the owner of the store, for good, before anything is opened: files stay usable
 * for the server, and a store that the server's user can change is never acted on with more rights
 * than that user has.
 * @return NULL, or one line that says why not, in pool */
const char *admin_become_owner(const char *store, apr_pool_t *pool);

#endif
