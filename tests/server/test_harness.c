/* SPDX-License-Identifier: Apache-2.0 */

/* The harness itself, against an httpd without mod_bgupload. */

#include "suites.h"

#include <string.h>

#include "fetch.h"
#include "files.h"
#include "wire.h"

static void serves_files(void)
{
    httpd_env_options_t options = {.stock = 1};
    httpd_env_t *env = httpd_env_start(&options);
    wire_t *wire = wire_connect(env);
    pid_t child;
    const wire_answer_t *answer;

    files_write(httpd_env_path(env, "/hello.txt"), "hello", 5);
    wire_send(wire, "GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    answer = wire_read_any(wire);
    CHECK_INT(answer->status, 200);
    CHECK_INT(answer->body, 5);
    CHECK(httpd_env_children(env, &child, 1) == 1);
    CHECK(httpd_env_rss(child) > 0);
}

static void comes_back(void)
{
    httpd_env_options_t options = {.stock = 1};
    httpd_env_t *env = httpd_env_start(&options);

    httpd_env_kill(env);
    httpd_env_resume(env);
    httpd_env_graceful(env);
    httpd_env_stop(env);
    httpd_env_resume(env);
    CHECK_INT(fetch(fetch_open(env, FETCH_HTTP_1, NULL), "GET", "/none", NULL, NULL, 0)->status,
              404);
}

static void refuses_configuration(void)
{
    httpd_env_options_t options = {.stock = 1, .server = "NoSuchDirective On\n"};

    CHECK_HAS(httpd_env_refused(&options), "NoSuchDirective");
    CHECK_HAS(httpd_env_failed_start(&options), "NoSuchDirective");
}

static void speaks_tls_and_http2(void)
{
    httpd_env_options_t options = {
        .stock = 1, .tls = 1, .modules = "http2", .server = "Protocols h2 http/1.1\n"};
    httpd_env_t *env;
    const fetch_answer_t *answer;

    if (!httpd_env_has_module("ssl") || !httpd_env_has_module("http2")) {
        check_skip("no mod_ssl or mod_http2");
        return;
    }
    env = httpd_env_start(&options);
    files_write(httpd_env_path(env, "/hello.txt"), "hello", 5);
    answer = fetch(fetch_open(env, FETCH_HTTP_2_TLS, NULL), "GET", "/hello.txt", NULL, NULL, 0);
    CHECK_INT(answer->status, 200);
    CHECK_INT(answer->version, 2);
    CHECK_STR(answer->body, "hello");
}

void suite_harness(void)
{
    static const suite_test_t tests[] = {
        {"serves files", serves_files},
        {"comes back after kill -9, restart and stop", comes_back},
        {"tells why a configuration was refused", refuses_configuration},
        {"speaks TLS and HTTP/2", speaks_tls_and_http2},
    };

    SUITE_ADD("harness", tests);
}
