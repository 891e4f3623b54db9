/* SPDX-License-Identifier: Apache-2.0 */

/* Requests of plain HTTP, to compare with: PUT for uploads, GET for connections that are only kept
 * open. */

#include "protocol.h"

static int next_put(upload_t *upload, request_t *request)
{
    char url[256];

    if (upload->step > 0) {
        return 0;
    }
    protocol_url(upload, url, sizeof(url));
    protocol_begin(request, KIND_PUT, "PUT", url, upload->plan->size);
    protocol_end(request);
    return 1;
}

static const char *judge_put(upload_t *upload, const request_t *request, const answer_t *answer)
{
    upload->step++;
    upload->sent = request->length;
    return answer->status == 201 ? NULL : "PUT is not answered by 201";
}

static int next_get(upload_t *upload, request_t *request)
{
    if (upload->step == 2) {
        return 0;
    }
    protocol_begin(request, KIND_GET, "GET", upload->plan->path, 0);
    protocol_end(request);
    return 1;
}

static const char *judge_get(upload_t *upload, const request_t *request, const answer_t *answer)
{
    (void)request;
    upload->step++;
    return answer->status == 200 ? NULL : "GET is not answered by 200";
}

const protocol_t protocol_put = {"put", next_put, judge_put, 1};
const protocol_t protocol_get = {"get", next_get, judge_get, 0};
