/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload: uploads that were interrupted, on either side. */

#include "suites.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "client_run.h"
#include "wire.h"

/** Run put again and hold it to success in the same session. */
static void go_on(const client_t *client)
{
    const char *output;

    CHECK_INT(client_run(client, &output, "put", client->file, client->url, "--json", NULL), 0);
    CHECK_HAS(output, "\"resumed\": true");
    CHECK(files_same(client->file, client->dest));
    client_check_remembered(client, 0);
}

static void client_killed(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);

    client_break(&client);
    client_check_remembered(&client, 1);
    go_on(&client);
}

/** Bytes that are there already are not sent again. */
static void nothing_twice(void)
{
    static const char key[] = "416, next byte wanted: ";
    client_t client = client_open(NULL, CLIENT_LONG);
    const char *output, *found;
    long long there;

    client_break(&client);
    there = files_size(client_spool_file(&client));
    CHECK_INT(client_run(&client, &output, "-v", "put", client.file, client.url, NULL), 0);
    CHECK(files_same(client.file, client.dest));
    found = strstr(output, key);
    REQUIRE(found != NULL);
    found += strlen(key);
    /* A fragment that was on its way may have arrived meanwhile. */
    CHECK(strtoll(found, NULL, 10) >= there);
    CHECK_HAS(found, httpd_env_format(" [%lld, ", strtoll(found, NULL, 10)));
    CHECK(strstr(output, " [0, ") == NULL);
}

static void server_killed(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    program_t *put = client_begin(&client, NULL);

    httpd_env_kill(client.env);
    httpd_env_resume(client.env);
    CHECK_INT(client_end(put, NULL), 0);
    CHECK(files_same(client.file, client.dest));
    client_check_remembered(&client, 0);
}

static void both_killed(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    const char *output;

    client_break(&client);
    httpd_env_kill(client.env);
    CHECK_INT(
        client_run(&client, &output, "put", client.file, client.url, "--retry-for", "1s", NULL), 3);
    CHECK_HAS(output, "call again");
    client_check_remembered(&client, 1);
    httpd_env_resume(client.env);
    go_on(&client);
}

static void terminated(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    program_t *put = client_begin(&client, NULL);
    const char *output;

    REQUIRE(kill(put->pid, SIGTERM) == 0);
    CHECK_INT(client_end(put, &output), 3);
    CHECK_HAS(output, "interrupted; call again");
    client_check_remembered(&client, 1);
    go_on(&client);
}

static void interrupted_and_cancelled(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    program_t *put = client_begin(&client, "--cancel-on-interrupt");
    const char *output;

    REQUIRE(kill(put->pid, SIGINT) == 0);
    CHECK_INT(client_end(put, &output), 1);
    CHECK_HAS(output, "cancelled");
    client_check_remembered(&client, 0);
    CHECK_INT(httpd_env_spool_count(client.env), 0);
}

static void cancelled(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    const char *folder = apr_pstrcat(client.env->pool, client.env->url, "/upload/", NULL);
    const char *other = apr_pstrcat(client.env->pool, client.env->url, "/upload/x", NULL);

    client_break(&client);
    CHECK_INT(client_run(&client, NULL, "cancel", other, NULL), 1);
    CHECK_INT(client_run(&client, NULL, "cancel", "--user", "bob:x", client.url, NULL), 1);
    client_check_remembered(&client, 1);
    CHECK_INT(client_run(&client, NULL, "cancel", folder, NULL), 0);
    client_check_remembered(&client, 0);
    CHECK_INT(httpd_env_spool_count(client.env), 0);
    CHECK_INT(client_run(&client, NULL, "cancel", client.url, NULL), 1);
}

/** A file that is another one by now is uploaded from its start; the old session is cancelled. */
static void changed_between(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    const char *output;

    client_break(&client);
    files_write_noise(client.file, 1000, 8);
    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, "--json", NULL), 0);
    CHECK_HAS(output, "has changed");
    CHECK_HAS(output, "\"resumed\": false");
    CHECK(files_same(client.file, client.dest));
    CHECK_INT(httpd_env_spool_count(client.env), 0);
}

static void changed_during(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    program_t *put = client_begin(&client, NULL);
    const char *output;

    REQUIRE(truncate(client.file, CLIENT_LONG + 1) == 0);
    CHECK_INT(client_end(put, &output), 4);
    CHECK_HAS(output, "changed during the upload");
    CHECK(!files_exists(client.dest));
    CHECK_INT(httpd_env_spool_count(client.env), 0);
    client_check_remembered(&client, 0);
}

static void two_at_once(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    program_t *put = client_begin(&client, NULL);
    const char *output;

    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 4);
    CHECK_HAS(output, "by another bgupload");
    CHECK_INT(client_run(&client, &output, "cancel", client.url, NULL), 4);
    CHECK_INT(client_end(put, NULL), 0);
    CHECK(files_same(client.file, client.dest));
}

/** The server forgot the session: it is uploaded in a new one. */
static void session_gone(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    const char *output;

    client_break(&client);
    CHECK_ANSWER(wire_cancel(wire_connect(client.env), "/upload/data.bin", client_session(&client)),
                 200, NULL);
    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 0);
    CHECK_HAS(output, "starting over");
    CHECK(files_same(client.file, client.dest));
}

/** The server lost the bytes, as it may after a power cut. */
static void bytes_lost(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);

    client_break(&client);
    REQUIRE(truncate(client_spool_file(&client), 1000) == 0);
    go_on(&client);
}

/** Make the remembered upload look as if Close-Session had been sent. */
static void pretend_close(const char *state, const char *session)
{
    static const char from[] = "closing: 0";
    char *text = apr_pstrdup(httpd_env_pool(), files_read(state).data);
    char *place = strstr(text, from), *id = strstr(text, "session: ");

    REQUIRE(place != NULL && id != NULL);
    place[sizeof(from) - 2] = '1';
    if (session != NULL) {
        memcpy(id + strlen("session: "), session, strlen(session));
    }
    files_write(state, text, strlen(text));
    /* A client only believes its own user's files; files_write() gives them to the server's. */
    REQUIRE(chown(state, geteuid(), getegid()) == 0);
}

/** The client died between the server's commit and its answer: nothing is uploaded twice. */
static void close_answer_lost(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    const char *state, *saved, *output;

    client_break(&client);
    state = client_state_file(&client);
    saved = apr_pstrcat(client.env->pool, client.env->root, "/saved", NULL);
    REQUIRE(link(state, saved) == 0);
    go_on(&client);
    REQUIRE(link(saved, state) == 0 && unlink(saved) == 0);
    pretend_close(state, NULL);
    CHECK_INT(client_run(&client, &output, "-v", "put", client.file, client.url, NULL), 0);
    CHECK(strstr(output, "Create-Session") == NULL);
    CHECK(files_same(client.file, client.dest));
    client_check_remembered(&client, 0);
}

/** The same, but the server does not remember: only the user can tell what is right. */
static void close_forgotten(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    const char *state, *output;

    client_break(&client);
    httpd_env_expect_spool(client.env, 1);
    state = client_state_file(&client);
    pretend_close(state, "00000000-0000-0000-0000-000000000000");
    CHECK_INT(client_run(&client, &output, "-v", "put", client.file, client.url, NULL), 3);
    CHECK(strstr(output, "Create-Session") == NULL);
    CHECK_HAS(output, "look whether the file is there");
    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 0);
    CHECK(files_same(client.file, client.dest));
}

/** All bytes were there when the client thought of closing, but the server lost some: a blind Close
 * would discard the rest. */
static void close_and_bytes_lost(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);

    client_break(&client);
    pretend_close(client_state_file(&client), NULL);
    go_on(&client);
}

static const suite_test_t tests[] = {
    {"the client is killed", client_killed},
    {"nothing is sent twice", nothing_twice},
    {"the server is killed", server_killed},
    {"both are killed", both_killed},
    {"the client is terminated", terminated},
    {"--cancel-on-interrupt", interrupted_and_cancelled},
    {"cancel", cancelled},
    {"the file changed between two calls", changed_between},
    {"the file changes during the upload", changed_during},
    {"two clients at once", two_at_once},
    {"the session is gone", session_gone},
    {"the server lost bytes", bytes_lost},
    {"the answer to Close-Session is lost", close_answer_lost},
    {"the answer to Close-Session is lost, and the session", close_forgotten},
    {"Close-Session was sent, but bytes are missing", close_and_bytes_lost},
};

void suite_client_resume(void)
{
    SUITE_ADD("client_resume", tests);
}
