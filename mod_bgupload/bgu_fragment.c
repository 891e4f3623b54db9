/* SPDX-License-Identifier: Apache-2.0 */

/* A Fragment: bytes from the client to the end of the spool file (protocol: fragments). */

#include "bgu_call.h"
#include "bgu_session.h"

#include <apr_strings.h>

/* Refuse what is too large or does not fit the session: before a byte is read, and again where
 * another request has moved the session on meanwhile. */
static bgu_result_e check(bgu_call_t *call)
{
    const bgu_packet_t *packet = call->request->packet;
    const bgu_policy_t *policy = call->request->policy;
    const bgu_session_t *session = call->session;
    const char *format = NULL;
    apr_off_t value = packet->range.total, limit = 0;
    bgu_result_e result = BGU_OK;

    /* What smaller fragments cannot cure comes first. */
    if (policy->max_size && value > policy->max_size) {
        format = "a file of %" APR_OFF_T_FMT " bytes; BGUploadMaxSize is %" APR_OFF_T_FMT;
        limit = policy->max_size;
        result = BGU_UPLOAD_TOO_LARGE;
    } else if (policy->max_fragment && packet->length > policy->max_fragment) {
        format = "a fragment of %" APR_OFF_T_FMT " bytes; BGUploadMaxFragment is %" APR_OFF_T_FMT;
        value = packet->length;
        limit = policy->max_fragment;
        result = BGU_FRAGMENT_TOO_LARGE;
    } else if (session->total != BGU_TOTAL_UNKNOWN && session->total != value) {
        format = "a total of %" APR_OFF_T_FMT " bytes; the first fragment said %" APR_OFF_T_FMT;
        limit = session->total;
        result = BGU_BAD_REQUEST;
    }
    if (result != BGU_OK) {
        bgu_call_say(call, result, apr_psprintf(call->pool, format, value, limit));
    }
    return result;
}

/* Look at the size of a file whose row says COMPLETE. Whoever brings a whole file at once writes
 * the row first, and keeps the lock until the bytes are there (see lock_whole()). */
static apr_status_t complete_size(bgu_spool_t *spool, apr_off_t *size)
{
    apr_status_t rv = bgu_spool_lock(spool);

    if (rv == APR_SUCCESS) {
        rv = bgu_spool_size(size, spool);
        bgu_spool_unlock(spool);
    }
    return rv;
}

/* Whether the spool file is as long as the row says. */
static int has_all(const bgu_session_t *session, apr_pool_t *pool)
{
    bgu_spool_t *spool;
    apr_off_t size;

    return bgu_spool_open(&spool, session->spool, session->id, NULL, pool) == APR_SUCCESS &&
           complete_size(spool, &size) == APR_SUCCESS && size >= session->total;
}

/* Look at the row as it is now, and whether it is one of a complete upload whose file is gone. Such
 * a row is believed when it was seen twice: the session may have ended between row and file. */
static apr_status_t look_again(const bgu_call_t *call, bgu_session_t **now, int *gone)
{
    const bgu_sessions_t *sessions = call->sessions;
    apr_status_t rv;

    for (int i = 0; i < 2; i++) {
        rv = sessions->provider->find(sessions->store, now, call->session->id, call->pool);
        *gone =
            rv == APR_SUCCESS && (*now)->state == BGU_STATE_COMPLETE && !has_all(*now, call->pool);
        if (!*gone) {
            break;
        }
    }
    return rv;
}

/* Look again after the body was read: this request cannot start over, but what it wanted may have
 * been done by another one of the same session. */
static bgu_result_e settle(bgu_call_t *call)
{
    bgu_session_t *now;
    int gone;
    apr_status_t rv = look_again(call, &now, &gone);

    if (rv != APR_SUCCESS && !APR_STATUS_IS_NOTFOUND(rv)) {
        return bgu_call_fail(call, rv, "cannot read the store");
    }
    if (rv != APR_SUCCESS || bgu_state_is_tombstone(now->state)) {
        call->outcome->answer.next = -1;
        return bgu_call_say(call, BGU_SESSION_NOT_FOUND, "the session ended during its fragment");
    }
    if (gone) {
        call->outcome->answer.next = 0;
        return bgu_call_say(call, BGU_RANGE, "the spool file of a complete upload is gone");
    }
    if (now->state == BGU_STATE_COMPLETE || now->state == BGU_STATE_PUBLISHED) {
        call->session = now;
        call->outcome->session = now;
        call->outcome->answer.next = -1;
        bgu_result_e result = check(call); /* what was done may be another file */
        if (result == BGU_OK) {
            call->outcome->answer.next = now->total;
        }
        return result;
    }
    return bgu_call_overtaken(call);
}

/* Write the row as COMPLETE, unless this request has done so. With BGUploadSync Fragment it is on
 * the disk before the client hears of it, also where a request that died was first to write it. */
static bgu_result_e become_complete(bgu_call_t *call, bgu_state_e before)
{
    int durable = call->request->policy->sync == BGU_SYNC_FRAGMENT;

    if (call->session->state == BGU_STATE_COMPLETE && (before != BGU_STATE_COMPLETE || !durable)) {
        return BGU_OK;
    }
    return bgu_call_change(call, BGU_STATE_COMPLETE, durable);
}

/* The last byte is here (again). */
static bgu_result_e complete(bgu_call_t *call, const bgu_spool_t *spool)
{
    const bgu_policy_t *policy = call->request->policy;
    bgu_state_e state = call->session->state;
    bgu_result_e result = BGU_OK;

    if (policy->notify != BGU_NOTIFY_NONE && state != BGU_STATE_COMPLETE) {
        result = bgu_call_ask(call, spool);
    }
    if (result == BGU_OK && policy->commit_on_last && !call->session->reply.taken) {
        bgu_call_plan(call, 1);
        result = bgu_call_commit(call);
    } else if (result == BGU_OK) {
        result = become_complete(call, state);
    }
    if (result == BGU_OK && (state != BGU_STATE_COMPLETE || call->whole) &&
        call->session->state == BGU_STATE_COMPLETE) {
        call->outcome->event = BGU_EVENT_COMPLETED;
    }
    return result;
}

/* Note a failure, and which file it hit. */
static bgu_result_e fail_at_file(bgu_call_t *call, apr_status_t rv, const char *what)
{
    const char *path = bgu_spool_path(call->session->spool, call->session->id, call->pool);

    return bgu_call_fail(call, rv, apr_pstrcat(call->pool, what, path, NULL));
}

/* What the client hears when its bytes could not be appended. */
static bgu_result_e refuse_bytes(bgu_call_t *call, apr_status_t rv)
{
    if (APR_STATUS_IS_ENOENT(rv)) {
        call->outcome->answer.next = 0;
        bgu_result_e result = settle(call);
        return result == BGU_BUSY ? bgu_call_say(call, BGU_RANGE, "the spool file was removed")
                                  : result;
    }
    if (APR_STATUS_IS_EINVAL(rv)) {
        return bgu_call_say(call, BGU_RANGE, "the spool file shrank while a fragment came in");
    }
    return fail_at_file(call, rv, "cannot write to the spool file ");
}

/* From here on this request cannot start over. */
static void begin_body(bgu_call_t *call)
{
    call->outcome->body_read = 1;
    call->reading = 1;
}

/* Wait for the piece of the body that stands at position. */
static apr_status_t gather(bgu_call_t *call, bgu_piece_t *piece, apr_off_t position)
{
    bgu_reader_t *reader = call->request->reader;

    begin_body(call);
    return reader->read(reader, piece, call->request->packet->range.end - position);
}

/* Be done with the body, and with the memory that it took: what follows may take long. */
static void end_body(bgu_call_t *call)
{
    bgu_reader_t *reader = call->request->reader;

    if (call->reading) {
        call->reading = 0;
        reader->end(reader);
    }
}

/* The bytes of a whole file could not be appended: its row does not say so any more. Where even
 * that fails, the next fragment finds out (see align()). */
static void take_back(bgu_call_t *call)
{
    if (call->whole) {
        (void)bgu_session_move(call->sessions, call->session, BGU_STATE_RECEIVING, 0);
    }
}

/* Take the body from the reader to the end of the spool file. size is N, before and after. */
static bgu_result_e receive(bgu_call_t *call, bgu_spool_t *spool, apr_off_t *size)
{
    const bgu_range_t *range = &call->request->packet->range;
    apr_off_t position = range->first;
    bgu_piece_t piece;

    while (position < range->end) {
        apr_status_t rv = gather(call, &piece, position);
        if (rv != APR_SUCCESS) {
            call->outcome->answer.cause = rv;
            return bgu_call_say(call, BGU_DISCONNECTED, "the fragment broke off");
        }
        rv = bgu_spool_append(spool, size, position, range->total, &piece);
        call->outcome->answer.next = *size;
        if (rv != APR_SUCCESS) {
            take_back(call);
            return refuse_bytes(call, rv);
        }
        position += piece.length;
    }
    return BGU_OK;
}

/* Fix the total of a session whose user has a quota. */
static bgu_result_e promise(bgu_call_t *call, int durable)
{
    const bgu_sessions_t *sessions = call->sessions;
    apr_off_t quota = call->request->policy->quota;

    call->session->updated = apr_time_now();
    apr_status_t rv = sessions->provider->promise(sessions->store, call->session,
                                                  call->session->state, quota, durable);
    if (rv == APR_SUCCESS) {
        return BGU_OK;
    }
    if (rv == BGU_STATUS_QUOTA) {
        return bgu_call_say(call, BGU_QUOTA,
                            apr_psprintf(call->pool,
                                         "%" APR_OFF_T_FMT
                                         " bytes more than the user's open uploads "
                                         "are over BGUploadQuota, which is %" APR_OFF_T_FMT,
                                         call->session->total, quota));
    }
    return APR_STATUS_IS_EAGAIN(rv) ? bgu_call_overtaken(call)
                                    : bgu_call_fail(call, rv, "cannot write to the store");
}

/* Whether a fragment is the first and the last one, and has come in already; then its body has
 * begun. There is nothing to wait for, and nothing to ask; its row is written once, not for the
 * total and again for the end. A Close-Session that comes before is one of a session without a
 * fragment. */
static int comes_whole(bgu_call_t *call)
{
    const bgu_range_t *range = &call->request->packet->range;
    const bgu_policy_t *policy = call->request->policy;
    bgu_reader_t *reader = call->request->reader;

    if (range->first > 0 || range->end < range->total || range->end == 0 ||
        policy->notify != BGU_NOTIFY_NONE || policy->commit_on_last || policy->quota ||
        policy->sync == BGU_SYNC_FRAGMENT || reader->is_here == NULL) {
        return 0;
    }
    if (!reader->is_here(reader, range->end)) {
        return 0;
    }
    begin_body(call);
    return 1;
}

/* Write the row anew: with the total of the first fragment, as COMPLETE if that is the whole file,
 * or as RECEIVING again. A file that was made for nothing, because the session ended meanwhile or
 * its user's quota is used up, goes; but not with what another request has put into it by now. */
static bgu_result_e rewrite(bgu_call_t *call, bgu_spool_t *spool, int created)
{
    int durable = call->request->policy->sync == BGU_SYNC_FRAGMENT;
    int first = call->session->total == BGU_TOTAL_UNKNOWN;
    bgu_state_e state = call->whole ? BGU_STATE_COMPLETE : BGU_STATE_RECEIVING;

    call->session->total = call->request->packet->range.total;
    bgu_result_e result = first && call->request->policy->quota
                              ? promise(call, durable)
                              : bgu_call_change(call, state, durable);
    if (result == BGU_QUOTA && created) {
        (void)bgu_spool_remove_empty(spool, call->session->spool, call->session->id, call->pool);
    } else if (result != BGU_OK && created) {
        bgu_call_drop_orphan(call);
    }
    return result;
}

/* Have the lock for a file that comes whole, from before its row says COMPLETE until its bytes are
 * there: bgu_spool_append() lets it go, or align() where the row could not be written. Nobody finds
 * the one without the other. */
static int lock_whole(bgu_call_t *call, bgu_spool_t *spool, apr_off_t *size)
{
    if (call->session->total != BGU_TOTAL_UNKNOWN || *size > 0 || !comes_whole(call) ||
        bgu_spool_lock(spool) != APR_SUCCESS) {
        return 0;
    }
    if (bgu_spool_size(size, spool) == APR_SUCCESS && *size == 0) {
        return 1;
    }
    bgu_spool_unlock(spool);
    return 0;
}

/* Bring the row in line with the spool file of this size: the first fragment fixes the total; and
 * where bytes were lost, with or without the file, they are wanted again. */
static bgu_result_e align(bgu_call_t *call, bgu_spool_t *spool, int created, apr_off_t *size)
{
    const bgu_session_t *session = call->session;
    bgu_result_e result = BGU_OK;

    call->whole = lock_whole(call, spool, size);
    if (created || session->total == BGU_TOTAL_UNKNOWN ||
        (session->state == BGU_STATE_COMPLETE && *size < session->total)) {
        result = rewrite(call, spool, created);
    }
    if (call->whole && result != BGU_OK) {
        bgu_spool_unlock(spool);
    }
    return result;
}

/* Open the spool file, look at its size, and align the row. */
static bgu_result_e begin(bgu_call_t *call, bgu_spool_t **spool, apr_off_t *size)
{
    const bgu_session_t *session = call->session;
    int created;
    bgu_result_e result = bgu_call_open_spool(call, spool, &created);

    if (result != BGU_OK) {
        return result;
    }
    apr_status_t rv = session->state == BGU_STATE_COMPLETE ? complete_size(*spool, size)
                                                           : bgu_spool_size(size, *spool);
    if (rv == APR_SUCCESS) {
        result = align(call, *spool, created, size);
    }
    if (result == BGU_OK && rv == APR_SUCCESS && session->state == BGU_STATE_RECEIVING &&
        *size > session->total) {
        /* A power cut took the row's total back, and this is another file. By the row it is: one
         * with more bytes has not come meanwhile. */
        rv = bgu_spool_restart(*spool, size, session->total);
    }
    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_ENOENT(rv) ? bgu_call_overtaken(call)
                                        : bgu_call_fail(call, rv, "cannot look at the spool file");
    }
    return result;
}

/* Whether the fragment does not continue what is there: a gap, or a duplicate while more is wanted.
 */
static int is_unwanted(const bgu_range_t *range, apr_off_t size)
{
    return range->first > size || (range->end <= size && size < range->total);
}

/* Say where to go on. */
static bgu_result_e refuse_range(bgu_call_t *call, apr_off_t size)
{
    if (size == 0) {
        /* The session may be over, and the file one that another late request has just made. */
        bgu_result_e result = settle(call);
        if (result != BGU_BUSY) {
            return result;
        }
    }
    const char *detail = apr_psprintf(
        call->pool, "bytes from %" APR_OFF_T_FMT " came, from %" APR_OFF_T_FMT " are wanted",
        call->request->packet->range.first, size);

    return bgu_call_say(call, BGU_RANGE, detail);
}

/* A fragment of a session that wants bytes, or has them all and may be asked again. */
static bgu_result_e take(bgu_call_t *call)
{
    const bgu_range_t *range = &call->request->packet->range;
    apr_status_t rv = APR_SUCCESS;
    bgu_spool_t *spool;
    apr_off_t size = 0;
    bgu_result_e result = begin(call, &spool, &size);

    if (result != BGU_OK) {
        return result;
    }
    call->outcome->answer.next = size;
    if (is_unwanted(range, size)) {
        return refuse_range(call, size);
    }
    if (range->end > size) {
        result = receive(call, spool, &size);
        end_body(call);
    } else {
        rv = bgu_spool_touch(call->session->spool, call->session->id, call->pool);
    }
    if (result != BGU_OK) {
        return result;
    }
    if (rv == APR_SUCCESS && call->request->policy->sync == BGU_SYNC_FRAGMENT) {
        rv = bgu_spool_sync(spool);
    }
    if (rv != APR_SUCCESS) {
        /* Nothing was read, and the file went with its session. */
        return APR_STATUS_IS_ENOENT(rv) ? bgu_call_overtaken(call)
                                        : fail_at_file(call, rv, "cannot sync the spool file ");
    }
    return size == range->total ? complete(call, spool) : BGU_OK;
}

/* Say where the reply is, in the answer to the last fragment however often it is asked for. */
static void tell_reply(bgu_call_t *call)
{
    const bgu_session_t *session = call->session;
    bgu_answer_t *answer = &call->outcome->answer;

    if (answer->next != session->total) {
        return;
    }
    if (session->reply.kind == BGU_REPLY_URL) {
        answer->reply_url = session->reply.url;
    } else if (session->reply.kind == BGU_REPLY_FILE) {
        answer->reply_url = apr_pstrcat(call->pool, call->request->reply_base, "{", session->id,
                                        "}/" BGU_REPLY_FILE_NAME, NULL);
    }
}

/* A fragment that nothing speaks against, in whatever state its session is. */
static bgu_result_e serve(bgu_call_t *call)
{
    switch (call->session->state) {
    case BGU_STATE_PUBLISHED:
        call->outcome->answer.next = call->session->total;
        return BGU_OK;
    case BGU_STATE_COMMITTING:
        return bgu_call_finish_commit(call);
    default:
        return take(call);
    }
}

bgu_result_e bgu_fragment(bgu_call_t *call)
{
    bgu_result_e result;

    if (bgu_state_is_tombstone(call->session->state)) {
        return bgu_call_say(call, BGU_SESSION_NOT_FOUND, "the session is over");
    }
    result = check(call);
    if (result == BGU_OK) {
        result = serve(call);
        end_body(call);
        if (result == BGU_BUSY && call->outcome->body_read) {
            result = settle(call);
        }
    }
    if (result == BGU_OK) {
        tell_reply(call);
    }
    return result;
}
