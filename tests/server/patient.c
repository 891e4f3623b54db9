/* SPDX-License-Identifier: Apache-2.0 */

#include "patient.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "reply.h"

/** More packets than any client needs. */
#define STEPS_MAX 60

/** What a client knew from a point of the record on. */
struct patient_moment {
    unsigned point;
    patient_state_t state;
};

patient_t *patient_make(httpd_env_t *env, const char *path, const char *file, size_t length,
                        size_t fragment)
{
    patient_t *patient = apr_pcalloc(env->pool, sizeof(*patient));

    patient->up = (upload_t){env, wire_connect(env), path, NULL};
    patient->file = file;
    patient->length = length;
    patient->fragment = fragment;
    patient->keep = PATIENT_KEEP_ALL;
    patient->log = apr_array_make(env->pool, 8, sizeof(struct patient_moment));
    patient_note(patient, 0);
    return patient;
}

void patient_note(patient_t *patient, unsigned point)
{
    APR_ARRAY_PUSH(patient->log, struct patient_moment) =
        (struct patient_moment){point, patient->state};
}

int patient_noted(const patient_t *patient, unsigned point)
{
    int i;

    for (i = 0; i < patient->log->nelts; i++) {
        if (APR_ARRAY_IDX(patient->log, i, struct patient_moment).point == point) {
            return 1;
        }
    }
    return 0;
}

void patient_set_back(patient_t *patient, unsigned point)
{
    int i;

    for (i = 0; i < patient->log->nelts; i++) {
        const struct patient_moment *moment =
            &APR_ARRAY_IDX(patient->log, i, struct patient_moment);

        if (moment->point <= point) {
            patient->state = moment->state;
            /* If anything has changed since, Close-Session was on its way. */
            patient->state.fetched =
                moment->state.closed || (moment->state.complete && moment->point < point);
        }
    }
    /* What was on its way then may have come through. */
    patient->state.sent = patient->state.next + patient->fragment;
    patient->up.id = patient->state.id;
    patient->up.wire = wire_connect(patient->up.env);
}

/** Whether the server says that the session is not known any more, or its bytes are gone. */
static int is_lost(const wire_answer_t *answer)
{
    const char *code = wire_header(answer, "BITS-Error-Code");

    return code != NULL && ((answer->status == 500 && strcmp(code, "0x8020001F") == 0) ||
                            (answer->status == 404 && strcmp(code, "0x80070002") == 0));
}

/** Begin anew, if the server may forget what it had. */
static void start_over(patient_t *patient)
{
    const patient_state_t *state = &patient->state;

    if (patient->keep == PATIENT_KEEP_ALL) {
        CHECK_FAIL("%s: the session is lost with %lu acknowledged bytes%s", patient->up.path,
                   (unsigned long)state->next, state->complete ? ", all" : "");
    }
    /* As the job of a client that has failed is cancelled; a session that is not known does not
     * mind.
     */
    (void)wire_cancel(wire_connect(patient->up.env), patient->up.path, state->id);
    patient->state = (patient_state_t){.id = NULL};
    patient->up.id = NULL;
}

static const wire_answer_t *create(patient_t *patient)
{
    const wire_answer_t *answer =
        wire_packet(patient->up.wire, patient->up.path, "Create-Session", NULL,
                    "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0);

    if (answer->status == 200) {
        patient->state = (patient_state_t){.id = wire_header(answer, "BITS-Session-Id")};
        patient->up.id = patient->state.id;
    }
    return answer;
}

/** The server wants other bytes than those that came next. */
static void go_back(patient_t *patient, size_t next)
{
    patient_state_t *state = &patient->state;

    if (next > state->sent || (next < state->next && patient->keep == PATIENT_KEEP_ALL)) {
        CHECK_FAIL("%s: the server wants byte %lu; %lu are acknowledged, %lu were sent",
                   patient->up.path, (unsigned long)next, (unsigned long)state->next,
                   (unsigned long)state->sent);
    }
    state->next = next;
}

static const wire_answer_t *send_fragment(patient_t *patient)
{
    patient_state_t *state = &patient->state;
    size_t left = patient->length - state->next;
    size_t length = left < patient->fragment ? left : patient->fragment;
    const char *next;
    const wire_answer_t *answer;

    state->sent = state->next + length > state->sent ? state->next + length : state->sent;
    answer = wire_fragment(patient->up.wire, patient->up.path, state->id, patient->file,
                           (long long)state->next, length, (long long)patient->length);
    next = wire_header(answer, "BITS-Received-Content-Range");
    if (answer->status == 200 && next != NULL) {
        state->next = strtoul(next, NULL, 10);
        state->complete = state->next == patient->length;
    } else if (answer->status == 416 && next != NULL) {
        go_back(patient, strtoul(next, NULL, 10));
    }
    return answer;
}

void patient_fetch(patient_t *patient)
{
    if (patient->reply != 0) {
        reply_check_bytes(&patient->up, patient->reply);
    }
    patient->state.fetched = 1;
}

static const wire_answer_t *close_session(patient_t *patient)
{
    const wire_answer_t *answer;

    if (!patient->state.fetched) {
        patient_fetch(patient);
    }
    answer = wire_close(patient->up.wire, patient->up.path, patient->state.id);
    patient->state.closed = answer->status == 200;
    return answer;
}

const wire_answer_t *patient_step(patient_t *patient)
{
    const wire_answer_t *answer;

    if (patient->state.id == NULL) {
        answer = create(patient);
    } else if (!patient->state.complete) {
        answer = send_fragment(patient);
    } else {
        answer = close_session(patient);
    }
    if (is_lost(answer)) {
        start_over(patient);
    }
    if (answer->status == 0) {
        /* The line broke; httpd may also close a connection that has been idle. */
        patient->up.wire = wire_connect(patient->up.env);
    }
    return answer;
}

void patient_go_on(patient_t *patient)
{
    int steps = 0;

    while (!patient->state.closed) {
        const wire_answer_t *answer = patient_step(patient);

        if (answer->status != 0 && answer->status != 200 && answer->status != 416 &&
            !is_lost(answer)) {
            REQUIRE_FAIL("%s: answer %d in the middle of things, %lu bytes acknowledged",
                         patient->up.path, answer->status, (unsigned long)patient->state.next);
        }
        REQUIRE(++steps < STEPS_MAX);
    }
}
