/* SPDX-License-Identifier: Apache-2.0 */

/* The clean-up beside uploads: what is alive stays whole, what is dead goes. */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "admin.h"
#include "backend.h"
#include "client_run.h"
#include "files.h"
#include "reply.h"

/** Uploads at once, and one after the other. */
#define CLIENTS 3
#define UPLOADS 12

/** Bytes of each. */
#define LENGTH (400 * 1024)

/** Sessions that timed out, put in while the uploads go on. */
#define ROUNDS   10
#define OLD      30
#define LONG_AGO (30 * 86400)

/** The server cleans up all the time. */
static const char cleaning[] = "BGUploadCleanupInterval 100ms\nBGUploadTombstone 1h\n";

/** A client that uploads one file after the other to URLs of its own.
 * @param reply whether it fetches a reply for each */
static program_t *start_client(const client_t *client, int number, int reply)
{
    const char *option = reply ? httpd_env_format("--reply \"$1.%d-$i\"", number) : "";
    const char *loop =
        httpd_env_format("for i in $(seq %d); do \"$0\" put --quiet --fragment 8K %s "
                         "\"$1\" \"$2/%d-$i\" || exit; done",
                         UPLOADS, option, number);
    const char *program =
        apr_pstrcat(httpd_env_pool(), httpd_env_setting("BGUPLOAD_BUILD"), "/bgupload", NULL);
    const char *url = apr_pstrcat(httpd_env_pool(), client->env->url, "/upload", NULL);
    const char *argv[] = {"sh", "-c", loop, program, client->file, url, NULL};

    return program_start(argv, httpd_env_format("%s/client-%d.out", client->env->root, number),
                         httpd_env_pool());
}

static void check_ended(program_t *program)
{
    int code = program_wait(program, PROGRAM_DEADLINE);

    if (code != 0) {
        CHECK_FAIL("client: exit code %d, %s", code, files_read(program->output).data);
    }
}

/** Sessions that are open in the store. */
static int open_sessions(const httpd_env_t *env)
{
    const char *output;
    int count = 0;

    CHECK_INT(admin(env, "list --state open --json", &output), 0);
    while ((output = strstr(output, "\"id\":")) != NULL) {
        output++;
        count++;
    }
    return count;
}

static int nothing_open(void *baton)
{
    return open_sessions(baton) == 0;
}

/** Run clients while sessions time out, and two clean-ups at once: the server's and another. */
static void race(const client_t *client, int reply)
{
    const admin_row_t old = {"ann", "/upload/old.bin", BGU_STATE_RECEIVING, LONG_AGO, 10};
    const admin_row_t over = {"ann", "/upload/over.bin", BGU_STATE_CLOSED, LONG_AGO, 10};
    program_t *clients[CLIENTS];
    const char *output;

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = start_client(client, i, reply);
    }
    for (int round = 0; round < ROUNDS; round++) {
        admin_rows(client->env, &old, OLD);
        admin_rows(client->env, &over, OLD);
        if (admin(client->env, "cleanup", &output) != 0) {
            CHECK_FAIL("cleanup: %s", output);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        check_ended(clients[i]);
    }
    CHECK(check_wait(nothing_open, client->env, HTTPD_ENV_DEADLINE));
    httpd_env_await_spool(client->env, 0);
    CHECK(!files_exists(httpd_env_path(client->env, old.path)));
}

static void uploads(void)
{
    httpd_env_options_t options = {.server = cleaning};
    client_t client = client_open(&options, LENGTH);

    race(&client, 0);
    for (int i = 0; i < CLIENTS; i++) {
        for (int k = 1; k <= UPLOADS; k++) {
            CHECK(files_same(client.file,
                             httpd_env_path(client.env, httpd_env_format("/upload/%d-%d", i, k))));
        }
    }
}

/** With an application that takes its time, so that sessions are cleaned up around while it works.
 */
static void notifications(void)
{
    backend_t *backend = backend_start();
    httpd_env_options_t options = {
        .server = cleaning,
        .directory =
            httpd_env_format("BGUploadNotify Value\nBGUploadNotifyURL %s/app\n", backend->url)};
    client_t client = client_open(&options, LENGTH);

    backend_tell(backend, &(backend_plan_t){.body = 5000, .delay = 30});
    race(&client, 1);
    CHECK_INT(backend_count(backend), CLIENTS * UPLOADS);
}

/** Many at once, beside one upload. */
static void many(void)
{
    const admin_row_t old = {"ann", "/upload/old.bin", BGU_STATE_RECEIVING, LONG_AGO, 10};
    const admin_row_t over = {"ann", "/upload/over.bin", BGU_STATE_CANCELLED, LONG_AGO, 10};
    httpd_env_options_t options = {.server = "BGUploadCleanupInterval 0\n"};
    client_t client = client_open(&options, LENGTH);
    program_t *upload;
    const char *output;

    admin_rows(client.env, &old, 3000);
    admin_rows(client.env, &over, 3000);
    /* Alone: a dry run takes a commit that is just under way for one to be finished. */
    CHECK_INT(admin(client.env, "cleanup --dry-run", &output), 0);
    CHECK_HAS(output, "3000 to discard, 0 to commit, 3000 to forget, 0 failed");
    upload = start_client(&client, 0, 0);
    CHECK(httpd_env_spool_count(client.env) >= 3000);
    CHECK(open_sessions(client.env) >= 3000);
    CHECK_INT(admin(client.env, "cleanup", &output), 0);
    CHECK_HAS(output, "3000 discarded, 0 committed, 3000 forgotten, 0 failed");
    check_ended(upload);
    CHECK_INT(httpd_env_spool_count(client.env), 0);
    CHECK_INT(open_sessions(client.env), 0);
}

void suite_cleanup_race(void)
{
    static const suite_test_t tests[] = {
        {"uploads", uploads},
        {"notifications", notifications},
        {"thousands of sessions", many},
    };

    SUITE_ADD("cleanup_race", tests);
}
