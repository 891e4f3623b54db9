/* SPDX-License-Identifier: Apache-2.0 */

/* Making an SQLite database ours: an empty one gets its tables, an old one is upgraded, and one
 * that is somebody else's, or of a newer schema, is refused as it is. */

#ifndef BGU_SQLITE_ADOPT_H
#define BGU_SQLITE_ADOPT_H

#include <apr_pools.h>
#include <sqlite3.h>

/** Look at the database under a write lock, which also shows whether we may write at all.
 * @param path its name, for messages
 * @param make whether to make tables in an empty one
 * @param error receives one line for the administrator where there is more to say than the result
 * @return SQLite's result code */
int bgu_sqlite_adopt(sqlite3 *db, const char *path, int make, const char **error, apr_pool_t *pool);

#endif
