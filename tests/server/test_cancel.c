/* SPDX-License-Identifier: Apache-2.0 */

/* Cancel-Session (protocol: life of a session). */

#include "suites.h"

#include "files.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.txt";

static void before_completion(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 10), 200, 5);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    CHECK_INT(httpd_env_spool_count(up.env), 0);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, "1234567890", 5, 5, 10), 500, "0x8020001F");
    CHECK_INT(httpd_env_spool_count(up.env), 0);
    CHECK(!files_exists(httpd_env_path(up.env, path)));
}

static void at_once(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 500, "0x8020001F");
    CHECK(!files_exists(httpd_env_path(up.env, path)));
}

static void after_completion(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5), 200, 5);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    CHECK_INT(httpd_env_spool_count(up.env), 0);
    CHECK(!files_exists(httpd_env_path(up.env, path)));
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
}

static void after_close(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5), 200, 5);
    upload_finish(&up, "12345", 5);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    upload_check_file(&up, "12345", 5);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    upload_check_file(&up, "12345", 5);
}

static int spool_has_bytes(void *baton)
{
    const upload_t *up = baton;

    return httpd_env_spool_count(up->env) == 1 && files_size(upload_spool_file(up)) > 0;
}

static void during_a_fragment(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *file = files_noise(800000, 4, httpd_env_pool());
    wire_t *other = wire_connect(up.env);

    wire_fragment_head(up.wire, path, up.id, 0, 800000, 1000000);
    wire_send_bytes(up.wire, file, 400000);
    REQUIRE(check_wait(spool_has_bytes, &up, HTTPD_ENV_DEADLINE));
    CHECK_ANSWER(wire_cancel(other, path, up.id), 200, NULL);
    CHECK_INT(httpd_env_spool_count(up.env), 0);
    wire_send_bytes(up.wire, file + 400000, 400000);
    CHECK_ANSWER(wire_read(up.wire), 500, "0x8020001F");
    CHECK_INT(httpd_env_spool_count(up.env), 0);
}

void suite_cancel(void)
{
    static const suite_test_t tests[] = {
        {"before completion, and again", before_completion},
        {"right after Create-Session", at_once},
        {"after completion", after_completion},
        {"after Close: the file stays", after_close},
        {"while a fragment is being read", during_a_fragment},
    };

    SUITE_ADD("cancel", tests);
}
