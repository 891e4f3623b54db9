/* SPDX-License-Identifier: Apache-2.0 */

/* All SQL there is, as named texts: the tables, the statements and the settings of a connection. */

#ifndef BGU_SQL_H
#define BGU_SQL_H

/** Numbers of parameters. The first are also the columns of a row, counted from 1; those of no
 * column come behind. */
typedef enum {
    BGU_P_ID = 1,
    BGU_P_STATE,
    BGU_P_USER,
    BGU_P_CLIENT,
    BGU_P_PATH,
    BGU_P_QUERY,
    BGU_P_DEST,
    BGU_P_SPOOL,
    BGU_P_TOTAL,
    BGU_P_CREATED,
    BGU_P_UPDATED,
    BGU_P_TIMEOUT,
    BGU_P_OVERWRITE,
    BGU_P_KEEP_SESSION,
    BGU_P_SYNC,
    BGU_P_MODE,
    BGU_P_REPLY,
    BGU_P_REPLY_URL,
    BGU_P_TAKEN,
    BGU_P_ASKED,
    BGU_P_REFUSED,
    BGU_P_REPLIED,
    BGU_P_ROOT,
    BGU_P_EXPECTED,
    BGU_P_LIMIT,
    BGU_P_PER_USER,
    BGU_P_TOTAL_LIMIT,
    BGU_P_QUOTA
} bgu_sql_parameter_e;

/** The statements that every connection has prepared. */
typedef enum {
    BGU_SQL_CREATE,
    BGU_SQL_COUNT_USER,
    BGU_SQL_COUNT_ALL,
    BGU_SQL_FIND,
    BGU_SQL_UPDATE, /**< to a state that is no tombstone */
    BGU_SQL_END,    /**< to one that is */
    BGU_SQL_PROMISE,
    BGU_SQL_REMOVE,
    BGU_SQL_SURPLUS,
    BGU_SQL_FORGET,
    BGU_SQL_LIST,
    BGU_SQL_BEGIN,    /**< a write transaction from its start on */
    BGU_SQL_COMMIT,   /**< its end */
    BGU_SQL_ROLLBACK, /**< its undoing */
    BGU_SQL_COUNT
} bgu_sql_e;

/** The texts of the statements. */
extern const char *const bgu_sql_statements[BGU_SQL_COUNT];

/** Each step takes the schema from the version that is its index to the next. */
extern const char *const bgu_sql_migrations[];

/** Version of the schema that the steps lead to. */
extern const int bgu_sql_version;

/** "BGUP" in the header of our databases (PRAGMA application_id). */
#define BGU_SQL_APPLICATION 1111971152

/** Settings of a new connection. A log that grew beyond what it usually comes to, because somebody
 * read for long, is cut back to this many bytes when it starts over. */
#define BGU_SQL_SETUP                                                                              \
    "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-512; PRAGMA journal_size_limit=4194304"

/** Commits that are synced from now on, with all before them, and those that are not. */
#define BGU_SQL_DURABLE     "PRAGMA synchronous=FULL"
#define BGU_SQL_NOT_DURABLE "PRAGMA synchronous=NORMAL"

/** Switch to a write-ahead log. */
#define BGU_SQL_WAL "PRAGMA journal_mode=WAL"

/** Whose database it is, of which version, and how many tables it has. */
#define BGU_SQL_GET_APPLICATION "PRAGMA application_id"
#define BGU_SQL_GET_VERSION     "PRAGMA user_version"
#define BGU_SQL_COUNT_OBJECTS   "SELECT count(*) FROM sqlite_master"

/** Whether the database's own structures are sound: "ok", or what is wrong. */
#define BGU_SQL_CHECK "PRAGMA integrity_check(1)"

/** Format, for application and version, that marks the database as ours. */
#define BGU_SQL_MARK "PRAGMA application_id=%d; PRAGMA user_version=%d"

#endif
