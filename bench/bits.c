/* SPDX-License-Identifier: Apache-2.0 */

/* Requests of the BITS upload protocol, with the headers that Windows sends. */

#include "protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "header.h"
#include "reply.h"

/** The steps of an upload, in their order. */
enum { STEP_CREATE, STEP_FRAGMENT, STEP_REPLY, STEP_CLOSE, STEP_DONE };

static void begin(const upload_t *upload, request_t *request, kind_e kind, const char *packet,
                  uint64_t length)
{
    char url[256];

    protocol_url(upload, url, sizeof(url));
    protocol_begin(request, kind, "BITS_POST", url, length);
    protocol_header(request, "BITS-Packet-Type: %s", packet);
    if (kind != KIND_CREATE) {
        protocol_header(request, "BITS-Session-Id: %s", upload->session);
    }
}

static void create(const upload_t *upload, request_t *request)
{
    begin(upload, request, KIND_CREATE, "Create-Session", 0);
    protocol_header(request, "BITS-Supported-Protocols: {7df0354d-249b-430f-820d-3d2a9bef4931}");
    protocol_header(request, "Content-Name: %" PRIu64, upload->file);
    protocol_end(request);
}

static void fragment(const upload_t *upload, request_t *request)
{
    uint64_t length = protocol_fragment(upload);

    begin(upload, request, KIND_FRAGMENT, "Fragment", length);
    request->offset = upload->sent;
    protocol_header(request, "Content-Name: %" PRIu64, upload->file);
    protocol_header(request, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, upload->sent,
                    upload->sent + length - 1, upload->plan->size);
    protocol_end(request);
}

static void fetch_reply(const upload_t *upload, request_t *request)
{
    protocol_begin(request, KIND_REPLY, "GET", upload->told, 0);
    protocol_end(request);
}

static void close_session(const upload_t *upload, request_t *request)
{
    begin(upload, request, KIND_CLOSE, "Close-Session", 0);
    protocol_end(request);
}

static int next(upload_t *upload, request_t *request)
{
    switch (upload->step) {
    case STEP_CREATE:
        create(upload, request);
        return 1;
    case STEP_FRAGMENT:
        fragment(upload, request);
        return 1;
    case STEP_REPLY:
        fetch_reply(upload, request);
        return 1;
    case STEP_CLOSE:
        close_session(upload, request);
        return 1;
    default:
        return 0;
    }
}

static const char *judge_create(upload_t *upload, const answer_t *answer)
{
    upload->step = STEP_FRAGMENT;
    return header_value(answer->head, "BITS-Session-Id", upload->session, sizeof(upload->session))
               ? NULL
               : "Create-Session brings no session";
}

static const char *judge_fragment(upload_t *upload, const request_t *request,
                                  const answer_t *answer)
{
    const plan_t *plan = upload->plan;
    uint64_t wanted;

    if (!header_number(answer->head, "BITS-Received-Content-Range", &wanted) ||
        wanted != request->offset + request->length) {
        return "the server does not have the whole fragment";
    }
    upload->sent = wanted;
    if (plan->protocol == &protocol_open) {
        upload->step = STEP_DONE;
    } else if (wanted == plan->size && plan->protocol == &protocol_reply) {
        upload->step = STEP_REPLY;
        return protocol_note_url(upload, answer, "BITS-Reply-URL")
                   ? NULL
                   : "the last fragment brings no absolute URL of a reply";
    } else if (wanted == plan->size) {
        upload->step = STEP_CLOSE;
    }
    return NULL;
}

static const char *judge_reply(upload_t *upload, const answer_t *answer)
{
    char expected[REPLY_MAX];
    size_t length = reply_text(expected, upload->file, upload->plan->size);

    upload->step = STEP_CLOSE;
    return answer->length == length && memcmp(answer->body, expected, length) == 0
               ? NULL
               : "the server application got another file";
}

static const char *judge(upload_t *upload, const request_t *request, const answer_t *answer)
{
    if (answer->status != 200) {
        return "the answer is not 200";
    }
    switch (request->kind) {
    case KIND_CREATE:
        return judge_create(upload, answer);
    case KIND_FRAGMENT:
        return judge_fragment(upload, request, answer);
    case KIND_REPLY:
        return judge_reply(upload, answer);
    default:
        upload->step = STEP_DONE;
        return NULL;
    }
}

const protocol_t protocol_bits = {"bits", next, judge, 1};
const protocol_t protocol_reply = {"reply", next, judge, 0};
const protocol_t protocol_open = {"open", next, judge, 0};
