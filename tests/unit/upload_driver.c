/* SPDX-License-Identifier: Apache-2.0 */

#include "upload_driver.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_guid.h"

/** Most pieces that the reader hands out at once. */
#define PIECES_MAX 8

/** The body of one request. */
struct body {
    bgu_reader_t reader; /**< first, so that a reader is a body */
    upload_driver_t *driver;
    apr_off_t position; /**< of the next byte, in the file */
    apr_off_t end;      /**< behind the last byte of the body */
    apr_off_t left;     /**< bytes until the connection is lost; negative: never */
    int reads;          /**< calls of the reader */
    int here;           /**< it said that it is here */
    int ended;          /**< how often it was told that it is over */
    struct iovec vec[PIECES_MAX];
};

/** Bytes that can be had at once; never beyond the point where something happens meanwhile. */
static size_t available(const struct body *body, apr_off_t max)
{
    const upload_driver_t *d = body->driver;
    apr_off_t count = body->end - body->position;

    if (body->left >= 0 && body->left < count) {
        count = body->left;
    }
    if (d->meanwhile != NULL && (apr_off_t)(d->meanwhile_after - d->read) < count) {
        count = (apr_off_t)(d->meanwhile_after - d->read);
    }
    if (max < count) {
        count = max;
    }
    return (size_t)(count < BGU_WRITE_SIZE ? count : BGU_WRITE_SIZE);
}

static apr_status_t read_body(bgu_reader_t *reader, bgu_piece_t *piece, apr_off_t left)
{
    struct body *body = (struct body *)reader;
    upload_driver_t *d = body->driver;
    void (*meanwhile)(upload_driver_t *) = d->meanwhile;
    size_t ready;

    body->reads++;
    CHECK_INT(body->ended, 0);
    if (meanwhile != NULL && d->read >= d->meanwhile_after) {
        d->meanwhile = NULL;
        meanwhile(d);
    }
    ready = available(body, left);
    if (ready == 0) {
        return body->left == 0 ? APR_ECONNABORTED : APR_EOF;
    }
    *piece = (bgu_piece_t){body->vec, 0, -1, 0};
    while (ready > 0 && piece->count < PIECES_MAX) {
        size_t length = d->piece == 0 || d->piece > ready ? ready : d->piece;
        struct iovec *vec = body->vec + piece->count;

        vec->iov_base = apr_pmemdup(d->f->pool, d->data + (body->position - d->data_at), length);
        vec->iov_len = length;
        body->position += (apr_off_t)length;
        body->left -= body->left > 0 ? (apr_off_t)length : 0;
        d->read += length;
        ready -= length;
        piece->length += (apr_off_t)length;
        piece->count++;
    }
    return APR_SUCCESS;
}

/** Whether the body is there without waiting. */
static int is_here(bgu_reader_t *reader, apr_off_t length)
{
    struct body *body = (struct body *)reader;
    const upload_driver_t *d = body->driver;

    CHECK_INT(body->reads, 0);
    CHECK_INT(length, body->end - body->position);
    body->here = d->here;
    return body->here;
}

static void end_body(bgu_reader_t *reader)
{
    struct body *body = (struct body *)reader;

    body->ended++;
    CHECK(body->reads > 0 || body->here);
}

static upload_driver_t *make_driver(fixture_t *f, const char *data, size_t length)
{
    upload_driver_t *d = apr_pcalloc(f->pool, sizeof(*d));

    d->f = f;
    d->data = data;
    d->length = length;
    d->total = (apr_off_t)length;
    d->breaks_after = -1;
    d->policy.spool = f->spool;
    d->policy.sync = BGU_SYNC_COMMIT;
    d->policy.mode = 0644;
    d->policy.timeout = apr_time_from_sec(3600);
    d->request.user = "alice";
    d->request.client = "127.0.0.1";
    d->request.path = "/upload/a.bin";
    d->request.query = "";
    d->request.dest = fixture_dest(f, "a.bin");
    return d;
}

upload_driver_t *upload_driver_open(const char *data)
{
    return make_driver(fixture_open(), data, strlen(data));
}

upload_driver_t *upload_driver_open_bytes(size_t length)
{
    fixture_t *f = fixture_open();

    return make_driver(f, fixture_bytes(f, length), length);
}

upload_driver_t *upload_driver_copy(const upload_driver_t *d)
{
    upload_driver_t *copy = apr_pmemdup(d->f->pool, d, sizeof(*d));

    copy->meanwhile = NULL;
    copy->breaks_after = -1;
    return copy;
}

/** Whatever is answered names the session that was asked for, and what went wrong. */
static void check_answer(const bgu_outcome_t *outcome, const bgu_packet_t *packet)
{
    if (packet->session_id != NULL) {
        CHECK_STR(outcome->answer.session_id, packet->session_id);
    }
    if (outcome->answer.result != BGU_OK) {
        CHECK(outcome->answer.detail != NULL);
    }
    CHECK_INT(outcome->answer.created,
              packet->type == BGU_CREATE_SESSION && outcome->answer.result == BGU_OK);
}

/** Serve a packet with the body [first, end) of the file. */
static const bgu_outcome_t *serve(upload_driver_t *d, const bgu_packet_t *packet, apr_off_t first,
                                  apr_off_t end)
{
    bgu_outcome_t *outcome = apr_palloc(d->f->pool, sizeof(*outcome));
    struct body *body = apr_pcalloc(d->f->pool, sizeof(*body));
    bgu_request_t request = d->request;

    memset(outcome, 0x5a, sizeof(*outcome));
    body->reader.read = read_body;
    body->reader.is_here = is_here;
    body->reader.end = end_body;
    body->driver = d;
    body->position = first;
    body->end = end;
    body->left = d->breaks_after;
    d->read = 0;
    request.packet = packet;
    request.policy = &d->policy;
    request.reader = &body->reader;
    bgu_upload(outcome, &d->f->sessions, &request, d->f->pool);
    CHECK_INT(body->ended, body->reads > 0 || body->here);
    check_answer(outcome, packet);
    return outcome;
}

const bgu_outcome_t *upload_packet(upload_driver_t *d, bgu_packet_e type)
{
    bgu_packet_t *packet = apr_pcalloc(d->f->pool, sizeof(*packet));
    int needs_id = type != BGU_PING && type != BGU_CREATE_SESSION;

    packet->type = type;
    packet->session_id = needs_id ? d->id : NULL;
    return serve(d, packet, 0, 0);
}

const bgu_outcome_t *upload_create(upload_driver_t *d)
{
    const bgu_outcome_t *outcome = upload_packet(d, BGU_CREATE_SESSION);

    if (outcome->answer.result == BGU_OK) {
        d->id = outcome->answer.session_id;
    }
    return outcome;
}

void upload_begin(upload_driver_t *d)
{
    const bgu_outcome_t *outcome = upload_create(d);

    if (outcome->answer.result != BGU_OK) {
        REQUIRE_FAIL("Create-Session: %s", bgu_error(outcome->answer.result)->name);
    }
}

const bgu_outcome_t *upload_fragment(upload_driver_t *d, apr_off_t first, apr_off_t end)
{
    bgu_packet_t *packet = apr_pcalloc(d->f->pool, sizeof(*packet));

    packet->type = BGU_FRAGMENT;
    packet->session_id = d->id;
    packet->range.first = first;
    packet->range.end = end;
    packet->range.total = d->total;
    packet->length = end - first;
    return serve(d, packet, first, end);
}

const bgu_outcome_t *upload_broken(upload_driver_t *d, apr_off_t first, apr_off_t end,
                                   apr_off_t breaks_after)
{
    const bgu_outcome_t *outcome;

    d->breaks_after = breaks_after;
    outcome = upload_fragment(d, first, end);
    d->breaks_after = -1;
    return outcome;
}

const bgu_outcome_t *upload_close(upload_driver_t *d)
{
    return upload_packet(d, BGU_CLOSE_SESSION);
}

const bgu_outcome_t *upload_cancel(upload_driver_t *d)
{
    return upload_packet(d, BGU_CANCEL_SESSION);
}

void upload_all(upload_driver_t *d)
{
    const bgu_outcome_t *outcome;

    upload_begin(d);
    outcome = upload_fragment(d, 0, d->total);
    REQUIRE(outcome->answer.result == BGU_OK);
    REQUIRE(outcome->answer.next == d->total);
}

int upload_state(const upload_driver_t *d)
{
    return fixture_state(d->f, d->id);
}

long long upload_spooled(const upload_driver_t *d)
{
    return fixture_size(fixture_spool_path(d->f, d->id));
}

int upload_spool_is_sound(const upload_driver_t *d)
{
    long long size = upload_spooled(d);

    return size >= 0 && (size_t)size <= d->length &&
           fixture_holds(fixture_spool_path(d->f, d->id), d->data, (size_t)size);
}

int upload_is_published(const upload_driver_t *d)
{
    return fixture_holds(d->request.dest, d->data, d->length) && fixture_count(d->f->docroot) == 1;
}

void upload_expect(const bgu_outcome_t *outcome, bgu_result_e result, long long next,
                   const char *what, const char *file, int line)
{
    const bgu_answer_t *answer = &outcome->answer;

    if (answer->result != result) {
        check_fail(0, file, line, "%s: %s (%s), expected %s", what, bgu_error(answer->result)->name,
                   answer->detail != NULL ? answer->detail : "no detail", bgu_error(result)->name);
    } else if (next == NEXT_NONE ? answer->next >= 0 : next >= 0 && answer->next != next) {
        check_fail(0, file, line, "%s: next byte wanted is %lld, expected %lld", what,
                   (long long)answer->next, next);
    } else {
        check_true(1, what, 0, file, line);
    }
}
