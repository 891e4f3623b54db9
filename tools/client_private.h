/* SPDX-License-Identifier: Apache-2.0 */

/* The insides of the upload engine, shared by its parts: client.c takes an upload from its start to
 * its end and does the exchanges, client_steps.c decides after each answer what comes next,
 * client_reply.c fetches the reply. */

#ifndef CLIENT_PRIVATE_H
#define CLIENT_PRIVATE_H

#include "client.h"
#include "client_fetch.h"
#include "client_file.h"
#include "client_out.h"
#include "client_retry.h"

/** What to send next; see the picture in client.h. */
typedef enum { STEP_CREATE, STEP_ASK, STEP_SEND, STEP_REPLY, STEP_CLOSE, STEP_OVER } step_e;

/** One upload on its way. result->bytes is the highest offset acknowledged in this session. */
typedef struct upload_t {
    const client_settings_t *settings;
    client_result_t *result;
    client_http_t *http;
    client_watch_t watch;
    client_slot_t *slot; /* NULL: nothing can be remembered */
    client_state_t state;
    client_file_t file;
    const char *content_name;
    step_e step;
    client_packet_t packet; /* sent last */
    client_answer_t answer; /* to packet */
    apr_off_t next;         /* offset of the next byte to send */
    apr_off_t fragment;     /* bytes to send at once */
    client_patience_t patience;
    int restarts, losses, jumps; /* see RESTARTS_MAX */
    int close_unknown;           /* a Close-Session was sent and its answer is not known */
    client_out_t out;            /* where the reply goes, if one is wanted */
    client_fetcher_t *fetcher;
    const char *reply_error; /* why the offered reply cannot be fetched, or NULL */
    apr_off_t reply_total;   /* bytes of the reply; -1: not known */
    int reply_told;          /* the server said in this call whether there is one */
    int reply_done;          /* it is in its place */
    int reply_misses;        /* see MISSES_MAX */
    int reply_trusted;       /* the last request for it carried name and password */
    int farewell;            /* already ending: interrupts count no more */
    apr_pool_t *pool;
    apr_pool_t *scratch; /* of one exchange */
} upload_t;

/** Tell the user something. */
void upload_note(const upload_t *u, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** It is over. */
void upload_end(upload_t *u, client_end_e how, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Whether the user wants it to stop; for client_sleep() and the like. */
int upload_interrupted(void *upload);

/** Remember it as it stands now. */
void upload_save(upload_t *u);

/** There is no session any more, and nothing is remembered. */
void upload_forget(upload_t *u);

/** Tell the server that nobody will ask for this session again. One short try.
 * @return 1 if it knows now */
int upload_cancel_session(upload_t *u);

/** Choose the next step after an answer (in u->answer, to u->packet). */
void upload_decide(upload_t *u, client_verdict_e verdict);

/** The server has everything; take note of the reply that it offers in u->answer, if it does. */
void upload_reply_offered(upload_t *u);

/** Whether there is a reply to fetch before the end. */
int upload_wants_reply(const upload_t *u);

/** Try to fetch the reply, and choose the next step. */
void upload_fetch(upload_t *u);

/** All of the reply has been fetched. */
void upload_replied(upload_t *u);

/** The user wants it to stop. */
void upload_stop(upload_t *u);

#endif
