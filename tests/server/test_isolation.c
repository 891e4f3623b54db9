/* SPDX-License-Identifier: Apache-2.0 */

/* What one user learns of the sessions of another: nothing (protocol: errors, upload-reply). */

#include "suites.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "files.h"
#include "reply.h"
#include "users.h"

static const char path[] = "/upload/a.txt";
static const char other_path[] = "/upload/b.txt";

static const char *lines_of(const char *who, const char *more)
{
    return apr_pstrcat(httpd_env_pool(), who, more, NULL);
}

/** A server that knows ann and bob. */
static httpd_env_t *start(void)
{
    httpd_env_options_t options = {.modules = USERS_MODULES, .directory = USERS_LINES};
    httpd_env_t *env = httpd_env_start(&options);

    users_write(env);
    return env;
}

/** A session of ann's, with so many of five bytes. */
static const char *session_of_ann(httpd_env_t *env, const char *range)
{
    wire_t *wire = wire_connect(env);
    const char *more = lines_of(USERS_ANN, "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n");
    const wire_answer_t *answer = wire_packet(wire, path, "Create-Session", NULL, more, NULL, 0);
    const char *id = wire_header(answer, "BITS-Session-Id");

    REQUIRE(id != NULL);
    if (range != NULL) {
        more = lines_of(USERS_ANN, range);
        answer = wire_packet(wire, path, "Fragment", id, more, "12345",
                             strstr(range, "0-4") != NULL ? 5 : 2);
        CHECK_INT(answer->status, 200);
    }
    return id;
}

/** All that an answer says but for the time and the id, which is the request's own. */
static const char *said(const wire_answer_t *answer)
{
    const apr_array_header_t *headers = apr_table_elts(answer->headers);
    const char *text = httpd_env_format("%d, %ld bytes\n", answer->status, answer->body);
    int i;

    for (i = 0; i < headers->nelts; i++) {
        const apr_table_entry_t *each = &APR_ARRAY_IDX(headers, i, apr_table_entry_t);

        if (strcasecmp(each->key, "Date") != 0 && strcasecmp(each->key, "BITS-Session-Id") != 0) {
            text = apr_pstrcat(httpd_env_pool(), text, each->key, ": ", each->val, "\n", NULL);
        }
    }
    return text;
}

/** What a user hears who sends a packet of a session. */
static const char *hears(httpd_env_t *env, const char *who, const char *type, const char *url,
                         const char *id)
{
    int fragment = strcmp(type, "Fragment") == 0;

    return said(wire_packet(wire_connect(env), url, type, id,
                            lines_of(who, fragment ? "Content-Range: bytes 0-1/5\r\n" : ""),
                            fragment ? "xx" : NULL, fragment ? 2 : 0));
}

static const char *const packets[] = {"Fragment", "Close-Session", "Cancel-Session"};
enum { PACKETS = 3 };

/** At another URL a session is like one that never was, to its user and to others. */
static void at_another_url(void)
{
    httpd_env_t *env = start();
    const char *id = session_of_ann(env, "Content-Range: bytes 0-1/5\r\n");
    int i;

    for (i = 0; i < PACKETS; i++) {
        const char *unknown = hears(env, USERS_BOB, packets[i], other_path, WIRE_NO_SESSION);

        CHECK_HAS(unknown, "500");
        CHECK_STR(hears(env, USERS_BOB, packets[i], other_path, id), unknown);
        CHECK_STR(hears(env, USERS_ANN, packets[i], other_path, id), unknown);
    }
    CHECK_INT(files_size(httpd_env_path(env, other_path)), -1);
    httpd_env_expect_spool(env, 1);
}

/** At its own URL another user is refused, and does not learn how far it is. */
static void to_another_user(void)
{
    httpd_env_t *env = start();
    const char *none = session_of_ann(env, NULL);
    const char *part = session_of_ann(env, "Content-Range: bytes 0-1/5\r\n");
    const char *all = session_of_ann(env, "Content-Range: bytes 0-4/5\r\n");
    int i, round;

    for (round = 0; round < 2; round++) {
        for (i = 0; i < PACKETS; i++) {
            const char *first = hears(env, USERS_BOB, packets[i], path, none);

            CHECK_HAS(first, "403");
            CHECK(strstr(first, "Range") == NULL && strstr(first, "Reply") == NULL);
            CHECK_STR(hears(env, USERS_BOB, packets[i], path, part), first);
            CHECK_STR(hears(env, USERS_BOB, packets[i], path, all), first);
        }
        if (round == 0) {
            /* Nor that it has ended meanwhile. */
            CHECK_HAS(hears(env, USERS_ANN, "Cancel-Session", path, none), "200");
            CHECK_HAS(hears(env, USERS_ANN, "Close-Session", path, all), "200");
        }
    }
    CHECK_INT(files_size(httpd_env_path(env, path)), 5);
    httpd_env_expect_spool(env, 1);
}

/** What GET says, of httpd or of us. */
static const char *fetched(httpd_env_t *env, const char *who, const char *url)
{
    wire_t *wire = wire_connect(env);

    wire_send(wire, "GET %s HTTP/1.1\r\nHost: localhost\r\n%sConnection: close\r\n\r\n", url, who);
    return said(wire_read_any(wire));
}

/** A reply is there for its user alone; for others it is like one that never was. */
static void replies(void)
{
    httpd_env_options_t options = {.modules = USERS_MODULES, .directory = USERS_LINES};
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, "Value", &options);
    upload_t up = {env, NULL, path, NULL};
    const char *unknown = "/upload/BITS-Sessions/Replies/" WIRE_NO_SESSION "/responsefile.bin";
    const char *here;

    users_write(env);
    backend_tell(backend, &(backend_plan_t){.body = 7});
    up.id = session_of_ann(env, "Content-Range: bytes 0-4/5\r\n");
    here = reply_path(&up);
    CHECK_HAS(fetched(env, USERS_ANN, here), "200, 7 bytes");
    CHECK_HAS(fetched(env, USERS_BOB, unknown), "404");
    CHECK_STR(fetched(env, USERS_BOB, here), fetched(env, USERS_BOB, unknown));
    CHECK_STR(fetched(env, USERS_BOB, apr_pstrcat(env->pool, here, "?x", NULL)),
              fetched(env, USERS_BOB, unknown));
    CHECK_HAS(hears(env, USERS_ANN, "Cancel-Session", path, up.id), "200");
    CHECK_STR(fetched(env, USERS_ANN, here), fetched(env, USERS_BOB, unknown));
}

/** Nobody reads what is on its way, whatever the umask that the server was started with. */
static void modes(void)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    mode_t old = umask(0);
    reply_t reply = reply_begin("Value", NULL);
    const char *spool = reply.up.env->spool;
    const char *id = apr_pstrmemdup(httpd_env_pool(), reply.up.id + 1, 36);
    size_t i;

    umask(old);
    backend_tell(reply.backend, &(backend_plan_t){.body = 7});
    CHECK_NEXT(reply_send(&reply.up, "12345", 5), 200, 5);
    for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        CHECK_INT(files_mode(apr_pstrcat(httpd_env_pool(), reply.up.env->store, endings[i], NULL)),
                  0600);
    }
    CHECK_INT(files_mode(httpd_env_format("%s/%s", spool, id)), 0600);
    CHECK_INT(files_mode(httpd_env_format("%s/%s.lock", spool, id)), 0600);
    CHECK_INT(files_mode(httpd_env_format("%s/%s.reply", spool, id)), 0700);
    CHECK_INT(files_mode(httpd_env_format("%s/%s.reply/response", spool, id)), 0600);
    CHECK_ANSWER(wire_close(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
}

void suite_isolation(void)
{
    static const suite_test_t tests[] = {
        {"a session at another URL", at_another_url},
        {"a session of another user", to_another_user},
        {"a reply of another user", replies},
        {"modes of files and folders", modes},
    };

    SUITE_ADD("isolation", tests);
}
