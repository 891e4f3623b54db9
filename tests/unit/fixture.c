/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_guid.h"

/** The fixture of the running test. */
static fixture_t *current;

fixture_t *fixture_open_bare(void)
{
    const char *tmp = getenv("TMPDIR");
    apr_pool_t *pool;
    char *root;

    REQUIRE(current == NULL);
    apr_pool_create(&pool, NULL);
    root = apr_pstrcat(pool, tmp != NULL && *tmp == '/' ? tmp : "/tmp", "/bgu-unit-XXXXXX", NULL);
    REQUIRE(mkdtemp(root) != NULL);
    REQUIRE(chmod(root, 0755) == 0);
    current = apr_pcalloc(pool, sizeof(*current));
    current->pool = pool;
    current->root = root;
    current->spool = fixture_path(current, "spool");
    current->docroot = fixture_path(current, "docroot");
    current->database = fixture_path(current, "sessions.db");
    REQUIRE(mkdir(current->spool, 0755) == 0);
    REQUIRE(mkdir(current->docroot, 0755) == 0);
    return current;
}

fixture_t *fixture_open(void)
{
    fixture_t *f = fixture_open_bare();
    const char *error = NULL;

    f->sessions.provider = &bgu_store_sqlite;
    if (bgu_store_sqlite.open(&f->sessions.store, f->database, 1, &error, f->pool) != APR_SUCCESS) {
        REQUIRE_FAIL("the store cannot be opened: %s", error != NULL ? error : "(no reason)");
    }
    return f;
}

void fixture_teardown(void)
{
    if (current != NULL) {
        char *root = strdup(current->root);

        fixture_limit_files(-1);
        apr_pool_destroy(current->pool);
        current = NULL;
        fixture_remove_tree(root);
        CHECK(!fixture_exists(root));
        free(root);
    }
}

const char *fixture_path(const fixture_t *f, const char *name)
{
    return apr_pstrcat(f->pool, f->root, "/", name, NULL);
}

const char *fixture_dest(const fixture_t *f, const char *name)
{
    return apr_pstrcat(f->pool, f->docroot, "/", name, NULL);
}

bgu_session_t *fixture_session(const fixture_t *f)
{
    bgu_session_t *session = apr_pcalloc(f->pool, sizeof(*session));
    char *id = apr_pcalloc(f->pool, BGU_ID_LEN + 1);

    REQUIRE(bgu_guid_make(id) == APR_SUCCESS);
    session->id = id;
    session->state = BGU_STATE_RECEIVING;
    session->user = "alice";
    session->client = "127.0.0.1";
    session->path = "/upload/a.bin";
    session->query = "";
    session->dest = fixture_dest(f, "a.bin");
    session->spool = f->spool;
    session->total = BGU_TOTAL_UNKNOWN;
    session->created = apr_time_now();
    session->updated = session->created;
    session->timeout = apr_time_from_sec(3600);
    session->plan.sync = BGU_SYNC_COMMIT;
    session->plan.mode = 0644;
    return session;
}

bgu_session_t *fixture_stored(const fixture_t *f, bgu_state_e state, const char *data,
                              size_t length)
{
    bgu_session_t *session = fixture_session(f);

    session->state = state;
    session->total = (apr_off_t)length;
    REQUIRE(f->sessions.provider->create(f->sessions.store, session, NULL, 0) == APR_SUCCESS);
    fixture_write(fixture_spool_path(f, session->id), data, length);
    return session;
}

bgu_session_t *fixture_find(const fixture_t *f, const char *id)
{
    bgu_session_t *session = NULL;
    apr_status_t rv = f->sessions.provider->find(f->sessions.store, &session, id, f->pool);

    REQUIRE(rv == APR_SUCCESS || rv == APR_NOTFOUND);
    return rv == APR_SUCCESS ? session : NULL;
}

int fixture_state(const fixture_t *f, const char *id)
{
    const bgu_session_t *session = fixture_find(f, id);

    return session != NULL ? (int)session->state : -1;
}

const char *fixture_spool_path(const fixture_t *f, const char *id)
{
    return apr_pstrcat(f->pool, f->spool, "/", id, NULL);
}

void fixture_age_row(const fixture_t *f, const char *id, int seconds)
{
    bgu_session_t *session = fixture_find(f, id);

    REQUIRE(session != NULL);
    session->updated = apr_time_now() - apr_time_from_sec(seconds);
    REQUIRE(f->sessions.provider->update(f->sessions.store, session, session->state, 0) ==
            APR_SUCCESS);
}

void fixture_age_spool(const fixture_t *f, const char *id, int seconds)
{
    apr_time_t then = apr_time_now() - apr_time_from_sec(seconds);
    struct timespec times[2];

    times[0].tv_sec = (time_t)apr_time_sec(then);
    times[0].tv_nsec = 0;
    times[1] = times[0];
    REQUIRE(utimensat(AT_FDCWD, fixture_spool_path(f, id), times, 0) == 0);
}

void fixture_case_int(const char *name, long long actual, long long expected, const char *what,
                      const char *file, int line)
{
    if (actual == expected) {
        check_true(1, what, 0, file, line);
        return;
    }
    check_fail(0, file, line, "[%s] %s is %lld, expected %lld", name, what, actual, expected);
}

void fixture_case_str(const char *name, const char *actual, const char *expected, const char *what,
                      const char *file, int line)
{
    if (actual == expected ||
        (actual != NULL && expected != NULL && strcmp(actual, expected) == 0)) {
        check_true(1, what, 0, file, line);
        return;
    }
    check_fail(0, file, line, "[%s] %s is \"%s\", expected \"%s\"", name, what,
               actual != NULL ? actual : "(none)", expected != NULL ? expected : "(none)");
}
