/* SPDX-License-Identifier: Apache-2.0 */

#include "plain_client.h"

/** The body of one request. */
struct body {
    bgu_reader_t reader; /**< first, so that a reader is a body */
    const plain_client_t *client;
    apr_off_t position; /**< of the next byte */
    apr_off_t end;      /**< behind the last byte */
    apr_off_t left;     /**< bytes until the connection is lost; negative: never */
    struct iovec vec;
};

static apr_status_t read_body(bgu_reader_t *reader, bgu_piece_t *piece, apr_off_t left)
{
    struct body *body = (struct body *)reader;
    const plain_client_t *client = body->client;
    apr_off_t ready = body->end - body->position;

    if (client->wait != NULL) {
        client->wait(client->baton);
    }
    if (body->left >= 0 && ready > body->left) {
        ready = body->left;
    }
    if (ready == 0) {
        return body->left == 0 ? APR_ECONNABORTED : APR_EOF;
    }
    ready = ready < left ? ready : left;
    body->vec.iov_len = (apr_size_t)ready < client->piece ? (apr_size_t)ready : client->piece;
    body->vec.iov_base = (char *)(uintptr_t)(client->data + body->position);
    body->position += (apr_off_t)body->vec.iov_len;
    body->left -= body->left > 0 ? (apr_off_t)body->vec.iov_len : 0;
    *piece = (bgu_piece_t){&body->vec, 1, -1, (apr_off_t)body->vec.iov_len};
    return APR_SUCCESS;
}

static int is_here(bgu_reader_t *reader, apr_off_t length)
{
    const struct body *body = (const struct body *)reader;

    return body->left < 0 && length <= (apr_off_t)body->client->piece;
}

/* Whoever uses the bytes longer shall notice. */
static void end_body(bgu_reader_t *reader)
{
    ((struct body *)reader)->vec.iov_base = NULL;
}

static void serve(const plain_client_t *client, bgu_packet_t *packet, bgu_outcome_t *outcome,
                  apr_pool_t *pool)
{
    struct body body = {.reader = {.read = read_body, .is_here = is_here, .end = end_body},
                        .client = client,
                        .position = packet->range.first,
                        .end = packet->range.end,
                        .left = client->breaks_after};
    bgu_request_t request = client->request;

    packet->session_id = client->id;
    request.packet = packet;
    request.reader = &body.reader;
    bgu_upload(outcome, client->sessions, &request, pool);
}

void plain_client_packet(const plain_client_t *client, bgu_packet_e type, bgu_outcome_t *outcome,
                         apr_pool_t *pool)
{
    bgu_packet_t packet = {.type = type};

    serve(client, &packet, outcome, pool);
}

void plain_client_fragment(const plain_client_t *client, apr_off_t first, apr_off_t end,
                           bgu_outcome_t *outcome, apr_pool_t *pool)
{
    bgu_packet_t packet = {.type = BGU_FRAGMENT,
                           .range = {.first = first, .end = end, .total = client->total},
                           .length = end - first};

    serve(client, &packet, outcome, pool);
}
