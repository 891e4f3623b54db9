/* SPDX-License-Identifier: Apache-2.0 */

#include "protocol.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header.h"

const protocol_t *protocol_find(const char *name)
{
    static const protocol_t *const all[] = {&protocol_bits, &protocol_reply, &protocol_open,
                                            &protocol_put,  &protocol_get,   &protocol_tus};
    size_t i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}

/** Take note of what was printed behind the head so far. */
static void printed(request_t *request, int length)
{
    if (length < 0 || (size_t)length >= sizeof(request->head) - request->head_length) {
        fprintf(stderr, "load: the head of a request is too long\n");
        exit(2);
    }
    request->head_length += (size_t)length;
}

void protocol_header(request_t *request, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printed(request, vsnprintf(request->head + request->head_length,
                               sizeof(request->head) - request->head_length, format, args));
    va_end(args);
    protocol_end(request);
}

void protocol_end(request_t *request)
{
    printed(request, snprintf(request->head + request->head_length,
                              sizeof(request->head) - request->head_length, "\r\n"));
}

void protocol_begin(request_t *request, kind_e kind, const char *method, const char *url,
                    uint64_t length)
{
    request->kind = kind;
    request->head_length = 0;
    request->offset = 0;
    request->length = length;
    protocol_header(request, "%s %s HTTP/1.1", method, url);
    protocol_header(request, "Host: 127.0.0.1");
    protocol_header(request, "Accept: */*");
    protocol_header(request, "User-Agent: Microsoft BITS/7.8");
    protocol_header(request, "Content-Length: %" PRIu64, length);
}

void protocol_url(const upload_t *upload, char *url, size_t size)
{
    snprintf(url, size, "%s%" PRIu64, upload->plan->path, upload->file);
}

uint64_t protocol_fragment(const upload_t *upload)
{
    uint64_t left = upload->plan->size - upload->sent;

    return left < upload->plan->fragment ? left : upload->plan->fragment;
}

int protocol_note_url(upload_t *upload, const answer_t *answer, const char *header)
{
    char url[sizeof(upload->told)];
    const char *path;

    if (!header_value(answer->head, header, url, sizeof(url))) {
        return 0;
    }
    path = strstr(url, "://");
    path = path != NULL ? strchr(path + 3, '/') : NULL;
    if (path == NULL) {
        return 0;
    }
    memcpy(upload->told, path, strlen(path) + 1);
    return 1;
}
