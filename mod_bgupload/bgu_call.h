/* SPDX-License-Identifier: Apache-2.0 */

/* Inside the state machine: one request on its way, and the steps that packets share.
 * Private to bgu_upload.c, bgu_fragment.c, bgu_ask.c and bgu_call.c. */

#ifndef BGU_CALL_H
#define BGU_CALL_H

#include "bgu_spool.h"
#include "bgu_upload.h"

/** One request on its way through the state machine. */
typedef struct bgu_call_t {
    const bgu_sessions_t *sessions; /**< where the rows are */
    const bgu_request_t *request;   /**< who asks for what */
    bgu_outcome_t *outcome;         /**< what came of it so far */
    bgu_session_t *session;         /**< NULL until found */
    int reading;                    /**< the body was asked for, and has not ended */
    int whole;                      /**< this fragment is the whole file, which is here */
    apr_pool_t *pool;               /**< of the request */
} bgu_call_t;

/** Note why, for the log. Returns result. */
bgu_result_e bgu_call_say(bgu_call_t *call, bgu_result_e result, const char *detail);

/** Note a failure of the system, and what it hit. Returns what the client hears of it. */
bgu_result_e bgu_call_fail(bgu_call_t *call, apr_status_t cause, const char *detail);

/** Note that others changed the session under this request, which should look again. BGU_BUSY. */
bgu_result_e bgu_call_overtaken(bgu_call_t *call);

/** Write the session's row in a new state, if it is still as it was read.
 * @param durable whether it must survive a power cut
 * @return BGU_OK, BGU_BUSY (overtaken) or a failure of the store */
bgu_result_e bgu_call_change(bgu_call_t *call, bgu_state_e state, int durable);

/** Commit the session; results as bgu_commit(). */
bgu_result_e bgu_call_commit(bgu_call_t *call);

/** Finish the commit that was found under way. Where that leads to another state, also for want of
 * bytes, the request is to look again: BGU_BUSY. Else what stood in the way. */
bgu_result_e bgu_call_finish_commit(bgu_call_t *call);

/** Set how the file is to be committed under the rules of now; see bgu_plan_t. */
void bgu_call_plan(bgu_call_t *call, int keep_session);

/** Open the session's spool file, making it if need be.
 * @param created receives whether this call made it */
bgu_result_e bgu_call_open_spool(bgu_call_t *call, bgu_spool_t **spool, int *created);

/** Remove the files that this request may have made for a session that is over by now. */
void bgu_call_drop_orphan(bgu_call_t *call);

/** Ask the server application, if nobody else does, and record what it said.
 * @param spool the session's spool file
 * @return BGU_OK: accepted, the session is COMPLETE; BGU_NOTIFYING: somebody else is asking;
 *         BGU_BUSY: overtaken; else what the client is to hear */
bgu_result_e bgu_call_ask(bgu_call_t *call, const bgu_spool_t *spool);

/** Serve a Fragment whose session was found. */
bgu_result_e bgu_fragment(bgu_call_t *call);

#endif
