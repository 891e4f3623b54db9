/* SPDX-License-Identifier: Apache-2.0 */

/* The course of an upload-reply: who asks the application, and the ends that a session may find
 * before, while and after it is asked (protocol: life of a session, upload-reply). */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "reply.h"

static const char file[] = "1234567890";
enum { LENGTH = 10, REPLY_LENGTH = 900, CROWD = 8 };

/** All that an application can do at once: a reply, and a file to be published. */
#define COPY "HTTP/1.1 200 OK\nBITS-Copy-File-To-Destination: yes\n"
static const backend_plan_t takes_its_time = {.answer = COPY,
                                              .body = REPLY_LENGTH,
                                              .file = BACKEND_FILE,
                                              .file_size = REPLY_LENGTH,
                                              .held = 1};

/** The same at once. */
static backend_plan_t quick(void)
{
    backend_plan_t plan = takes_its_time;

    plan.held = 0;
    return plan;
}

/** An upload about which the application is being asked. */
static reply_t asking(const char *by, const char *lines)
{
    reply_t reply = reply_begin_lines(by, lines);

    backend_tell(reply.backend, &takes_its_time);
    reply_ask(&reply.up, file, LENGTH);
    backend_await(reply.backend, 1);
    return reply;
}

/** The last byte again, while another request may be asking: an error is the server's. */
static const wire_answer_t *last_byte(const upload_t *up)
{
    return wire_fragment(wire_connect(up->env), up->path, up->id, file, LENGTH - 1, 1, LENGTH);
}

static void retries_meanwhile(void)
{
    reply_t reply = asking("Reference", NULL);
    const wire_answer_t *answer;
    const char *url;
    int i;

    for (i = 0; i < CROWD; i++) {
        answer = last_byte(&reply.up);
        CHECK_ANSWER(answer, 503, "0x80070020");
        CHECK_STR(wire_header(answer, "Retry-After"), "5");
        REQUIRE(answer->status == 503);
    }
    backend_release(reply.backend);
    answer = wire_read(reply.up.wire);
    CHECK_NEXT(answer, 200, LENGTH);
    reply_check_url(&reply.up, answer, 1);
    url = wire_header(answer, "BITS-Reply-URL");
    for (i = 0; i < 3; i++) {
        answer = last_byte(&reply.up);
        CHECK_NEXT(answer, 200, LENGTH);
        CHECK_STR(wire_header(answer, "BITS-Reply-URL"), url);
    }
    CHECK_INT(backend_count(reply.backend), 1);
    upload_finish(&reply.up, file, LENGTH);
}

/** All send the last byte at the same time. */
static void crowd(void)
{
    reply_t reply = reply_begin_lines("Value", NULL);
    upload_t *up = &reply.up;
    wire_t *wires[CROWD];
    backend_plan_t plan = quick();
    int accepted = 0;
    int i;

    plan.delay = 300;
    backend_tell(reply.backend, &plan);
    CHECK_NEXT(wire_fragment(up->wire, up->path, up->id, file, 0, LENGTH - 1, LENGTH), 200,
               LENGTH - 1);
    for (i = 0; i < CROWD; i++) {
        wires[i] = wire_connect(up->env);
        wire_fragment_head(wires[i], up->path, up->id, LENGTH - 1, 1, LENGTH);
    }
    for (i = 0; i < CROWD; i++) {
        wire_send_bytes(wires[i], file + LENGTH - 1, 1);
    }
    for (i = 0; i < CROWD; i++) {
        const wire_answer_t *answer = wire_read(wires[i]);

        if (answer->status == 503) {
            CHECK_ANSWER(answer, 503, "0x80070020");
            CHECK_STR(wire_header(answer, "Retry-After"), "5");
        } else {
            CHECK_NEXT(answer, 200, LENGTH);
            reply_check_url(up, answer, 1);
            accepted++;
        }
    }
    CHECK(accepted >= 1);
    CHECK_INT(backend_count(reply.backend), 1);
    upload_finish(up, file, LENGTH);
}

/** Nobody ever hears of a reply, and nothing was published. */
static void check_nothing(const reply_t *reply)
{
    CHECK_INT(reply_status(reply->up.env, "GET", reply_path(&reply->up), NULL), 404);
    CHECK(!files_exists(httpd_env_path(reply->up.env, reply->up.path)));
    httpd_env_await_spool(reply->up.env, 0);
}

/** The late answer of an application, to a session that has ended in the meantime. */
static void answer_late(reply_t *reply)
{
    backend_release(reply->backend);
    backend_await_answered(reply->backend, 0);
    CHECK_ANSWER(wire_read(reply->up.wire), 500, "0x8020001F");
    check_nothing(reply);
    CHECK_INT(backend_count(reply->backend), 1);
}

static void cancel_meanwhile(const char *by)
{
    reply_t reply = asking(by, NULL);

    CHECK_ANSWER(wire_cancel(wire_connect(reply.up.env), reply.up.path, reply.up.id), 200, NULL);
    CHECK_INT(reply_status(reply.up.env, "GET", reply_path(&reply.up), NULL), 404);
    answer_late(&reply);
    CHECK_ANSWER(last_byte(&reply.up), 500, "0x8020001F");
}

static void cancel_by_reference(void)
{
    cancel_meanwhile("Reference");
}

static void cancel_by_value(void)
{
    cancel_meanwhile("Value");
}

/** Closed before the application has said anything. */
static void close_meanwhile(void)
{
    reply_t reply = asking("Value", NULL);

    CHECK_ANSWER(wire_close(wire_connect(reply.up.env), reply.up.path, reply.up.id), 200, NULL);
    answer_late(&reply);
    CHECK_ANSWER(wire_close(wire_connect(reply.up.env), reply.up.path, reply.up.id), 200, NULL);
}

/** Closed without a last fragment, after a refusal, and without a fragment at all. */
static void close_early(void)
{
    reply_t reply = reply_begin_lines("Reference", NULL);
    upload_t *up = &reply.up;

    CHECK_NEXT(wire_fragment(up->wire, up->path, up->id, file, 0, 5, LENGTH), 200, 5);
    CHECK_ANSWER(wire_close(up->wire, up->path, up->id), 200, NULL);
    check_nothing(&reply);
    CHECK_INT(backend_count(reply.backend), 0);
    backend_tell(reply.backend, &(backend_plan_t){.answer = "HTTP/1.1 500 Oh\n"});
    *up = upload_another(up->env, up->path);
    CHECK_ANSWER(reply_send(up, file, LENGTH), 500, "0x801901F4");
    CHECK_ANSWER(wire_close(wire_connect(up->env), up->path, up->id), 200, NULL);
    check_nothing(&reply);
    *up = upload_another(up->env, up->path);
    CHECK_ANSWER(wire_close(up->wire, up->path, up->id), 200, NULL);
    check_nothing(&reply);
    CHECK_INT(backend_count(reply.backend), 1);
}

static void cancel_after(void)
{
    reply_t reply = reply_begin_lines("Value", NULL);
    backend_plan_t plan = quick();

    backend_tell(reply.backend, &plan);
    CHECK_NEXT(reply_send(&reply.up, file, LENGTH), 200, LENGTH);
    reply_check_bytes(&reply.up, REPLY_LENGTH);
    CHECK_ANSWER(wire_cancel(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
    check_nothing(&reply);
}

/** The time runs out after the answer, and (for another one) while the application works. */
static void timeouts(void)
{
    httpd_env_options_t options = {.server = "BGUploadCleanupInterval 1s\n",
                                   .directory = "BGUploadSessionTimeout 1s\n"};
    reply_t reply = reply_begin("Value", &options);
    upload_t working = upload_another(reply.up.env, "/upload/b.bin");
    backend_plan_t plan = quick();

    backend_tell(reply.backend, &takes_its_time);
    reply_ask(&working, file, LENGTH);
    backend_await(reply.backend, 1);
    /* What is told later holds for what comes later. */
    backend_tell(reply.backend, &plan);
    CHECK_NEXT(reply_send(&reply.up, file, LENGTH), 200, LENGTH);
    httpd_env_await_log(reply.up.env, 0, "timed out");
    CHECK_INT(reply_status(reply.up.env, "GET", reply_path(&reply.up), NULL), 404);
    CHECK(!files_exists(httpd_env_path(reply.up.env, reply.up.path)));
    backend_release(reply.backend);
    backend_await_answered(reply.backend, 0);
    CHECK(wire_read_any(working.wire)->status != 0);
    reply.up = working;
    httpd_env_await_spool(working.env, 0);
    check_nothing(&reply);
}

/** The client goes away while the application works, and comes back. */
static void client_goes(void)
{
    reply_t reply = asking("Value", NULL);
    upload_t *up = &reply.up;

    wire_reset(up->wire);
    CHECK_ANSWER(last_byte(up), 503, "0x80070020");
    backend_release(reply.backend);
    backend_await_answered(reply.backend, 0);
    httpd_env_await_log(up->env, 0, "complete");
    up->wire = wire_connect(up->env);
    CHECK_NEXT(reply_again(up, file, LENGTH), 200, LENGTH);
    CHECK_INT(backend_count(reply.backend), 1);
    reply_check_bytes(up, REPLY_LENGTH);
    upload_finish(up, file, LENGTH);
}

/** The older description: what is to be published is published before the last fragment's 200. */
static void on_last_fragment(void)
{
    reply_t reply = reply_begin_lines("Reference", "BGUploadCommit OnLastFragment\n"
                                                   "BGUploadAllowOverwrites On\n");
    upload_t *up = &reply.up;
    backend_plan_t plan = quick();
    int i;

    for (i = 0; i < 2; i++) {
        const wire_answer_t *answer;

        backend_tell(reply.backend, &plan);
        answer = reply_send(up, file, LENGTH);
        CHECK_NEXT(answer, 200, LENGTH);
        reply_check_url(up, answer, 1);
        upload_check_file(up, file, LENGTH);
        reply_check_bytes(up, REPLY_LENGTH);
        answer = reply_again(up, file, LENGTH);
        CHECK_NEXT(answer, 200, LENGTH);
        reply_check_url(up, answer, 1);
        /* Either end drops the reply and leaves the file. */
        answer = i == 0 ? wire_close(up->wire, up->path, up->id)
                        : wire_cancel(up->wire, up->path, up->id);
        CHECK_ANSWER(answer, 200, NULL);
        CHECK_INT(reply_status(up->env, "GET", reply_path(up), NULL), 404);
        upload_check_file(up, file, LENGTH);
        CHECK_INT(httpd_env_spool_count(up->env), 0);
        *up = upload_another(up->env, up->path);
    }
    CHECK_INT(backend_count(reply.backend), 2);
    CHECK_ANSWER(wire_cancel(up->wire, up->path, up->id), 200, NULL);
}

static void on_last_fragment_without_copy(void)
{
    reply_t reply = reply_begin_lines("Value", "BGUploadCommit OnLastFragment\n");

    backend_tell(reply.backend, &(backend_plan_t){.body = REPLY_LENGTH});
    CHECK_NEXT(reply_send(&reply.up, file, LENGTH), 200, LENGTH);
    CHECK(!files_exists(httpd_env_path(reply.up.env, reply.up.path)));
    reply_check_bytes(&reply.up, REPLY_LENGTH);
    CHECK_ANSWER(wire_close(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
    check_nothing(&reply);
}

void suite_reply_life(void)
{
    static const suite_test_t tests[] = {
        {"retries while the application works", retries_meanwhile},
        {"many last fragments at once", crowd},
        {"Cancel while it works, by reference", cancel_by_reference},
        {"Cancel while it works, by value", cancel_by_value},
        {"Close while it works", close_meanwhile},
        {"Close before it was asked, or after it refused", close_early},
        {"Cancel after it accepted", cancel_after},
        {"timeouts", timeouts},
        {"the client goes and comes back", client_goes},
        {"OnLastFragment with a copy", on_last_fragment},
        {"OnLastFragment without", on_last_fragment_without_copy},
    };

    SUITE_ADD("reply_life", tests);
}
