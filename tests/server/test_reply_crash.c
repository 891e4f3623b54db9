/* SPDX-License-Identifier: Apache-2.0 */

/* kill -9 of httpd anywhere around the notification: the client's retry ends well. */

#include "suites.h"

#include <apr_strings.h>

#include "files.h"
#include "reply.h"

static const char file[] = "1234567890";
enum { LENGTH = 10, REPLY_LENGTH = 300000 };

static const backend_plan_t replies = {.answer = "HTTP/1.1 200 OK\n"
                                                 "BITS-Copy-File-To-Destination: yes\n",
                                       .body = REPLY_LENGTH,
                                       .file = BACKEND_FILE,
                                       .file_size = REPLY_LENGTH};

/** Crash the server, start it again and retry the last fragment. */
static void crash_and_retry(reply_t *reply)
{
    const wire_answer_t *answer;

    httpd_env_kill(reply->up.env);
    backend_release(reply->backend);
    httpd_env_resume(reply->up.env);
    reply->up.wire = wire_connect(reply->up.env);
    answer = reply_again(&reply->up, file, LENGTH);
    CHECK_NEXT(answer, 200, LENGTH);
    reply_check_url(&reply->up, answer, 1);
    reply_check_bytes(&reply->up, REPLY_LENGTH);
}

static void while_it_works(const char *by)
{
    reply_t reply = reply_begin_lines(by, NULL);
    backend_plan_t plan = replies;

    plan.held = 1;
    backend_tell(reply.backend, &plan);
    reply_ask(&reply.up, file, LENGTH);
    backend_await(reply.backend, 1);
    crash_and_retry(&reply);
    CHECK_INT(backend_count(reply.backend), 2);
    CHECK_STR(backend_header(backend_request(reply.backend, 1), "BITS-Session-Id"),
              backend_header(backend_request(reply.backend, 0), "BITS-Session-Id"));
    upload_finish(&reply.up, file, LENGTH);
}

static void by_reference(void)
{
    while_it_works("Reference");
}

static void by_value(void)
{
    while_it_works("Value");
}

static void after_its_success(void)
{
    reply_t reply = reply_begin_lines("Value", NULL);

    backend_tell(reply.backend, &replies);
    CHECK_NEXT(reply_send(&reply.up, file, LENGTH), 200, LENGTH);
    crash_and_retry(&reply);
    CHECK_INT(backend_count(reply.backend), 1);
    upload_finish(&reply.up, file, LENGTH);
}

static void after_its_refusal(void)
{
    reply_t reply = reply_begin_lines("Value", NULL);

    backend_tell(reply.backend, &(backend_plan_t){.answer = "HTTP/1.1 403 No\n"});
    CHECK_ANSWER(reply_send(&reply.up, file, LENGTH), 403, "0x80190193");
    httpd_env_kill(reply.up.env);
    httpd_env_resume(reply.up.env);
    reply.up.wire = wire_connect(reply.up.env);
    CHECK_ANSWER(reply_again(&reply.up, file, LENGTH), 403, "0x80190193");
    CHECK_INT(backend_count(reply.backend), 1);
    CHECK_ANSWER(wire_cancel(wire_connect(reply.up.env), reply.up.path, reply.up.id), 200, NULL);
}

/** Somewhere between the application's answer and the client's. */
static void about_its_answer(void)
{
    reply_t reply = reply_begin_lines("Value", NULL);
    int i;

    backend_tell(reply.backend, &replies);
    for (i = 0; i < 3; i++) {
        int count = backend_count(reply.backend);

        if (i > 0) {
            reply.up = upload_another(reply.up.env, httpd_env_format("/upload/%d.bin", i));
        }
        reply_ask(&reply.up, file, LENGTH);
        backend_await(reply.backend, count + 1);
        if (i > 0) {
            backend_await_answered(reply.backend, count);
        }
        crash_and_retry(&reply);
        CHECK(backend_count(reply.backend) <= count + 2);
        upload_finish(&reply.up, file, LENGTH);
    }
}

/** The session is cancelled instead of being retried: nothing is left of half a notification. */
static void cancelled_then(void)
{
    reply_t reply = reply_begin_lines("Reference", NULL);
    backend_plan_t plan = replies;

    plan.held = 1;
    backend_tell(reply.backend, &plan);
    reply_ask(&reply.up, file, LENGTH);
    backend_await(reply.backend, 1);
    httpd_env_kill(reply.up.env);
    backend_release(reply.backend);
    backend_await_answered(reply.backend, 0);
    httpd_env_resume(reply.up.env);
    CHECK_ANSWER(wire_cancel(wire_connect(reply.up.env), reply.up.path, reply.up.id), 200, NULL);
    CHECK_INT(httpd_env_spool_count(reply.up.env), 0);
    CHECK(!files_exists(httpd_env_path(reply.up.env, reply.up.path)));
}

void suite_reply_crash(void)
{
    static const suite_test_t tests[] = {
        {"kill -9 while the application works, by reference", by_reference},
        {"kill -9 while the application works, by value", by_value},
        {"kill -9 after it accepted", after_its_success},
        {"kill -9 after it refused for good", after_its_refusal},
        {"kill -9 about its answer", about_its_answer},
        {"kill -9 while it works, then Cancel", cancelled_then},
    };

    SUITE_ADD("reply_crash", tests);
}
