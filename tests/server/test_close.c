/* SPDX-License-Identifier: Apache-2.0 */

/* Close-Session and the commit (protocol: life of a session). */

#include "suites.h"

#include <stdlib.h>
#include <unistd.h>

#include <apr_strings.h>

#include "files.h"
#include "server_user.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.txt";
static const char text[] = "what was uploaded";
enum { LENGTH = sizeof(text) - 1 };

/** Send the whole file in one fragment. */
static void send_all(const upload_t *up)
{
    CHECK_NEXT(wire_fragment(up->wire, path, up->id, text, 0, LENGTH, LENGTH), 200, LENGTH);
}

static void commit(void)
{
    upload_t up = upload_begin(NULL, path);
    const wire_answer_t *answer;

    send_all(&up);
    CHECK(!files_exists(httpd_env_path(up.env, path)));
    answer = wire_close(up.wire, path, up.id);
    CHECK_ANSWER(answer, 200, NULL);
    CHECK_STR(wire_header(answer, "BITS-Received-Content-Range"), NULL);
    upload_check_file(&up, text, LENGTH);
    CHECK_INT(httpd_env_spool_count(up.env), 0);
    CHECK_INT(files_count(httpd_env_path(up.env, "/upload")), 1);
    CHECK_INT(files_mode(httpd_env_path(up.env, path)), 0644);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, text, 0, LENGTH, LENGTH), 500, "0x8020001F");
}

static void file_mode(void)
{
    httpd_env_options_t options = {.directory = "BGUploadFileMode 0660\n"};
    upload_t up = upload_begin(&options, path);

    send_all(&up);
    upload_finish(&up, text, LENGTH);
    CHECK_INT(files_mode(httpd_env_path(up.env, path)), 0660);
}

static void repeated_close(void)
{
    httpd_env_options_t options = {.directory = "BGUploadAllowOverwrites On\n"};
    upload_t up = upload_begin(&options, path);

    send_all(&up);
    upload_finish(&up, text, LENGTH);
    files_write(httpd_env_path(up.env, path), "changed since", 13);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    REQUIRE(unlink(httpd_env_path(up.env, path)) == 0);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    CHECK(!files_exists(httpd_env_path(up.env, path)));
}

static void early_close(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, text, 0, LENGTH - 1, LENGTH), 200, LENGTH - 1);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    CHECK(!files_exists(httpd_env_path(up.env, path)));
    CHECK_INT(httpd_env_spool_count(up.env), 0);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, text, LENGTH - 1, 1, LENGTH), 500,
                 "0x8020001F");
    CHECK(!files_exists(httpd_env_path(up.env, path)));
}

static void close_after_cancel(void)
{
    upload_t up = upload_begin(NULL, path);

    send_all(&up);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 500, "0x8020001F");
    CHECK(!files_exists(httpd_env_path(up.env, path)));
}

static void destination_appears(void)
{
    upload_t up = upload_begin(NULL, path);

    send_all(&up);
    files_write(httpd_env_path(up.env, path), "older", 5);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 403, "0x80070005");
    upload_check_file(&up, "older", 5);
    CHECK_INT(httpd_env_spool_count(up.env), 1);
    CHECK_ANSWER(wire_close(wire_connect(up.env), path, up.id), 403, "0x80070005");
    REQUIRE(unlink(httpd_env_path(up.env, path)) == 0);
    up.wire = wire_connect(up.env);
    upload_finish(&up, text, LENGTH);
    CHECK_INT(httpd_env_spool_count(up.env), 0);
}

static void destination_appears_then_cancel(void)
{
    upload_t up = upload_begin(NULL, path);

    send_all(&up);
    files_write(httpd_env_path(up.env, path), "older", 5);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 403, "0x80070005");
    CHECK_ANSWER(wire_cancel(wire_connect(up.env), path, up.id), 200, NULL);
    upload_check_file(&up, "older", 5);
}

static void overwrite(void)
{
    httpd_env_options_t options = {.directory = "BGUploadAllowOverwrites On\n"};
    httpd_env_t *env = httpd_env_start(&options);
    upload_t up;

    files_write(httpd_env_path(env, path), "older", 5);
    up = upload_another(env, path);
    send_all(&up);
    upload_check_file(&up, "older", 5);
    upload_finish(&up, text, LENGTH);
}

static void two_sessions_of_one_file(void)
{
    upload_t up = upload_begin(NULL, path);
    upload_t other = upload_another(up.env, path);

    send_all(&up);
    CHECK_NEXT(wire_fragment(other.wire, path, other.id, "other", 0, 5, 5), 200, 5);
    upload_finish(&up, text, LENGTH);
    CHECK_ANSWER(wire_close(other.wire, path, other.id), 403, "0x80070005");
    upload_check_file(&up, text, LENGTH);
    CHECK_ANSWER(wire_cancel(wire_connect(up.env), path, other.id), 200, NULL);
}

static void folder_vanishes(void)
{
    const char *inside = "/upload/folder/a.txt";
    httpd_env_t *env = httpd_env_start(NULL);
    upload_t up;

    files_mkdir(httpd_env_path(env, "/upload/folder"), 0755);
    up = upload_another(env, inside);
    CHECK_NEXT(wire_fragment(up.wire, inside, up.id, text, 0, LENGTH, LENGTH), 200, LENGTH);
    REQUIRE(rmdir(httpd_env_path(env, "/upload/folder")) == 0);
    CHECK_ANSWER(wire_close(up.wire, inside, up.id), 404, "0x80070003");
    files_mkdir(httpd_env_path(env, "/upload/folder"), 0755);
    up.wire = wire_connect(env);
    upload_finish(&up, text, LENGTH);
}

static void on_last_fragment(void)
{
    httpd_env_options_t options = {.directory = "BGUploadCommit OnLastFragment\n"};
    upload_t up = upload_begin(&options, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, text, 0, 5, LENGTH), 200, 5);
    CHECK(!files_exists(httpd_env_path(up.env, path)));
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, text, 5, LENGTH - 5, LENGTH), 200, LENGTH);
    upload_check_file(&up, text, LENGTH);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, text, 5, LENGTH - 5, LENGTH), 200, LENGTH);
    upload_finish(&up, text, LENGTH);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
}

static void on_last_fragment_cancel(void)
{
    httpd_env_options_t options = {.directory = "BGUploadCommit OnLastFragment\n"};
    upload_t up = upload_begin(&options, path);

    send_all(&up);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    upload_check_file(&up, text, LENGTH);
}

static void on_last_fragment_empty(void)
{
    httpd_env_options_t options = {.directory = "BGUploadCommit OnLastFragment\n"};
    upload_t up = upload_begin(&options, path);

    upload_finish(&up, "", 0);
}

/** A folder in the memory file system, which is another one than that of most temporary folders.
 * Removed with the pool. */
/** The size that a file has when it is first seen. */
struct sighting {
    const char *file;
    long long size;
};

static int is_seen(void *baton)
{
    struct sighting *sighting = baton;

    sighting->size = files_size(sighting->file);
    return sighting->size >= 0;
}

static void never_half_a_file(void)
{
    const char *spool = files_other_file_system(httpd_env_pool());
    const long long length = 40 * 1024 * 1024;
    const char *file = files_noise((size_t)length, 15, httpd_env_pool());
    httpd_env_options_t options = {0};
    struct sighting sighting;
    upload_t up;

    if (spool == NULL) {
        check_skip("no /dev/shm");
        return;
    }
    options.directory = apr_pstrcat(httpd_env_pool(), "BGUploadSpool \"", spool, "\"\n", NULL);
    up = upload_begin(&options, path);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, (size_t)length, length), 200, length);
    sighting.file = httpd_env_path(up.env, path);
    wire_send(up.wire,
              "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\nBITS-Packet-Type: Close-Session\r\n"
              "BITS-Session-Id: %s\r\n\r\n",
              path, up.id);
    CHECK(check_wait(is_seen, &sighting, HTTPD_ENV_DEADLINE));
    CHECK_INT(sighting.size, length);
    CHECK_ANSWER(wire_read(up.wire), 200, NULL);
    upload_check_file(&up, file, (size_t)length);
    CHECK_INT(files_count(httpd_env_path(up.env, "/upload")), 1);
    CHECK_INT(files_count(spool), 0);
}

static void bytes_vanish(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, text, 0, 5, LENGTH), 200, 5);
    REQUIRE(unlink(upload_spool_file(&up)) == 0);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, text, 5, LENGTH - 5, LENGTH), 416, 0);
    /* The client goes on from there. */
    send_all(&up);
    upload_finish(&up, text, LENGTH);
}

static void bytes_vanish_when_complete(void)
{
    upload_t up = upload_begin(NULL, path);

    httpd_env_expect(up.env, "bytes lost");
    send_all(&up);
    REQUIRE(unlink(upload_spool_file(&up)) == 0);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 404, "0x80070002");
    CHECK(!files_exists(httpd_env_path(up.env, path)));
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, text, 5, LENGTH - 5, LENGTH), 416, 0);
    send_all(&up);
    upload_finish(&up, text, LENGTH);
}

static void bytes_vanish_and_come_in_part(void)
{
    upload_t up = upload_begin(NULL, path);

    send_all(&up);
    REQUIRE(unlink(upload_spool_file(&up)) == 0);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, text, 0, 5, LENGTH), 200, 5);
    /* It is no longer complete, so this Close is an early one. */
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    CHECK(!files_exists(httpd_env_path(up.env, path)));
    CHECK_INT(httpd_env_spool_count(up.env), 0);
}

void suite_close(void)
{
    static const suite_test_t tests[] = {
        {"commit", commit},
        {"BGUploadFileMode", file_mode},
        {"repeated, never commits twice", repeated_close},
        {"early: nothing is published", early_close},
        {"after a cancel", close_after_cancel},
        {"the destination appears after Create-Session", destination_appears},
        {"the destination appears, then cancel", destination_appears_then_cancel},
        {"overwrites allowed", overwrite},
        {"two sessions of one file", two_sessions_of_one_file},
        {"the destination's folder vanishes", folder_vanishes},
        {"OnLastFragment", on_last_fragment},
        {"OnLastFragment, then cancel", on_last_fragment_cancel},
        {"OnLastFragment, empty file", on_last_fragment_empty},
        {"nobody sees half a file", never_half_a_file},
        {"the bytes vanish half-way", bytes_vanish},
        {"the bytes vanish when complete", bytes_vanish_when_complete},
        {"the bytes vanish and come again in part", bytes_vanish_and_come_in_part},
    };

    SUITE_ADD("close", tests);
}
