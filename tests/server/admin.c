/* SPDX-License-Identifier: Apache-2.0 */

#include "admin.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_guid.h"
#include "../../mod_bgupload/bgu_store.h"
#include "files.h"

/** Most words of a command line. */
#define WORDS_MAX 16

int admin_plain(const char *words, const char **output)
{
    const char *argv[WORDS_MAX + 2];
    char *rest = apr_pstrdup(httpd_env_pool(), words);
    int count = 1;
    char *word;

    argv[0] =
        apr_pstrcat(httpd_env_pool(), httpd_env_setting("BGUPLOAD_BUILD"), "/bgupload-admin", NULL);
    for (word = apr_strtok(rest, " ", &rest); word != NULL; word = apr_strtok(NULL, " ", &rest)) {
        REQUIRE(count <= WORDS_MAX);
        argv[count++] = word;
    }
    argv[count] = NULL;
    return program_run(argv, output, httpd_env_pool());
}

int admin(const httpd_env_t *env, const char *words, const char **output)
{
    return admin_plain(apr_pstrcat(httpd_env_pool(), "--store ", env->store, " ", words, NULL),
                       output);
}

int admin_lines(const char *text)
{
    int count = 0;

    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

const char *admin_json(const char *text, const char *where)
{
    sqlite3_stmt *statement = NULL;
    const char *found = NULL;
    sqlite3 *db = NULL;
    int valid;

    REQUIRE(sqlite3_open(":memory:", &db) == SQLITE_OK);
    REQUIRE(sqlite3_prepare_v2(db, "SELECT json_valid(?1), json_extract(?1, ?2)", -1, &statement,
                               NULL) == SQLITE_OK);
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, where, -1, SQLITE_STATIC);
    valid = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) == 1;
    if (valid && sqlite3_column_type(statement, 1) != SQLITE_NULL) {
        found = apr_pstrdup(httpd_env_pool(), (const char *)sqlite3_column_text(statement, 1));
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    if (!valid) {
        REQUIRE_FAIL("no JSON: %s", text);
    }
    return found;
}

const char *admin_line(const char *text, const char *part)
{
    const char *at = strstr(text, part);
    const char *start = at;

    while (at != NULL && start > text && start[-1] != '\n') {
        start--;
    }
    return at != NULL ? apr_pstrndup(httpd_env_pool(), start, strcspn(start, "\n")) : NULL;
}

/** Open a server's store until the pool is destroyed. */
static bgu_store_t *open_store(const httpd_env_t *env, apr_pool_t *pool)
{
    bgu_store_t *store = NULL;
    const char *error = NULL;

    REQUIRE(bgu_store_sqlite.open(&store, env->store, 0, &error, pool) == APR_SUCCESS);
    return store;
}

static const char *make_id(apr_pool_t *pool)
{
    char *id = apr_palloc(pool, BGU_ID_LEN + 1);

    REQUIRE(bgu_guid_make(id) == APR_SUCCESS);
    return id;
}

/** Put one session into a store. */
static void add_row(bgu_store_t *store, const httpd_env_t *env, const admin_row_t *row,
                    const char *id)
{
    apr_time_t when = apr_time_now() - apr_time_from_sec(row->age);
    bgu_session_t session = {.id = id,
                             .state = row->state,
                             .user = row->user,
                             .client = "127.0.0.1",
                             .path = row->path,
                             .query = "",
                             .dest = httpd_env_path(env, row->path),
                             .spool = env->spool,
                             .total = row->total,
                             .created = when,
                             .updated = when,
                             .timeout = apr_time_from_sec(14 * 86400),
                             .reply.url = ""};

    REQUIRE(bgu_store_sqlite.create(store, &session, NULL, 0) == APR_SUCCESS);
}

const char *admin_row(const httpd_env_t *env, const admin_row_t *row)
{
    const char *id = make_id(httpd_env_pool());
    apr_pool_t *pool;

    apr_pool_create(&pool, httpd_env_pool());
    add_row(open_store(env, pool), env, row, id);
    apr_pool_destroy(pool);
    return id;
}

void admin_rows(const httpd_env_t *env, const admin_row_t *row, int count)
{
    const struct timespec when = {time(NULL) - row->age, 0};
    const struct timespec times[] = {when, when};
    bgu_store_t *store;
    apr_pool_t *pool;

    apr_pool_create(&pool, httpd_env_pool());
    store = open_store(env, pool);
    for (int i = 0; i < count; i++) {
        const char *id = make_id(pool);

        /* Behind its row, a clean-up might remove the file while it is being made. */
        if (!bgu_state_is_tombstone(row->state) && row->total != BGU_TOTAL_UNKNOWN) {
            const char *file = apr_pstrcat(pool, env->spool, "/", id, NULL);

            files_write(file, "12345", 5);
            REQUIRE(utimensat(AT_FDCWD, file, times, 0) == 0);
        }
        add_row(store, env, row, id);
    }
    apr_pool_destroy(pool);
}
