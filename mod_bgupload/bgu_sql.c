/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_sql.h"

/* The address of a session that belongs to one, for want of a user. */
#define ADDRESS "CASE user WHEN '' THEN client ELSE '' END"

/* Neither CLOSED nor CANCELLED; and either of them: a tombstone. A column of its own, which only
 * the end of a session changes: an index that depended on the state would be written with each. */
#define OPEN "ended = 0"
#define OVER "ended = 1"

/* Each step takes the schema from the version that is its index to the next (PRAGMA user_version).
 * Steps are only ever added. */
const char *const bgu_sql_migrations[] = {
    "CREATE TABLE session("
    " id TEXT NOT NULL PRIMARY KEY," /* canonical GUID */
    " state INTEGER NOT NULL,"       /* bgu_state_e */
    " user TEXT NOT NULL,"
    " client TEXT NOT NULL,"
    " path TEXT NOT NULL,"
    " query TEXT NOT NULL,"
    " dest TEXT NOT NULL,"
    " spool TEXT NOT NULL,"
    " total INTEGER,"              /* bytes, NULL until the first fragment */
    " created INTEGER NOT NULL,"   /* microseconds since 1970 */
    " updated INTEGER NOT NULL,"   /* microseconds since 1970 */
    " timeout INTEGER NOT NULL,"   /* microseconds */
    " overwrite INTEGER NOT NULL," /* this and below: bgu_plan_t */
    " keep_session INTEGER NOT NULL,"
    " sync INTEGER NOT NULL,"
    " mode INTEGER NOT NULL"
    ") WITHOUT ROWID",
    /* bgu_reply_t */
    "ALTER TABLE session ADD COLUMN reply INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE session ADD COLUMN reply_url TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE session ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE session ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE session ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE session ADD COLUMN replied INTEGER NOT NULL DEFAULT 0",
    /* for counting those that are open */
    "CREATE INDEX session_open ON session(user, " ADDRESS ") WHERE state < 5",
    /* the last of bgu_plan_t */
    "ALTER TABLE session ADD COLUMN root INTEGER NOT NULL DEFAULT 0",
    /* for finding the oldest of those that are over, without a look at their rows */
    "CREATE INDEX session_over ON session(updated, state) WHERE state >= 5",
    /* for both, without a look at the state; and for counting without a look at the rows */
    "DROP INDEX session_open; DROP INDEX session_over;"
    "ALTER TABLE session ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;"
    "UPDATE session SET ended = 1 WHERE state >= 5;"
    "CREATE INDEX session_open ON session(user, " ADDRESS ", client, ended) WHERE ended = 0;"
    "CREATE INDEX session_over ON session(updated, ended) WHERE ended = 1",
};

const int bgu_sql_version = (int)(sizeof(bgu_sql_migrations) / sizeof(bgu_sql_migrations[0]));

#define COLUMNS                                                                                    \
    "id, state, user, client, path, query, dest, spool, total, created, updated, timeout,"         \
    " overwrite, keep_session, sync, mode, reply, reply_url, taken, asked, refused, replied,"      \
    " root"

/* The open sessions of a session's owner. */
#define OWN "user = ?3 AND " ADDRESS " = CASE ?3 WHEN '' THEN ?4 ELSE '' END AND " OPEN

/* Counting stops where the limit is. */
#define COUNT_USER "SELECT count(*) FROM (SELECT 1 FROM session WHERE " OWN
#define COUNT_ALL  "SELECT count(*) FROM (SELECT 1 FROM session WHERE " OPEN

/* What each change sets. OR FAIL, since it changes one row or none: there is nothing that SQLite
 * would need a journal for, to undo one statement of a transaction. */
#define SET                                                                                        \
    "UPDATE OR FAIL session SET state = ?2,"                                                       \
    " total = ?9, updated = ?11, overwrite = ?13,"                                                 \
    " keep_session = ?14, sync = ?15, mode = ?16, reply = ?17, reply_url = ?18,"                   \
    " taken = ?19, asked = ?20, refused = ?21, replied = ?22, root = ?23"

/* A row that went through NOTIFYING and is back in the state that it was read in is another one:
 * each time there is one more asking. */
#define UNMOVED " WHERE id = ?1 AND state = ?24 AND (total IS NULL OR total IS ?9) AND asked <= ?20"

const char *const bgu_sql_statements[BGU_SQL_COUNT] = {
    /* A session without a user belongs to its address. */
    [BGU_SQL_CREATE] = "INSERT OR FAIL INTO session(" COLUMNS ", ended) SELECT"
                       " ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
                       " ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?2 >= 5"
                       " WHERE (?26 = 0 OR ?26 > (" COUNT_USER " LIMIT ?26)))"
                       " AND (?27 = 0 OR ?27 > (" COUNT_ALL " LIMIT ?27)))",
    [BGU_SQL_COUNT_USER] = COUNT_USER " LIMIT ?25)",
    [BGU_SQL_COUNT_ALL] = COUNT_ALL " LIMIT ?25)",
    [BGU_SQL_FIND] = "SELECT " COLUMNS " FROM session WHERE id = ?1",
    [BGU_SQL_UPDATE] = SET UNMOVED,
    /* The query may be long, and nobody asks for that of a tombstone. */
    [BGU_SQL_END] = SET ", query = '', ended = 1" UNMOVED,
    [BGU_SQL_PROMISE] = SET UNMOVED " AND ?28 >= ?9 + (SELECT total(total) FROM session"
                                    " WHERE id <> ?1 AND " OWN ")",
    [BGU_SQL_REMOVE] = "DELETE FROM session WHERE id = ?1 AND state = ?24",
    [BGU_SQL_SURPLUS] =
        "SELECT updated FROM session WHERE " OVER " ORDER BY updated DESC LIMIT 1 OFFSET ?25",
    [BGU_SQL_FORGET] = "DELETE FROM session WHERE " OVER " AND updated <= ?11",
    [BGU_SQL_LIST] = "SELECT " COLUMNS " FROM session WHERE id > ?1 ORDER BY id LIMIT ?25",
    [BGU_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [BGU_SQL_COMMIT] = "COMMIT",
    [BGU_SQL_ROLLBACK] = "ROLLBACK",
};
