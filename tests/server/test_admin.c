/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin beside a running server: what its commands do. */

#include "suites.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_store.h"
#include "admin.h"
#include "files.h"
#include "upload.h"
#include "wire.h"

#define DATA  "0123456789"
#define NO_ID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

static const char path[] = "/upload/a.bin";

/** A command about a session of the server. */
static int admin_id(const upload_t *up, const char *command, const char **output)
{
    return admin(up->env, apr_pstrcat(httpd_env_pool(), command, " ", up->id, NULL), output);
}

/** A session's id as the program prints it: without braces. */
static const char *bare_id(const upload_t *up)
{
    return apr_pstrndup(httpd_env_pool(), up->id + 1, strlen(up->id) - 2);
}

static void list(void)
{
    upload_t up = upload_begin(NULL, path);
    upload_t other = upload_another(up.env, "/upload/b.bin");
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 4, 10), 200, 4);
    CHECK_INT(admin(up.env, "list", &output), 0);
    CHECK_INT(admin_lines(output), 3);
    CHECK_HAS(admin_line(output, bare_id(&up)), "receiving");
    CHECK_HAS(admin_line(output, bare_id(&up)), " 4/10 ");
    CHECK_HAS(admin_line(output, bare_id(&up)), path);
    CHECK_HAS(admin_line(output, bare_id(&other)), " 0/? ");
    CHECK_HAS(admin_line(output, bare_id(&other)), "/upload/b.bin");
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 4, 6, 10), 200, 10);
    CHECK_INT(admin(up.env, "list", &output), 0);
    CHECK_HAS(admin_line(output, bare_id(&up)), "complete");
    CHECK_HAS(admin_line(output, bare_id(&up)), " 10/10 ");
    upload_finish(&up, DATA, 10);
    CHECK_ANSWER(wire_cancel(other.wire, other.path, other.id), 200, NULL);
    CHECK_INT(admin(up.env, "list", &output), 0);
    CHECK_HAS(admin_line(output, bare_id(&up)), "closed");
    CHECK_HAS(admin_line(output, bare_id(&up)), " -/10 ");
    CHECK_HAS(admin_line(output, bare_id(&other)), "cancelled");
}

static void list_json(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *output;

    CHECK_INT(admin(up.env, "list --json", &output), 0);
    CHECK_STR(admin_json(output, "$[0].id"), bare_id(&up));
    CHECK_STR(admin_json(output, "$[0].total"), NULL);
    CHECK_STR(admin_json(output, "$[1]"), NULL);
    upload_another(up.env, path);
    CHECK_INT(admin(up.env, "--json list", &output), 0);
    CHECK(admin_json(output, "$[1].id") != NULL);
    CHECK(admin_json(output, "$[2]") == NULL);
}

static void list_nothing(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    const char *output;

    CHECK_INT(admin(env, "list", &output), 0);
    CHECK_INT(admin_lines(output), 1);
    CHECK_INT(admin(env, "list --json", &output), 0);
    CHECK_STR(admin_json(output, "$"), "[]");
}

/** More than are read at a time. */
static void list_many(void)
{
    httpd_env_options_t options = {.directory = "BGUploadMaxSessionsPerUser 0\n"};
    httpd_env_t *env = httpd_env_start(&options);
    wire_t *wire = wire_connect(env);
    const char *output;
    int i;

    for (i = 0; i < 230; i++) {
        wire_create(wire, path);
    }
    CHECK_INT(admin(env, "list", &output), 0);
    CHECK_INT(admin_lines(output), 231);
    CHECK_INT(admin(env, "list --json", &output), 0);
    CHECK(admin_json(output, "$[229].id") != NULL && admin_json(output, "$[230]") == NULL);
}

static void show(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 4, 10), 200, 4);
    CHECK_INT(admin_id(&up, "show", &output), 0);
    CHECK_HAS(admin_line(output, "id "), bare_id(&up));
    CHECK_HAS(admin_line(output, "state "), "receiving");
    CHECK_HAS(admin_line(output, "received "), " 4");
    CHECK_HAS(admin_line(output, "total "), " 10");
    CHECK_HAS(admin_line(output, "client "), "127.0.0.1");
    CHECK_HAS(admin_line(output, "path "), path);
    CHECK_HAS(admin_line(output, "destination "), httpd_env_path(up.env, path));
    CHECK_HAS(admin_line(output, "spool "), up.env->spool);
    CHECK(admin_line(output, "created ") != NULL && admin_line(output, "active ") != NULL);
    CHECK_HAS(admin_line(output, "timeout "), "1209600.000 s");
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 4, 6, 10), 200, 10);
    upload_finish(&up, DATA, 10);
    CHECK_INT(admin_id(&up, "show", &output), 0);
    CHECK_HAS(admin_line(output, "state "), "closed");
    CHECK_HAS(admin_line(output, "commit "), "overwrite off, sync commit");
    CHECK_INT(admin(up.env, "show " NO_ID, &output), 1);
    CHECK_HAS(output, NO_ID);
}

static void show_json(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 4, 10), 200, 4);
    CHECK_INT(admin_id(&up, "show --json", &output), 0);
    CHECK_STR(admin_json(output, "$.id"), bare_id(&up));
    CHECK_STR(admin_json(output, "$.state"), "receiving");
    CHECK_STR(admin_json(output, "$.received"), "4");
    CHECK_STR(admin_json(output, "$.total"), "10");
    CHECK_STR(admin_json(output, "$.user"), "");
    CHECK_STR(admin_json(output, "$.path"), path);
    CHECK_STR(admin_json(output, "$.destination"), httpd_env_path(up.env, path));
    CHECK_STR(admin_json(output, "$.timeout"), "1209600.0");
    CHECK_STR(admin_json(output, "$.commit"), NULL);
    CHECK_INT(strlen(admin_json(output, "$.expires")), strlen("2000-01-01T00:00:00Z"));
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 4, 6, 10), 200, 10);
    upload_finish(&up, DATA, 10);
    CHECK_INT(admin_id(&up, "show --json", &output), 0);
    CHECK_STR(admin_json(output, "$.received"), NULL);
    CHECK_STR(admin_json(output, "$.commit.sync"), "commit");
    CHECK_STR(admin_json(output, "$.expires"), NULL);
}

/** Ids are taken as clients, logs and this program write them. */
static void ids(void)
{
    upload_t up = upload_begin(NULL, path);
    char *lower = apr_pstrdup(httpd_env_pool(), up.id);
    const char *output;
    char *c;

    for (c = lower; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    CHECK_INT(admin(up.env, apr_pstrcat(httpd_env_pool(), "show ", lower, NULL), &output), 0);
    CHECK_HAS(output, bare_id(&up));
    CHECK_INT(admin(up.env, apr_pstrcat(httpd_env_pool(), "show ", bare_id(&up), NULL), &output),
              0);
    CHECK_HAS(output, bare_id(&up));
}

/** Names that would play tricks on a terminal. */
static void hostile_names(void)
{
    upload_t up = upload_begin(NULL, "/upload/%1B%5B31m%0A%C2%9B%E2%80%AE%FF%C3%A4%5C%22.bin");
    const char *output;

    CHECK_INT(admin(up.env, "list", &output), 0);
    CHECK_INT(admin_lines(output), 2);
    CHECK_HAS(output, "/upload/\\x1B[31m\\x0A\\xC2\\x9B\\xE2\\x80\\xAE\\xFF\xc3\xa4\\\\\".bin\n");
    CHECK_INT(admin_id(&up, "show", &output), 0);
    CHECK_HAS(admin_line(output, "path "), "\\x1B[31m\\x0A\\xC2\\x9B");
    CHECK(strchr(output, '\x1b') == NULL && strchr(output, '\xff') == NULL);
    CHECK_INT(admin_id(&up, "show --json", &output), 0);
    CHECK_STR(admin_json(output, "$.path"),
              "/upload/\x1b[31m\n\xc2\x9b\xe2\x80\xae\xef\xbf\xbd\xc3\xa4\\\".bin");
    CHECK(strchr(output, '\x1b') == NULL && strchr(output, '\xff') == NULL);
    CHECK(strstr(output, "\xc2\x9b") == NULL && strstr(output, "\xe2\x80\xae") == NULL);
}

static void cancel(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 4, 10), 200, 4);
    CHECK_INT(admin_id(&up, "cancel", &output), 0);
    CHECK_HAS(output, bare_id(&up));
    CHECK_INT(httpd_env_spool_count(up.env), 0);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, DATA, 4, 6, 10), 500, "0x8020001F");
    CHECK_ANSWER(wire_close(wire_connect(up.env), path, up.id), 500, "0x8020001F");
    CHECK(!files_exists(httpd_env_path(up.env, path)));
    CHECK_INT(admin_id(&up, "cancel", &output), 0);
    CHECK_HAS(output, "before");
    CHECK_INT(admin(up.env, "cancel " NO_ID, &output), 1);
}

static void cancel_closed(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 10, 10), 200, 10);
    upload_finish(&up, DATA, 10);
    CHECK_INT(admin_id(&up, "cancel", &output), 1);
    CHECK_HAS(output, "closed");
    upload_check_file(&up, DATA, 10);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
}

/** One that fails does not keep the others from being cancelled. */
static void cancel_several(void)
{
    upload_t up = upload_begin(NULL, path);
    upload_t other = upload_another(up.env, path);
    const char *output;

    CHECK_INT(admin(up.env,
                    apr_pstrcat(httpd_env_pool(), "cancel ", up.id, " " NO_ID " ", other.id, NULL),
                    &output),
              1);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 500, "0x8020001F");
    CHECK_ANSWER(wire_close(other.wire, path, other.id), 500, "0x8020001F");
}

/** What a clean-up is waited for. */
struct awaited {
    const httpd_env_t *env;
    const char *words;
    const char *part;
};

static int says(void *baton)
{
    const struct awaited *awaited = baton;
    const char *output;

    return admin(awaited->env, awaited->words, &output) == 0 &&
           strstr(output, awaited->part) != NULL;
}

static void await_output(const httpd_env_t *env, const char *words, const char *part)
{
    struct awaited awaited = {env, words, part};

    if (!check_wait(says, &awaited, HTTPD_ENV_DEADLINE)) {
        CHECK_FAIL("%s never says %s", words, part);
    }
}

static const httpd_env_options_t impatient = {.server = "BGUploadCleanupInterval 0\n",
                                              .directory = "BGUploadSessionTimeout 1s\n"};

static void cleanup_timeout(void)
{
    upload_t up = upload_begin(&impatient, path);
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 4, 10), 200, 4);
    await_output(up.env, "cleanup --dry-run", "1 to discard, 0 to commit, 0 to forget, 0 failed");
    CHECK_INT(httpd_env_spool_count(up.env), 1);
    CHECK_INT(admin_id(&up, "show", &output), 0);
    CHECK_HAS(admin_line(output, "state "), "receiving");
    CHECK_INT(admin(up.env, "cleanup", &output), 0);
    CHECK_HAS(admin_line(output, bare_id(&up)), "discarded");
    CHECK_HAS(output, "1 discarded, 0 committed, 0 forgotten, 0 failed, 0 orphans\n");
    CHECK_INT(httpd_env_spool_count(up.env), 0);
    CHECK_INT(admin(up.env, "cleanup", &output), 0);
    CHECK_STR(output, "0 discarded, 0 committed, 0 forgotten, 0 failed, 0 orphans\n");
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
}

static void cleanup_tombstones(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 10, 10), 200, 10);
    upload_finish(&up, DATA, 10);
    CHECK_INT(admin(up.env, "cleanup", &output), 0);
    CHECK_HAS(output, "0 forgotten");
    CHECK_INT(admin(up.env, "cleanup --tombstone 1d", &output), 0);
    CHECK_HAS(output, "0 forgotten");
    CHECK_INT(admin(up.env, "cleanup --dry-run --tombstone 0", &output), 0);
    CHECK_HAS(output, "1 to forget");
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    CHECK_INT(admin(up.env, "cleanup --tombstone 0s", &output), 0);
    CHECK_HAS(output, "1 forgotten");
    CHECK_INT(admin_id(&up, "show", &output), 1);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 500, "0x8020001F");
    upload_check_file(&up, DATA, 10);
}

/** Put a session into COMMITTING, as a server leaves it that was killed there. */
static void interrupt_commit(const upload_t *up, const char *id)
{
    bgu_session_t *session = NULL;
    bgu_store_t *store = NULL;
    const char *error = NULL;
    apr_pool_t *pool;

    apr_pool_create(&pool, httpd_env_pool());
    REQUIRE(bgu_store_sqlite.open(&store, up->env->store, 0, &error, pool) == APR_SUCCESS);
    REQUIRE(bgu_store_sqlite.find(store, &session, id, pool) == APR_SUCCESS);
    session->state = BGU_STATE_COMMITTING;
    session->plan.mode = 0644;
    session->plan.sync = BGU_SYNC_COMMIT;
    REQUIRE(bgu_store_sqlite.update(store, session, BGU_STATE_COMPLETE, 0) == APR_SUCCESS);
    apr_pool_destroy(pool);
}

static void cleanup_commit(void)
{
    upload_t up = upload_begin(NULL, path);
    struct stat folder;
    struct stat file;
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 10, 10), 200, 10);
    interrupt_commit(&up, bare_id(&up));
    CHECK_INT(admin_id(&up, "cancel", &output), 1);
    CHECK_HAS(output, "committed");
    CHECK_INT(admin(up.env, "cleanup", &output), 0);
    CHECK_HAS(output, "0 discarded, 1 committed, 0 forgotten, 0 failed, 0 orphans\n");
    upload_check_file(&up, DATA, 10);
    REQUIRE(stat(up.env->spool, &folder) == 0);
    REQUIRE(stat(httpd_env_path(up.env, path), &file) == 0);
    CHECK_INT(file.st_uid, folder.st_uid);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
}

static void cleanup_fails(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 10, 10), 200, 10);
    interrupt_commit(&up, bare_id(&up));
    REQUIRE(unlink(upload_spool_file(&up)) == 0);
    CHECK_INT(admin(up.env, "cleanup", &output), 1);
    CHECK_HAS(admin_line(output, bare_id(&up)), "failed");
    CHECK_HAS(output, "0 discarded, 0 committed, 0 forgotten, 1 failed, 0 orphans\n");
    CHECK(!files_exists(httpd_env_path(up.env, path)));
}

/** Whoever runs the program while the server is down, the server can go on afterwards. */
static void server_is_down(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 4, 10), 200, 4);
    httpd_env_kill(up.env);
    CHECK_INT(admin(up.env, "list", &output), 0);
    CHECK_HAS(admin_line(output, bare_id(&up)), " 4/10 ");
    CHECK_INT(admin(up.env, "cleanup", &output), 0);
    CHECK_INT(admin(up.env, "cancel " NO_ID, &output), 1);
    httpd_env_resume(up.env);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 4, 6, 10), 200, 10);
    upload_finish(&up, DATA, 10);
}

static const suite_test_t tests[] = {
    {"list", list},
    {"list as JSON", list_json},
    {"list nothing", list_nothing},
    {"list many", list_many},
    {"show", show},
    {"show as JSON", show_json},
    {"ids in any form", ids},
    {"hostile names", hostile_names},
    {"cancel", cancel},
    {"cancel a closed session", cancel_closed},
    {"cancel several", cancel_several},
    {"clean-up of a timed-out session", cleanup_timeout},
    {"clean-up of tombstones", cleanup_tombstones},
    {"clean-up finishes a commit", cleanup_commit},
    {"clean-up that fails", cleanup_fails},
    {"while the server is down", server_is_down},
};

void suite_admin(void)
{
    SUITE_ADD("admin", tests);
}
