/* SPDX-License-Identifier: Apache-2.0 */

/* What the protocol says of uploads (its tables of fragments and of a session's life), in numbers
 * alone: no files, no store, nothing at the same time. The fuzz target holds bgu_upload() to it. */

#ifndef UPLOAD_MODEL_H
#define UPLOAD_MODEL_H

#include "bgu_upload.h"

/** Most sessions of one run, and the destinations they go to. */
enum { MODEL_SESSIONS = 40, MODEL_DESTS = 2 };

/** Where a session stands. */
typedef enum { MODEL_OPEN, MODEL_COMPLETE, MODEL_PUBLISHED, MODEL_CLOSED, MODEL_CANCELLED } model_e;

/** A session. */
typedef struct model_session_t {
    const char *id;
    int dest;        /**< where it goes, from 0; its user is another one for each */
    model_e state;   /**< where it stands */
    apr_off_t total; /**< or BGU_TOTAL_UNKNOWN */
    apr_off_t next;  /**< N, the number of bytes that are here */
    int has_file;    /**< a spool file is there */
    int taken;       /**< the application took the file over */
    int refused;     /**< it refused for good */
    int old;         /**< beyond its timeout, which nobody has noticed yet */
} model_session_t;

/** All that there is. */
typedef struct model_t {
    const bgu_policy_t *policy;
    model_session_t sessions[MODEL_SESSIONS];
    int count;
    const model_session_t *published[MODEL_DESTS]; /**< whose bytes are there, or NULL */
    bgu_verdict_t verdict;                         /**< what the application will say */
    int asked;                                     /**< how often it was asked */
} model_t;

/** What a packet has to lead to. */
typedef struct model_answer_t {
    bgu_result_e result;
    apr_off_t next; /**< next byte wanted; negative: not looked at */
    bgu_event_e event;
} model_answer_t;

/** Create-Session for a destination. With BGU_OK the session is the last one, without an id. */
model_answer_t model_create(model_t *model, int dest);

/** Fragment.
 * @param sent bytes of the body that come before the connection breaks */
model_answer_t model_fragment(model_t *model, model_session_t *session, const bgu_range_t *range,
                              apr_off_t sent);

/** Close-Session. */
model_answer_t model_close(model_t *model, model_session_t *session);

/** Cancel-Session. */
model_answer_t model_cancel(model_session_t *session);

/** The session is looked at, and discarded if it is too old. Returns what happened to it. */
bgu_event_e model_notice(model_session_t *session);

/** The spool file vanishes. */
void model_lose(model_session_t *session);

/** Whether a session is over. */
int model_is_over(const model_session_t *session);

#endif
