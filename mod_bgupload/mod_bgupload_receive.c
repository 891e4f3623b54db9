/* SPDX-License-Identifier: Apache-2.0 */

#include "mod_bgupload_receive.h"

#include <http_connection.h>
#include <http_ssl.h>
#include "mod_bgupload_buffer.h"
#include "mod_bgupload_config.h"
#include "mod_bgupload_pipe.h"

/* Bytes of a body that may have been received already when it begins: httpd receives up to 8,000
 * with the head of its request; and mod_ssl may hold a record of 16 KiB, and 8 KiB decrypted. So
 * much less than the whole body is received into the buffer: nothing that lies behind the body ever
 * comes into it and keeps it in use. */
#define ABOVE_NETWORK APR_BUCKET_BUFF_SIZE
#define ABOVE_TLS     (24 * 1024)

/* Room in a buffer that is worth a call. */
#define ROOM_MIN APR_BUCKET_BUFF_SIZE

/* Least of a buffer to use, if there is so much: what is worth a write comes in. */
#define WORTH_MIN (BGU_WRITE_SIZE + ROOM_MIN)

/* Bodies from which on a buffer pays. */
#define LARGE_MIN (32 * 1024)

/* Bodies from which on a pipe pays as well. */
#define PIPE_MIN (1024 * 1024)

/* What a connection receives with. Lives as long as the connection. */
typedef struct receiver_t {
    apr_bucket_refcount refcount; /* of buckets that point to the buffer; first, as APR wants it */
    apr_socket_t *socket;
    int joined;         /* those who use buffers */
    apr_size_t size;    /* bytes of a buffer; 0: no large body is coming in */
    apr_size_t most;    /* bytes at its front that are used for this body */
    apr_off_t expected; /* bytes that are certain to come before the end of the body */
    char *buffer;       /* NULL: there is none */
    apr_size_t length;  /* bytes of the one that there is */
    apr_size_t used;    /* bytes at its front that buckets may point to */
    int direct;         /* bytes of this body may go through a pipe */
    int piped;          /* a bucket stands for what is in the pipe */
    mod_bgupload_pipe_t pipe;
} receiver_t;

static void free_buffer(receiver_t *receiver)
{
    if (receiver->buffer) {
        mod_bgupload_buffer_put(receiver->buffer, receiver->length);
        receiver->buffer = NULL;
    }
}

/* Have a buffer with room. 0 if there is none. */
static int has_room(receiver_t *receiver)
{
    if (receiver->buffer == NULL) {
        receiver->buffer = mod_bgupload_buffer_get(receiver->size);
        receiver->length = receiver->size;
        receiver->used = 0;
        if (receiver->buffer == NULL) {
            receiver->direct = 0; /* nothing bounds what would come in beside a pipe */
        }
    }
    return receiver->buffer && receiver->most - receiver->used >= ROOM_MIN;
}

static apr_status_t received_read(apr_bucket *b, const char **str, apr_size_t *len,
                                  apr_read_type_e block)
{
    const receiver_t *receiver = b->data;

    (void)block;
    *str = receiver->buffer + b->start;
    *len = b->length;
    return APR_SUCCESS;
}

/* With its last bucket the buffer is empty. */
static void received_destroy(void *data)
{
    receiver_t *receiver = data;

    if (apr_bucket_shared_destroy(receiver)) {
        receiver->used = 0;
        if (receiver->size == 0) {
            free_buffer(receiver);
        }
    }
}

/* Bytes in the buffer. It outlives all pools that they may be set aside for. */
static const apr_bucket_type_t received_type = {
    "BGUPLOAD_RECEIVED",     5,
    APR_BUCKET_DATA,         received_destroy,
    received_read,           apr_bucket_setaside_noop,
    apr_bucket_shared_split, apr_bucket_shared_copy,
};

static apr_status_t network_read(apr_bucket *b, const char **str, apr_size_t *len,
                                 apr_read_type_e block);

/* What is still on the network, of unknown length, as APR's socket bucket. */
static const apr_bucket_type_t network_type = {
    "BGUPLOAD_NETWORK",
    5,
    APR_BUCKET_DATA,
    apr_bucket_destroy_noop,
    network_read,
    apr_bucket_setaside_notimpl,
    apr_bucket_split_notimpl,
    apr_bucket_copy_notimpl,
};

static void network_make(apr_bucket *b, receiver_t *receiver)
{
    b->type = &network_type;
    b->length = (apr_size_t)-1;
    b->start = -1;
    b->data = receiver;
}

static apr_bucket *network_create(receiver_t *receiver, apr_bucket_alloc_t *list)
{
    apr_bucket *b = apr_bucket_alloc(sizeof(*b), list);

    APR_BUCKET_INIT(b);
    b->free = apr_bucket_free;
    b->list = list;
    network_make(b, receiver);
    return b;
}

/* None of the filters that let it come to this (mod_bgupload_receive_begin()) reads it. */
static apr_status_t piped_read(apr_bucket *b, const char **str, apr_size_t *len,
                               apr_read_type_e block)
{
    (void)b;
    (void)block;
    *str = NULL;
    *len = 0;
    return APR_ENOTIMPL;
}

static void piped_destroy(void *data)
{
    receiver_t *receiver = data;

    receiver->piped = 0;
    mod_bgupload_pipe_settle(&receiver->pipe);
}

/* Bytes in the pipe. */
static const apr_bucket_type_t piped_type = {
    "BGUPLOAD_PIPED",
    5,
    APR_BUCKET_DATA,
    piped_destroy,
    piped_read,
    apr_bucket_setaside_notimpl,
    apr_bucket_split_notimpl,
    apr_bucket_copy_notimpl,
};

int mod_bgupload_receive_pipe(const apr_bucket *bucket)
{
    return bucket->type == &piped_type ? ((const receiver_t *)bucket->data)->pipe.out : -1;
}

/* Receive into the pipe, if much has come. Returns whether it did: only then there is a bucket for
 * it. */
static int receive_piped(apr_bucket *b, apr_size_t *len)
{
    receiver_t *receiver = b->data;
    apr_size_t most = receiver->size;

    if (receiver->expected < (apr_off_t)most) {
        most = (apr_size_t)receiver->expected;
    }
    if (!receiver->direct || receiver->piped || !mod_bgupload_pipe_pays(receiver->socket, most)) {
        return 0;
    }
    *len = mod_bgupload_pipe_make(&receiver->pipe)
               ? mod_bgupload_pipe_fill(&receiver->pipe, receiver->socket, most)
               : 0;
    if (*len == 0) {
        receiver->direct = 0; /* receiving as usual will find out what is wrong, if anything is */
        return 0;
    }
    receiver->expected -= (apr_off_t)*len;
    receiver->piped = 1;
    b->type = &piped_type;
    b->start = 0;
    b->length = *len;
    APR_BUCKET_INSERT_AFTER(b, network_create(receiver, b->list));
    return 1;
}

/* Receive as httpd does, by its own bucket; only what it leaves for the rest becomes ours again. */
static apr_status_t receive_small(apr_bucket *b, const char **str, apr_size_t *len,
                                  apr_read_type_e block)
{
    receiver_t *receiver = b->data;

    (void)apr_bucket_socket_make(b, receiver->socket);
    apr_status_t rv = apr_bucket_read(b, str, len, block);
    if (rv != APR_SUCCESS) {
        network_make(b, receiver);
    } else if (*len > 0) {
        network_make(APR_BUCKET_NEXT(b), receiver);
        receiver->expected -= (apr_off_t)*len;
    }
    return rv;
}

/* apr_socket_recv() that waits or not as APR's socket bucket does. At the end *len is 0. */
static apr_status_t receive(apr_socket_t *socket, char *to, apr_size_t *len, apr_read_type_e block)
{
    apr_interval_time_t timeout = 0;

    if (block == APR_NONBLOCK_READ) {
        (void)apr_socket_timeout_get(socket, &timeout);
        (void)apr_socket_timeout_set(socket, 0);
    }
    apr_status_t rv = apr_socket_recv(socket, to, len);
    if (block == APR_NONBLOCK_READ) {
        (void)apr_socket_timeout_set(socket, timeout);
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* Receive what there is into the rest of the buffer. */
static apr_status_t receive_large(apr_bucket *b, const char **str, apr_size_t *len,
                                  apr_read_type_e block)
{
    receiver_t *receiver = b->data;
    apr_size_t room = receiver->most - receiver->used;
    apr_size_t start = receiver->used;

    *len = receiver->expected < (apr_off_t)room ? (apr_size_t)receiver->expected : room;
    apr_status_t rv = receive(receiver->socket, receiver->buffer + start, len, block);
    *str = receiver->buffer + start;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (*len == 0) {
        (void)apr_bucket_immortal_make(b, "", 0);
        return APR_SUCCESS;
    }
    receiver->used += *len;
    receiver->expected -= (apr_off_t)*len;
    receiver->refcount.refcount++;
    b->type = &received_type;
    b->start = (apr_off_t)start;
    b->length = *len;
    APR_BUCKET_INSERT_AFTER(b, network_create(receiver, b->list));
    return APR_SUCCESS;
}

static apr_status_t network_read(apr_bucket *b, const char **str, apr_size_t *len,
                                 apr_read_type_e block)
{
    receiver_t *receiver = b->data;

    if (receiver->size > 0 && receiver->expected > 0) {
        /* What is in the pipe is enough for now. */
        if (receiver->piped && block == APR_NONBLOCK_READ) {
            return APR_EAGAIN;
        }
        if (receive_piped(b, len)) {
            *str = NULL;
            return APR_SUCCESS;
        }
        if (block == APR_BLOCK_READ && !receiver->piped) {
            mod_bgupload_pipe_close(&receiver->pipe); /* others may want one while we wait */
        }
        if (has_room(receiver)) {
            return receive_large(b, str, len, block);
        }
        /* What is in the buffer is enough for now. */
        if (block == APR_NONBLOCK_READ && receiver->buffer) {
            return APR_EAGAIN;
        }
    }
    return receive_small(b, str, len, block);
}

/* With the connection goes whatever an unfinished body left. */
static apr_status_t leave(void *data)
{
    receiver_t *receiver = data;

    mod_bgupload_pipe_close(&receiver->pipe);
    free_buffer(receiver);
    mod_bgupload_buffer_leave();
    return APR_SUCCESS;
}

apr_status_t mod_bgupload_insert_network_bucket(conn_rec *c, apr_bucket_brigade *bb,
                                                apr_socket_t *socket)
{
    receiver_t *receiver;

    if (!mod_bgupload_server()->enabled || c->outgoing) {
        return AP_DECLINED;
    }
    receiver = apr_pcalloc(c->pool, sizeof(*receiver));
    receiver->socket = socket;
    receiver->pipe = MOD_BGUPLOAD_NO_PIPE;
    ap_set_module_config(c->conn_config, &bgupload_module, receiver);
    APR_BRIGADE_INSERT_TAIL(bb, network_create(receiver, c->bucket_alloc));
    return APR_SUCCESS;
}

/* How much of a buffer to use. The less, the more of it is still in the processor's cache when it
 * is written; the more, the fewer calls. */
static apr_size_t worth_using(apr_off_t length, apr_size_t size)
{
    apr_off_t quarter = length / 4;

    if (quarter >= (apr_off_t)size || size <= WORTH_MIN) {
        return size;
    }
    return quarter > WORTH_MIN ? (apr_size_t)quarter : WORTH_MIN;
}

/* Whether a body is worth a buffer. Whoever may still have bytes of the last one keeps its own. */
static int is_worth_it(const receiver_t *receiver, apr_off_t length, apr_size_t size)
{
    return receiver && receiver->buffer == NULL && size > 0 && length >= LARGE_MIN;
}

mod_bgupload_receive_t mod_bgupload_receive_begin(conn_rec *c, apr_off_t length, apr_size_t size,
                                                  int direct)
{
    receiver_t *receiver = ap_get_module_config(c->conn_config, &bgupload_module);
    apr_size_t above = ABOVE_NETWORK + (ap_ssl_conn_is_ssl(c) ? ABOVE_TLS : 0);

    if (!is_worth_it(receiver, length, size)) {
        return (mod_bgupload_receive_t){.most = BGU_WRITE_SIZE, .enough = BGU_WRITE_SIZE};
    }
    if (!receiver->joined) {
        receiver->joined = 1;
        mod_bgupload_buffer_join();
        apr_pool_cleanup_register(c->pool, receiver, leave, apr_pool_cleanup_null);
    }
    receiver->size = size;
    receiver->most = worth_using(length, size);
    receiver->expected = length - (apr_off_t)above;
    receiver->direct = direct && length >= PIPE_MIN;
    return (mod_bgupload_receive_t){
        /* All that may be there: bytes that stay below would keep the buffer in use, and a bucket
         * of the pipe that is asked for in parts has to be read. */
        .most = receiver->most + above + (receiver->direct ? MOD_BGUPLOAD_PIPE_MAX : 0),
        .enough = receiver->most < WORTH_MIN ? receiver->most - ROOM_MIN : BGU_WRITE_SIZE,
    };
}

void mod_bgupload_receive_end(conn_rec *c)
{
    receiver_t *receiver = ap_get_module_config(c->conn_config, &bgupload_module);

    if (receiver) {
        receiver->size = 0;
        mod_bgupload_pipe_close(&receiver->pipe);
        if (receiver->refcount.refcount == 0) {
            free_buffer(receiver);
        }
    }
}
