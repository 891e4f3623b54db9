/* SPDX-License-Identifier: Apache-2.0 */

#include "traffic.h"

#include <apr_strings.h>

#include "reply.h"
#include "wire.h"

enum { LENGTH = 3000, PART = 1000 };

static const char path[] = "/plain/a.bin";
static char file[LENGTH];

httpd_env_t *traffic_server(const char *wrapper)
{
    const httpd_env_options_t options = {
        .mpm = "prefork",
        .wrapper = wrapper,
        .directory = "BGUploadSync Off\n",
        .server = "StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\nServerLimit 1\n"
                  "MaxRequestWorkers 1\n"
                  "<Directory \"{DOCROOT}/plain\">\n"
                  "BGUpload On\nBGUploadAllowOverwrites On\nBGUploadSync Off\n"
                  "BGUploadMaxFragment 10K\nBGUploadMaxSize 1M\nBGUploadMaxSessionsPerUser 0\n"
                  "</Directory>\n",
    };
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, "Value", &options);

    httpd_env_expect(env, "AH00161: server reached MaxRequestWorkers");
    backend_tell(backend, &(backend_plan_t){.body = LENGTH});
    return env;
}

/** An upload in three fragments. */
static int whole(httpd_env_t *env)
{
    wire_t *wire = wire_connect(env);

    wire_upload(wire, path, file, LENGTH, PART);
    wire_disconnect(wire);
    return 5;
}

/** An upload that skips bytes, breaks off, goes on, and is closed twice. */
static int resumed(httpd_env_t *env)
{
    upload_t up = upload_another(env, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, PART, LENGTH), 200, PART);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 2L * PART, PART, LENGTH), 416, PART);
    wire_fragment_head(up.wire, path, up.id, PART, PART, LENGTH);
    wire_send_bytes(up.wire, file + PART, PART / 2);
    wire_disconnect(up.wire);
    up.wire = wire_connect(env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, PART, 2L * PART, LENGTH), 200, LENGTH);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    wire_disconnect(up.wire);
    return 7;
}

static int cancelled(httpd_env_t *env)
{
    upload_t up = upload_another(env, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, PART, LENGTH), 200, PART);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
    wire_disconnect(up.wire);
    return 4;
}

/** An upload with a reply, which is fetched. */
static int replied(httpd_env_t *env)
{
    upload_t up = reply_uploaded(env, REPLY_PATH, file, LENGTH);

    wire_disconnect(up.wire);
    CHECK_INT(reply_status(env, "GET", reply_path(&up), NULL), 200);
    up.wire = wire_connect(env);
    CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
    wire_disconnect(up.wire);
    return 4;
}

/** One request that is refused. */
typedef struct refusal_t {
    const char *path, *type, *session, *more;
    int status;
} refusal_t;

#define PROTOCOL "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n"

static const refusal_t refusals[] = {
    {path, "Ping", NULL, NULL, 200},
    {path, "Nothing", NULL, NULL, 400},
    {path, "Create-Session", NULL, "BITS-Supported-Protocols: none\r\n", 400},
    {"/plain/none/a.bin", "Create-Session", NULL, PROTOCOL, 404},
    {"/a.bin", "Create-Session", NULL, PROTOCOL, 501},
    {path, "Close-Session", WIRE_NO_SESSION, NULL, 500},
    {path, "Cancel-Session", "{0}", NULL, 400},
    {path, "Fragment", WIRE_NO_SESSION, "Content-Range: bytes 5-4/3\r\n", 400},
};

static int refused(httpd_env_t *env)
{
    int count = (int)(sizeof(refusals) / sizeof(refusals[0]));
    int i;

    for (i = 0; i < count; i++) {
        const refusal_t *r = &refusals[i];
        wire_t *wire = wire_connect(env);
        const wire_answer_t *answer =
            wire_packet(wire, r->path, r->type, NULL,
                        apr_pstrcat(httpd_env_pool(), r->session ? "BITS-Session-Id: " : "",
                                    r->session ? r->session : "", r->session ? "\r\n" : "",
                                    r->more ? r->more : "", NULL),
                        NULL, 0);

        CHECK_INT(answer->status, r->status);
        wire_disconnect(wire);
    }
    return count;
}

int traffic_send(httpd_env_t *env, int requests)
{
    int sent = 0;

    while (sent < requests) {
        sent += whole(env) + resumed(env) + cancelled(env) + replied(env) + refused(env);
    }
    return sent;
}
