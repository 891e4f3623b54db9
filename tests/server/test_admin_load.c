/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin beside uploads that go on: none of them is harmed. */

#include "suites.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "admin.h"
#include "client_run.h"
#include "files.h"
#include "upload.h"

#define UPLOADS 4
#define ROUNDS  5
#define LENGTH  (3 * 1024 * 1024)

/** Start an upload with small fragments. */
static program_t *put(const client_t *client, int number)
{
    apr_pool_t *pool = httpd_env_pool();
    const char *url = httpd_env_format("%s/upload/%d.bin", client->env->url, number);
    const char *argv[] = {apr_pstrcat(pool, httpd_env_setting("BGUPLOAD_BUILD"), "/bgupload", NULL),
                          "put",
                          client->file,
                          url,
                          "--fragment",
                          "8K",
                          "--quiet",
                          NULL};

    return program_start(argv, httpd_env_format("%s/put-%d.out", client->env->root, number), pool);
}

static void under_load(void)
{
    static const char *const commands[] = {"list", "list --json --sort active", "stats", "cleanup",
                                           "expire --older-than 1h"};
    client_t client = client_open(NULL, LENGTH);
    const char *check = httpd_env_format("--spool %s check --repair", client.env->spool);
    program_t *uploads[UPLOADS];
    upload_t steady = upload_another(client.env, "/upload/steady.bin");
    const char *output;

    REQUIRE(chmod(client.env->spool, 0700) == 0);
    for (int i = 0; i < UPLOADS; i++) {
        uploads[i] = put(&client, i);
    }
    for (int round = 0; round < ROUNDS; round++) {
        upload_t victim = upload_another(client.env, "/upload/victim.bin");

        /* The server may close a connection that waits. */
        steady.wire = wire_connect(client.env);
        CHECK_NEXT(wire_fragment(steady.wire, steady.path, steady.id, "01234", round, 1, ROUNDS),
                   200, round + 1);
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
            if (admin(client.env, commands[i], &output) != 0) {
                CHECK_FAIL("%s: %s", commands[i], output);
            }
        }
        if (admin(client.env, check, &output) != 0) {
            CHECK_FAIL("check: %s", output);
        }
        CHECK_INT(admin(client.env, httpd_env_format("cancel %s", victim.id), &output), 0);
        CHECK_ANSWER(wire_close(wire_connect(client.env), victim.path, victim.id), 500,
                     "0x8020001F");
    }
    steady.wire = wire_connect(client.env);
    upload_finish(&steady, "01234", ROUNDS);
    for (int i = 0; i < UPLOADS; i++) {
        int code = program_wait(uploads[i], 120);

        if (code != 0) {
            CHECK_FAIL("upload %d: exit code %d, %s", i, code, files_read(uploads[i]->output).data);
        }
        CHECK(files_same(client.file,
                         httpd_env_path(client.env, httpd_env_format("/upload/%d.bin", i))));
    }
    CHECK_INT(admin(client.env, check, &output), 0);
}

static const suite_test_t tests[] = {
    {"all commands beside uploads", under_load},
};

void suite_admin_load(void)
{
    SUITE_ADD("admin_load", tests);
}
