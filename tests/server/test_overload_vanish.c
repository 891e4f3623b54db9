/* SPDX-License-Identifier: Apache-2.0 */

/* Clients that vanish at any point, and a process that has no descriptor left. */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "overload.h"
#include "upload.h"

/** Bytes of each file, and of the part that comes before the client vanishes. */
enum { LENGTH = 1000, SENT = 400 };

/** Clients that vanish at each point. */
enum { CLIENTS = 8 };

/** Most descriptors of a process that shall run out of them. */
enum { DESCRIPTORS = 64 };

static const char head[] = "BITS_POST /upload/x HTTP/1.1\r\nHost: x\r\n";
static const char create[] = "BITS-Packet-Type: Create-Session\r\n"
                             "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n\r\n";

/** What a client does before it vanishes. It has a session, and may use up->wire. */
typedef void (*act_t)(const upload_t *up, const char *file);

static void connect_only(const upload_t *up, const char *file)
{
    (void)up;
    (void)file;
}

static void half_a_head(const upload_t *up, const char *file)
{
    (void)file;
    wire_send_bytes(up->wire, head, strlen(head) / 2);
}

/** The answer, and with it the new session's id, is lost. */
static void create_unread(const upload_t *up, const char *file)
{
    (void)file;
    wire_send(up->wire, "%s%s", head, create);
}

static void fragment_head(const upload_t *up, const char *file)
{
    (void)file;
    wire_fragment_head(up->wire, up->path, up->id, 0, LENGTH, LENGTH);
}

static void half_a_body(const upload_t *up, const char *file)
{
    fragment_head(up, file);
    wire_send_bytes(up->wire, file, SENT);
}

static void fragment_unread(const upload_t *up, const char *file)
{
    fragment_head(up, file);
    wire_send_bytes(up->wire, file, LENGTH);
}

/** Everything, one behind the other, and not one answer is read. */
static void close_unread(const upload_t *up, const char *file)
{
    fragment_unread(up, file);
    wire_send(up->wire,
              "BITS_POST %s HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Close-Session\r\n"
              "BITS-Session-Id: %s\r\n\r\n",
              up->path, up->id);
}

/** Every point at which a client may vanish. */
static const act_t acts[] = {connect_only, half_a_head,     create_unread, fragment_head,
                             half_a_body,  fragment_unread, close_unread};
enum { ACTS = sizeof(acts) / sizeof(acts[0]) };

/** Half of them are killed, half of them end. */
static void vanish(const upload_t *up, int number)
{
    if (number % 2 == 0) {
        wire_reset(up->wire);
    } else {
        wire_disconnect(up->wire);
    }
}

/** Another client takes a session over that somebody left anywhere, and brings it to its end. */
static void check_takes_over(upload_t *up, const char *file)
{
    up->wire = wire_connect(up->env);
    if (!files_exists(httpd_env_path(up->env, up->path))) {
        CHECK_NEXT(wire_fragment(up->wire, up->path, up->id, file, 0, LENGTH, LENGTH), 200, LENGTH);
    }
    upload_finish(up, file, LENGTH);
    wire_disconnect(up->wire);
}

/** Clients come, do something, and vanish; all at once. */
static void come_and_vanish(httpd_env_t *env, upload_t *ups, act_t act, const char *file)
{
    for (int i = 0; i < CLIENTS; i++) {
        static int number;

        ups[i] = upload_another(env, httpd_env_format("/upload/%d", number++));
    }
    for (int i = 0; i < CLIENTS; i++) {
        act(&ups[i], file);
    }
    for (int i = 0; i < CLIENTS; i++) {
        vanish(&ups[i], i);
    }
}

/** Nothing stays open, no lock is left, no session is stuck. */
static void anywhere(void)
{
    httpd_env_options_t options = {.server = OVERLOAD_ONE_CHILD,
                                   .directory = "BGUploadMaxSessionsPerUser 0\n"};
    httpd_env_t *env = httpd_env_start(&options);
    const char *file = files_noise(LENGTH, 70, httpd_env_pool());
    pid_t child = overload_child(env);
    int sockets = overload_open(env, child).sockets;
    const int rounds = overload_scaled(5);
    upload_t ups[CLIENTS];

    for (int round = 0; round < rounds; round++) {
        for (int k = 0; k < ACTS; k++) {
            come_and_vanish(env, ups, acts[k], file);
            overload_await_closed(env, child, sockets);
            for (int i = 0; i < CLIENTS; i++) {
                check_takes_over(&ups[i], file);
            }
        }
    }
    overload_await_closed(env, child, sockets);
    CHECK(overload_empty_log(env));
    CHECK_INT(overload_child(env), child);
}

/** Take all descriptors of a process, with connections that are kept alive. Returns their number.
 */
static int take_descriptors(const upload_t *up, pid_t child, wire_t *idle[])
{
    int count = 0;

    while (overload_open(up->env, child).lowest < DESCRIPTORS) {
        REQUIRE(count < DESCRIPTORS);
        idle[count] = wire_connect(up->env);
        wire_after(idle[count++], up->path, WIRE_KEPT);
    }
    return count;
}

/** A request that cannot open its file is told to come again, and can when there is room. (httpd
 * itself answers 403 where it cannot look for a .htaccess.) */
static void no_descriptor(void)
{
    const httpd_env_options_t options = {.descriptor_limit = DESCRIPTORS,
                                         .server = OVERLOAD_ONE_CHILD
                                         "KeepAliveTimeout 300\nAsyncRequestWorkerFactor 64\n"
                                         "<Directory />\nAllowOverride None\n</Directory>\n"};
    upload_t up = upload_begin(&options, "/upload/a");
    const char *file = files_noise(LENGTH, 71, httpd_env_pool());
    pid_t child = overload_child(up.env);
    wire_t *idle[DESCRIPTORS];
    int count;

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, SENT, LENGTH), 200, SENT);
    count = take_descriptors(&up, child, idle);
    CHECK(count > 0);
    httpd_env_expect(up.env, "Too many open files");
    CHECK_ANSWER(wire_fragment(up.wire, up.path, up.id, file, SENT, 100, LENGTH), 500,
                 "0x8007045D");
    while (count > 0) {
        wire_disconnect(idle[--count]);
    }
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, SENT, LENGTH - SENT, LENGTH), 200,
               LENGTH);
    upload_finish(&up, file, LENGTH);
    CHECK_INT(overload_child(up.env), child);
}

void suite_overload_vanish(void)
{
    static const suite_test_t tests[] = {
        {"clients that vanish anywhere", anywhere},
        {"no descriptor left", no_descriptor},
    };

    SUITE_ADD("overload_vanish", tests);
}
