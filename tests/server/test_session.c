/* SPDX-License-Identifier: Apache-2.0 */

/* Whose a session is, where it holds, and how long (protocol: life of a session). */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "fetch.h"
#include "files.h"
#include "upload.h"
#include "users.h"
#include "wire.h"

static const char path[] = "/upload/a.txt";

static void other_url(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 10), 200, 5);
    CHECK_ANSWER(wire_fragment(up.wire, "/upload/b.txt", up.id, "67890", 0, 5, 10), 500,
                 "0x8020001F");
    CHECK_ANSWER(wire_close(wire_connect(up.env), "/upload/b.txt", up.id), 500, "0x8020001F");
    CHECK_ANSWER(wire_cancel(wire_connect(up.env), "/upload/b.txt", up.id), 500, "0x8020001F");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "1234567890", 5, 5, 10), 200, 10);
    upload_finish(&up, "1234567890", 10);
}

static void same_url_otherwise(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, "/upload/a.txt?again", up.id, "1234567890", 0, 3, 10), 200,
               3);
    CHECK_NEXT(wire_fragment(up.wire, "/upload/%61.tx%74", up.id, "1234567890", 3, 3, 10), 200, 6);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "1234567890", 6, 4, 10), 200, 10);
    upload_finish(&up, "1234567890", 10);
}

static void names_of_all_kinds(void)
{
    upload_t up = upload_begin(NULL, "/upload/a%20b%C3%A4%25.txt");

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, "12345", 0, 5, 5), 200, 5);
    CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
    CHECK_INT(files_size(httpd_env_path(up.env, "/upload/a b\xc3\xa4%.txt")), 5);
}

/** A file of a similar name is not the destination. */
static void with_multiviews(void)
{
    httpd_env_options_t options = {.modules = "negotiation",
                                   .directory = "Options +MultiViews\n"
                                                "BGUploadAllowOverwrites On\n"};
    httpd_env_t *env = httpd_env_start(&options);
    upload_t up;

    files_write(httpd_env_path(env, "/upload/report.html"), "old", 3);
    up = upload_another(env, "/upload/report");
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, "12345", 0, 5, 5), 200, 5);
    upload_finish(&up, "12345", 5);
    CHECK_INT(files_size(httpd_env_path(env, "/upload/report.html")), 3);
}

static void id_in_any_form(void)
{
    upload_t up = upload_begin(NULL, path);
    apr_pool_t *pool = httpd_env_pool();
    char *lower = apr_pstrdup(pool, up.id);
    const char *bare = apr_pstrmemdup(pool, up.id + 1, strlen(up.id) - 2);
    char *c;

    for (c = lower; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'F' ? (char)(*c - 'A' + 'a') : *c;
    }
    CHECK_NEXT(wire_fragment(up.wire, path, lower, "12345", 0, 2, 5), 200, 2);
    CHECK_NEXT(wire_fragment(up.wire, path, bare, "12345", 2, 3, 5), 200, 5);
    upload_finish(&up, "12345", 5);
}

static void any_address(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 2, 5), 200, 2);
    up.wire = wire_connect_from(up.env, "127.0.0.2");
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 2, 3, 5), 200, 5);
    upload_finish(&up, "12345", 5);
}

/** A Create-Session or Fragment with more header lines. */
static const wire_answer_t *create_as(wire_t *wire, const char *who)
{
    return wire_packet(
        wire, path, "Create-Session", NULL,
        apr_pstrcat(httpd_env_pool(), who, "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL),
        NULL, 0);
}

static const wire_answer_t *fragment_as(wire_t *wire, const char *who, const char *id)
{
    return wire_packet(wire, path, "Fragment", id,
                       apr_pstrcat(httpd_env_pool(), who, "Content-Range: bytes 0-4/5\r\n", NULL),
                       "12345", 5);
}

static void other_user(void)
{
    httpd_env_options_t options = {.modules = USERS_MODULES, .directory = USERS_LINES};
    httpd_env_t *env = httpd_env_start(&options);
    wire_t *wire = wire_connect(env);
    const wire_answer_t *answer;
    const char *id;

    users_write(env);
    answer = create_as(wire, USERS_ANN);
    CHECK_ANSWER(answer, 200, NULL);
    id = wire_header(answer, "BITS-Session-Id");
    CHECK_ANSWER(fragment_as(wire, USERS_BOB, id), 403, "0x80070005");
    CHECK_ANSWER(wire_packet(wire_connect(env), path, "Cancel-Session", id, USERS_BOB, NULL, 0),
                 403, "0x80070005");
    CHECK_ANSWER(wire_packet(wire_connect(env), path, "Close-Session", id, USERS_BOB, NULL, 0), 403,
                 "0x80070005");
    CHECK_NEXT(fragment_as(wire_connect(env), USERS_ANN, id), 200, 5);
    CHECK_ANSWER(wire_packet(wire_connect(env), path, "Close-Session", id, USERS_ANN, NULL, 0), 200,
                 NULL);
    CHECK_INT(files_size(httpd_env_path(env, path)), 5);
}

static void no_user(void)
{
    httpd_env_options_t options = {.modules = USERS_MODULES, .directory = USERS_LINES};
    httpd_env_t *env = httpd_env_start(&options);
    const fetch_answer_t *answer;
    const char *headers[] = {"BITS-Packet-Type: Create-Session",
                             "BITS-Supported-Protocols: " WIRE_PROTOCOL, NULL};

    users_write(env);
    answer = fetch(fetch_open(env, FETCH_HTTP_1, NULL), "BITS_POST", path, headers, "", 0);
    CHECK_INT(answer->status, 401);
    CHECK(apr_table_get(answer->headers, "WWW-Authenticate") != NULL);
    CHECK_INT(files_count(env->spool), 0);
    /* libcurl does the challenge's part itself. */
    fetch_upload(fetch_open(env, FETCH_HTTP_1, "bob:b"), path, "12345", 5, 2);
    CHECK_INT(files_size(httpd_env_path(env, path)), 5);
}

/** A session that is kept alive while another times out. */
struct aging {
    upload_t alive;
    const char *file;
    long long sent;
};

/** Fails the test before the alive one's bytes are used up. */
enum { ALIVE_LENGTH = 100000 };

static int idle_is_gone(void *baton)
{
    struct aging *aging = baton;
    const upload_t *up = &aging->alive;

    CHECK_NEXT(wire_fragment(up->wire, up->path, up->id, aging->file, aging->sent, 1, ALIVE_LENGTH),
               200, aging->sent + 1);
    aging->sent++;
    return httpd_env_spool_count(up->env) == 1;
}

static void timeout(void)
{
    httpd_env_options_t options = {.directory = "BGUploadSessionTimeout 2s\n",
                                   .server = "BGUploadCleanupInterval 1s\n"};
    upload_t idle = upload_begin(&options, path);
    struct aging aging = {upload_another(idle.env, "/upload/alive.txt"),
                          files_noise(ALIVE_LENGTH, 5, httpd_env_pool()), 0};

    CHECK_NEXT(wire_fragment(idle.wire, path, idle.id, "12345", 0, 5, 5), 200, 5);
    CHECK(check_wait(idle_is_gone, &aging, HTTPD_ENV_DEADLINE));
    CHECK(aging.sent > 1);
    CHECK(!files_exists(httpd_env_path(idle.env, path)));
    CHECK_ANSWER(wire_close(wire_connect(idle.env), path, idle.id), 500, "0x8020001F");
    CHECK_ANSWER(wire_cancel(wire_connect(idle.env), path, idle.id), 200, NULL);
    CHECK_ANSWER(wire_cancel(aging.alive.wire, aging.alive.path, aging.alive.id), 200, NULL);
}

/** A Close-Session that is repeated until it is refused. */
static int is_forgotten(void *baton)
{
    const upload_t *up = baton;
    wire_t *wire = wire_connect(up->env);
    int status = wire_close(wire, up->path, up->id)->status;

    wire_disconnect(wire);
    CHECK(status == 200 || status == 500);
    return status == 500;
}

static void tombstone(void)
{
    httpd_env_options_t options = {.server = "BGUploadCleanupInterval 1s\nBGUploadTombstone 1s\n"};
    upload_t up = upload_begin(&options, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5), 200, 5);
    upload_finish(&up, "12345", 5);
    CHECK(check_wait(is_forgotten, &up, HTTPD_ENV_DEADLINE));
    CHECK_ANSWER(wire_close(wire_connect(up.env), path, up.id), 500, "0x8020001F");
    upload_check_file(&up, "12345", 5);
}

/** Somebody else's Cancel, which does not touch a session, until there is none to refuse. */
static int is_forgotten_for_bob(void *baton)
{
    const upload_t *up = baton;
    wire_t *wire = wire_connect(up->env);
    int status = wire_packet(wire, path, "Cancel-Session", up->id, USERS_BOB, NULL, 0)->status;

    wire_disconnect(wire);
    CHECK(status == 403 || status == 500);
    return status == 500;
}

static void published_outlives_session(void)
{
    httpd_env_options_t options = {
        .modules = USERS_MODULES,
        .directory =
            apr_pstrcat(httpd_env_pool(), USERS_LINES,
                        "BGUploadCommit OnLastFragment\nBGUploadSessionTimeout 1s\n", NULL),
        .server = "BGUploadCleanupInterval 1s\nBGUploadTombstone 1s\n"};
    httpd_env_t *env = httpd_env_start(&options);
    upload_t up = {env, wire_connect(env), path, NULL};

    users_write(env);
    up.id = wire_header(create_as(up.wire, USERS_ANN), "BITS-Session-Id");
    CHECK_NEXT(fragment_as(up.wire, USERS_ANN, up.id), 200, 5);
    upload_check_file(&up, "12345", 5);
    CHECK(check_wait(is_forgotten_for_bob, &up, HTTPD_ENV_DEADLINE));
    upload_check_file(&up, "12345", 5);
}

void suite_session(void)
{
    static const suite_test_t tests[] = {
        {"holds at its own URL only", other_url},
        {"the same URL written otherwise", same_url_otherwise},
        {"file names with blanks, UTF-8 and percent signs", names_of_all_kinds},
        {"a similar name with MultiViews", with_multiviews},
        {"its id without braces and in lower case", id_in_any_form},
        {"an anonymous one goes on from any address", any_address},
        {"belongs to its user", other_user},
        {"no user: 401 is httpd's own", no_user},
        {"times out when idle", timeout},
        {"is remembered, and forgotten", tombstone},
        {"a timeout leaves a published file", published_outlives_session},
    };

    SUITE_ADD("session", tests);
}
