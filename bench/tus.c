/* SPDX-License-Identifier: Apache-2.0 */

/* Requests of tus 1.0.0, another protocol for uploads that can be resumed, to compare with. */

#include "protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "header.h"

/** The steps of an upload, in their order. */
enum { STEP_CREATE, STEP_PATCH, STEP_DONE };

/** Most bytes of a file's name, with the zero, and of its Base64. */
#define NAME_SIZE 24
#define CODE_SIZE 33

/** Encode a name in Base64. */
static void encode(const char name[NAME_SIZE], char code[CODE_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strlen(name);
    size_t i;

    for (i = 0; i < length; i += 3) {
        size_t count = length - i < 3 ? length - i : 3;
        unsigned char bytes[3] = {0};

        memcpy(bytes, name + i, count);
        *code++ = digits[bytes[0] >> 2];
        *code++ = digits[(bytes[0] & 3) << 4 | bytes[1] >> 4];
        *code++ = count > 1 ? digits[(bytes[1] & 15) << 2 | bytes[2] >> 6] : '=';
        *code++ = count > 2 ? digits[bytes[2] & 63] : '=';
    }
    *code = '\0';
}

/** The server gives the upload its URL, so the metadata has to say what the file is called. */
static void create(const upload_t *upload, request_t *request)
{
    char name[NAME_SIZE];
    char code[CODE_SIZE];

    snprintf(name, sizeof(name), "%" PRIu64, upload->file);
    encode(name, code);
    protocol_begin(request, KIND_CREATE, "POST", upload->plan->path, 0);
    protocol_header(request, "Tus-Resumable: 1.0.0");
    protocol_header(request, "Upload-Length: %" PRIu64, upload->plan->size);
    protocol_header(request, "Upload-Metadata: filename %s", code);
    protocol_end(request);
}

static void patch(const upload_t *upload, request_t *request)
{
    protocol_begin(request, KIND_FRAGMENT, "PATCH", upload->told, protocol_fragment(upload));
    request->offset = upload->sent;
    protocol_header(request, "Tus-Resumable: 1.0.0");
    protocol_header(request, "Upload-Offset: %" PRIu64, upload->sent);
    protocol_header(request, "Content-Type: application/offset+octet-stream");
    protocol_end(request);
}

static int next(upload_t *upload, request_t *request)
{
    switch (upload->step) {
    case STEP_CREATE:
        create(upload, request);
        return 1;
    case STEP_PATCH:
        patch(upload, request);
        return 1;
    default:
        return 0;
    }
}

static const char *judge_create(upload_t *upload, const answer_t *answer)
{
    upload->step = STEP_PATCH;
    if (answer->status != 201) {
        return "POST is not answered by 201";
    }
    return protocol_note_url(upload, answer, "Location") ? NULL
                                                         : "the creation brings no absolute URL";
}

static const char *judge_patch(upload_t *upload, const request_t *request, const answer_t *answer)
{
    uint64_t offset;

    if (answer->status != 204) {
        return "PATCH is not answered by 204";
    }
    if (!header_number(answer->head, "Upload-Offset", &offset) ||
        offset != request->offset + request->length) {
        return "the server does not have the whole fragment";
    }
    upload->sent = offset;
    if (offset == upload->plan->size) {
        upload->step = STEP_DONE;
    }
    return NULL;
}

static const char *judge(upload_t *upload, const request_t *request, const answer_t *answer)
{
    return request->kind == KIND_CREATE ? judge_create(upload, answer)
                                        : judge_patch(upload, request, answer);
}

const protocol_t protocol_tus = {"tus", next, judge, 1};
