/* SPDX-License-Identifier: Apache-2.0 */

/* The body of a request as the core wants it: gathered from the input filters into pieces that are
 * written at once. Buckets are held, not copied, until they are written. */

#include "mod_bgupload.h"

#include <apr_buckets.h>
#include <http_protocol.h>
#include <util_filter.h>
#include "mod_bgupload_receive.h"

/* Most pieces gathered for one write. A bucket of the network holds up to 8,000 bytes and takes
 * that much memory however little came in, so this also bounds the memory of a request. */
#define PIECES_MAX 64

/* Bodies that may be there with the head of their request. httpd receives so much at a time. */
#define HERE_MAX APR_BUCKET_BUFF_SIZE

typedef struct body_t {
    bgu_reader_t reader; /* first: the core's view of it */
    request_rec *r;
    apr_bucket_brigade *in;      /* from the filters, not looked at yet */
    apr_bucket_brigade *held;    /* what the pieces point to */
    apr_status_t end;            /* why no more will come, or APR_SUCCESS */
    apr_size_t buffer;           /* bytes of the buffer to receive it with */
    apr_size_t len;              /* bytes of the pieces, or in the pipe */
    int returned;                /* the pieces have been handed out */
    mod_bgupload_receive_t plan; /* known from the first read on */
    int pipe;                    /* has the bytes, if there are no pieces */
    int count;
    struct iovec pieces[PIECES_MAX];
} body_t;

/* Get more from the filters, and wait for it or not. Whether there is more. */
static int fetch(body_t *body, apr_size_t max, apr_read_type_e block)
{
    apr_status_t rv =
        ap_get_brigade(body->r->input_filters, body->in, AP_MODE_READBYTES, block, (apr_off_t)max);
    int more = rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(body->in);

    if (!more && block == APR_BLOCK_READ) {
        body->end = rv == APR_SUCCESS ? APR_EOF : rv;
    } else if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)) {
        body->end = rv;
    }
    return more;
}

/* Make the bucket's bytes outlive the next read from the filters. mod_ssl reads into a buffer that
 * it uses again, so there this is a copy; for the network's own buckets it does nothing. */
static apr_status_t keep(apr_bucket *bucket, apr_pool_t *pool, struct iovec *piece)
{
    const char *data;
    apr_size_t len;
    apr_status_t rv = apr_bucket_read(bucket, &data, &len, APR_BLOCK_READ);

    if (rv == APR_SUCCESS) {
        rv = apr_bucket_setaside(bucket, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_bucket_read(bucket, &data, &len, APR_BLOCK_READ);
    }
    if (rv == APR_SUCCESS) {
        piece->iov_base = (void *)(apr_uintptr_t)data;
        piece->iov_len = len;
    }
    return rv;
}

/* Take note of a piece, as part of the one before if it lies behind it. Returns its length. */
static apr_size_t add(body_t *body, struct iovec piece)
{
    struct iovec *last = body->pieces + (body->count > 0 ? body->count - 1 : 0);

    if (body->count > 0 && (char *)last->iov_base + last->iov_len == piece.iov_base) {
        last->iov_len += piece.iov_len;
    } else {
        body->pieces[body->count++] = piece;
    }
    return piece.iov_len;
}

/* Hold a bucket until its bytes are written. One that only goes on where the last one ends becomes
 * part of that: a body may come in byte by byte, and a bucket is much larger than a byte. */
static void hold(body_t *body, apr_bucket *bucket)
{
    apr_bucket *last = APR_BRIGADE_LAST(body->held);

    if (last != APR_BRIGADE_SENTINEL(body->held) && last->type == bucket->type &&
        last->data == bucket->data && last->start + (apr_off_t)last->length == bucket->start) {
        last->length += bucket->length;
        apr_bucket_delete(bucket);
        return;
    }
    APR_BUCKET_REMOVE(bucket);
    APR_BRIGADE_INSERT_TAIL(body->held, bucket);
}

/* Move the first bucket into the pieces. Returns the number of bytes gained. */
static apr_size_t gather(body_t *body)
{
    apr_bucket *bucket = APR_BRIGADE_FIRST(body->in);
    struct iovec piece;

    if (APR_BUCKET_IS_METADATA(bucket)) {
        if (APR_BUCKET_IS_EOS(bucket)) {
            body->end = APR_EOF;
        } else if (AP_BUCKET_IS_ERROR(bucket)) {
            body->end = APR_ECONNABORTED;
        }
        apr_bucket_delete(bucket);
        return 0;
    }
    body->end = keep(bucket, body->r->pool, &piece);
    if (body->end != APR_SUCCESS || piece.iov_len == 0) {
        apr_bucket_delete(bucket);
        return 0;
    }
    hold(body, bucket);
    return add(body, piece);
}

static apr_size_t smaller(apr_off_t one, apr_size_t other)
{
    return one < (apr_off_t)other ? (apr_size_t)one : other;
}

/* If the first bucket stands for bytes in a pipe, take it. They make a piece of their own: what was
 * gathered before goes out first, and nothing is added. Returns whether it does. */
static int take_pipe(body_t *body)
{
    apr_bucket *bucket = APR_BRIGADE_FIRST(body->in);
    int pipe = mod_bgupload_receive_pipe(bucket);

    if (pipe >= 0 && body->count == 0) {
        APR_BUCKET_REMOVE(bucket);
        APR_BRIGADE_INSERT_TAIL(body->held, bucket);
        body->pipe = pipe;
        body->len = bucket->length;
    }
    return pipe >= 0;
}

/* Gather pieces until they have so many bytes, or no more can be had. */
static void gather_all(body_t *body, apr_size_t enough, apr_size_t most, apr_read_type_e block)
{
    while (body->count < PIECES_MAX && body->end == APR_SUCCESS) {
        if (!APR_BRIGADE_EMPTY(body->in)) {
            if (take_pipe(body)) {
                break;
            }
            body->len += gather(body);
        } else if (body->len >= enough || !fetch(body, most - body->len, block)) {
            break;
        }
    }
}

/* Make room for pieces, unless there are some that nobody has seen. */
static void renew(body_t *body)
{
    if (body->returned) {
        apr_brigade_cleanup(body->held);
        body->count = 0;
        body->len = 0;
        body->pipe = -1;
        body->returned = 0;
    }
}

/* Whether a filter only counts the bytes that pass through it. Others want to see them. */
static int is_transparent(const ap_filter_rec_t *filter)
{
    static const char *const names[] = {"HTTP_IN", "REQTIMEOUT", "LOG_INPUT_OUTPUT", "CORE_IN"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (ap_cstr_casecmp(filter->name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Whether nobody between us and the network looks at the body. */
static int is_direct(const request_rec *r)
{
    const ap_filter_t *filter = r->input_filters;

    while (filter && is_transparent(filter->frec)) {
        filter = filter->next;
    }
    return filter == NULL;
}

static apr_status_t body_read(bgu_reader_t *reader, bgu_piece_t *piece, apr_off_t left)
{
    body_t *body = (body_t *)reader;

    renew(body);
    if (body->plan.most == 0) {
        body->plan = mod_bgupload_receive_begin(body->r->connection, left - (apr_off_t)body->len,
                                                body->buffer, is_direct(body->r));
    }
    gather_all(body, smaller(left, body->plan.enough), smaller(left, body->plan.most),
               APR_BLOCK_READ);
    body->returned = 1;
    *piece = (bgu_piece_t){.vec = body->pieces,
                           .count = body->count,
                           .pipe = body->pipe,
                           .length = (apr_off_t)body->len};
    /* What came before the end is worth having; the end is told with the next call. */
    return body->len > 0 ? APR_SUCCESS : body->end;
}

static int body_is_here(bgu_reader_t *reader, apr_off_t length)
{
    body_t *body = (body_t *)reader;

    /* Who expects "100 Continue" is only answered by a read that waits. */
    if (length > HERE_MAX || body->r->expecting_100) {
        return 0;
    }
    gather_all(body, (apr_size_t)length, (apr_size_t)length, APR_NONBLOCK_READ);
    return body->len == (apr_size_t)length;
}

static void body_end(bgu_reader_t *reader)
{
    body_t *body = (body_t *)reader;

    apr_brigade_cleanup(body->held);
    apr_brigade_cleanup(body->in);
    mod_bgupload_receive_end(body->r->connection);
}

bgu_reader_t *mod_bgupload_body_make(request_rec *r, apr_size_t buffer)
{
    body_t *body = apr_pcalloc(r->pool, sizeof(*body));

    body->reader.read = body_read;
    body->reader.is_here = body_is_here;
    body->reader.end = body_end;
    body->r = r;
    body->in = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    body->held = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    body->buffer = buffer;
    body->pipe = -1;
    return &body->reader;
}
