/* SPDX-License-Identifier: Apache-2.0 */

/* Whole uploads: packets in any order to bgu_upload(), with a real store, spool and destination.
 * After each packet everything is held to what the protocol says (upload_model.h).
 *
 * The input is lines of a letter and numbers. The first is the policy:
 *
 *     P overwrite on-last notify max-size max-fragment quota sessions
 *     C dest               Create-Session
 *     F session first last total sent      Fragment, of which that many bytes come
 *     L session            Close-Session
 *     X session            Cancel-Session
 *     V session            its spool file vanishes
 *     T session            it has been idle beyond its timeout
 *     K                    a clean-up
 *     S session at-url     another user's Close-Session, at its URL or another one
 *     A verdict            what the application says from now on */

#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "bgu_cleanup.h"
#include "bgu_spool.h"
#include "upload_model.h"

/** Most numbers of a line, most packets of an input, most bytes of a fragment that come. */
enum { NUMBERS = 7, PACKETS = 60, SENT_MAX = 3000 };

static bgu_store_t *store;
static const char *spool, *destinations[MODEL_DESTS];
static const char *const users[MODEL_DESTS] = {"ann", ""};

/** One input on its way. */
typedef struct run_t {
    model_t model;
    bgu_policy_t policy;
    bgu_notifier_t notifier; /* the application */
    int asked;               /* how often it was */
    apr_pool_t *pool;
} run_t;

/** The body of a fragment. */
typedef struct body_t {
    bgu_reader_t reader;
    int number; /* of the session, which tells its bytes */
    apr_off_t at, end;
    char bytes[2][512];
    struct iovec vec[2];
} body_t;

void fuzz_setup(apr_pool_t *pool)
{
    const char *error;

    spool = fuzz_path("spool", pool);
    HOLDS(mkdir(spool, 0700) == 0 && mkdir(fuzz_path("docs", pool), 0700) == 0);
    destinations[0] = fuzz_path("docs/a.bin", pool);
    destinations[1] = fuzz_path("docs/b.bin", pool);
    HOLDS(bgu_store_sqlite.open(&store, fuzz_path("sessions.db", pool), 1, &error, pool) ==
          APR_SUCCESS);
}

/** A byte of a session's file. */
static char byte_at(int number, apr_off_t offset)
{
    return (char)(number * 37 + offset + (offset >> 8));
}

/** Hands out pieces of up to 512 bytes, two at a time. */
static apr_status_t read_body(bgu_reader_t *reader, bgu_piece_t *piece, apr_off_t left)
{
    body_t *body = (body_t *)reader;

    *piece = (bgu_piece_t){body->vec, 0, -1, 0};
    for (; piece->count < 2 && body->at < body->end && left > 0; piece->count++) {
        char *bytes = body->bytes[piece->count];
        apr_size_t length = 0;

        for (; length < sizeof(body->bytes[0]) && left > 0 && body->at < body->end; length++) {
            bytes[length] = byte_at(body->number, body->at++);
            left--;
        }
        body->vec[piece->count] = (struct iovec){bytes, length};
        piece->length += (apr_off_t)length;
    }
    return piece->count > 0 ? APR_SUCCESS : APR_ECONNABORTED;
}

/** As in a server, bodies are here that come with the head of their request. */
static int is_here(bgu_reader_t *reader, apr_off_t length)
{
    const body_t *body = (const body_t *)reader;

    return length <= (apr_off_t)sizeof(body->bytes) && body->end - body->at >= length;
}

/** What was handed out is not to be used any more. */
static void end_body(bgu_reader_t *reader)
{
    body_t *body = (body_t *)reader;

    memset(body->vec, 0, sizeof(body->vec));
    memset(body->bytes, 0, sizeof(body->bytes));
}

/** The application: says what the model expects it to say. */
static void notify(bgu_notifier_t *notifier, bgu_verdict_t *verdict,
                   const bgu_notification_t *notification, apr_pool_t *pool)
{
    run_t *run = (run_t *)((char *)notifier - offsetof(run_t, notifier));

    (void)pool;
    run->asked++;
    *verdict = run->model.verdict;
    if (verdict->has_reply) {
        fuzz_write(notification->reply_path, "reply", 5);
    }
}

/** Whether a file holds the first bytes of a session's file, and nothing else. */
static int holds_bytes(const char *path, int number, apr_off_t size)
{
    FILE *file = fopen(path, "re");
    apr_off_t offset = 0;
    int c;

    if (file == NULL) {
        return 0;
    }
    while ((c = getc(file)) != EOF && (char)c == byte_at(number, offset)) {
        offset++;
    }
    (void)fclose(file);
    return c == EOF && offset == size;
}

/** Hold the files to what the model says is there. */
static void check_files(const run_t *run)
{
    const model_t *model = &run->model;

    for (int i = 0; i < model->count; i++) {
        const model_session_t *session = &model->sessions[i];
        const char *path = bgu_spool_path(spool, session->id, run->pool);

        HOLDS(session->total == BGU_TOTAL_UNKNOWN || session->next <= session->total);
        HOLDS(session->has_file ? holds_bytes(path, i, session->next) : access(path, F_OK) != 0);
    }
    for (int i = 0; i < MODEL_DESTS; i++) {
        const model_session_t *session = model->published[i];

        HOLDS(session
                  ? holds_bytes(destinations[i], (int)(session - model->sessions), session->total)
                  : access(destinations[i], F_OK) != 0);
    }
}

/** Make a file an old one. */
static void age(const char *path)
{
    const struct timespec times[2] = {{1, 0}, {1, 0}};

    HOLDS(utimensat(AT_FDCWD, path, times, 0) == 0);
}

/** Make a session and its spool file as old as can be. */
static void age_session(run_t *run, model_session_t *session)
{
    bgu_session_t *row;

    if (model_is_over(session)) {
        return;
    }
    HOLDS(bgu_store_sqlite.find(store, &row, session->id, run->pool) == APR_SUCCESS);
    row->updated = 1;
    HOLDS(bgu_store_sqlite.update(store, row, row->state, 0) == APR_SUCCESS);
    if (session->has_file) {
        age(bgu_spool_path(spool, session->id, run->pool));
    }
    session->old = 1;
}

/** Hold an outcome to the model's. */
static void check_outcome(const run_t *run, const bgu_outcome_t *outcome, model_answer_t expected)
{
    const bgu_answer_t *answer = &outcome->answer;

    if (answer->result != expected.result) {
        (void)fprintf(stderr, "%s (%s), expected %s\n", bgu_error(answer->result)->name,
                      answer->detail ? answer->detail : "-", bgu_error(expected.result)->name);
    }
    HOLDS(answer->result == expected.result);
    HOLDS(expected.next < 0 || answer->next == expected.next);
    HOLDS(outcome->event == expected.event);
    HOLDS(run->asked == run->model.asked);
    if (outcome->event == BGU_EVENT_COMMITTED) {
        /* By its time and bytes it could be taken for another session's, published before a crash:
         * empty files are all the same. */
        age(outcome->session->dest);
    }
    check_files(run);
}

/** Send a packet to a destination's URL. */
static const bgu_outcome_t *serve(run_t *run, const bgu_packet_t *packet, int dest,
                                  const char *user, body_t *body)
{
    bgu_outcome_t *outcome = apr_palloc(run->pool, sizeof(*outcome));
    const bgu_sessions_t sessions = {&bgu_store_sqlite, store};
    const bgu_request_t request = {
        .packet = packet,
        .policy = &run->policy,
        .user = user,
        .client = "::1",
        .path = destinations[dest],
        .query = "",
        .dest = destinations[dest],
        .reader = body ? &body->reader : NULL,
        .notifier = &run->notifier,
        .url = "http://localhost/a.bin",
        .notify_url = "http://localhost/application",
        .reply_base = "http://localhost/replies/",
    };

    bgu_upload(outcome, &sessions, &request, run->pool);
    return outcome;
}

static void create(run_t *run, int dest)
{
    const bgu_packet_t packet = {.type = BGU_CREATE_SESSION};
    const bgu_outcome_t *outcome;
    model_answer_t expected;

    if (run->model.count == MODEL_SESSIONS) {
        return;
    }
    expected = model_create(&run->model, dest);
    outcome = serve(run, &packet, dest, users[dest], NULL);
    if (expected.result == BGU_OK) {
        HOLDS(outcome->answer.session_id != NULL);
        run->model.sessions[run->model.count - 1].id = outcome->answer.session_id;
    }
    check_outcome(run, outcome, expected);
}

static model_answer_t expect(run_t *run, model_session_t *session, const bgu_packet_t *packet,
                             apr_off_t sent)
{
    switch (packet->type) {
    case BGU_FRAGMENT:
        return model_fragment(&run->model, session, &packet->range, sent);
    case BGU_CLOSE_SESSION:
        return model_close(&run->model, session);
    default:
        return model_cancel(session);
    }
}

/** Send a packet about a session, and hold what comes of it to the model.
 * @param sent bytes of the body that come */
static void send_packet(run_t *run, model_session_t *session, const bgu_packet_t *packet,
                        apr_off_t sent)
{
    body_t body = {.reader = {.read = read_body, .is_here = is_here, .end = end_body},
                   .number = (int)(session - run->model.sessions)};
    bgu_event_e noticed = model_notice(session);
    model_answer_t expected = expect(run, session, packet, sent);

    if (noticed != BGU_EVENT_NONE) {
        expected.event = noticed;
    }
    body.at = packet->range.first;
    body.end = body.at + (sent < packet->length ? sent : packet->length);
    check_outcome(run, serve(run, packet, session->dest, users[session->dest], &body), expected);
}

/** A Fragment, unless the numbers are none that bgu_packet_parse() lets through. */
static void fragment(run_t *run, model_session_t *session, const apr_uint64_t *numbers)
{
    bgu_packet_t packet = {.type = BGU_FRAGMENT, .session_id = session->id};
    const char *text = apr_psprintf(
        run->pool, "bytes %" APR_UINT64_T_FMT "-%" APR_UINT64_T_FMT "/%" APR_UINT64_T_FMT,
        numbers[0], numbers[1], numbers[2]);

    if (bgu_range_parse(&packet.range, text) == NULL) {
        packet.length = packet.range.end - packet.range.first;
        send_packet(run, session, &packet, (apr_off_t)(numbers[3] % SENT_MAX));
    }
}

static void end(run_t *run, model_session_t *session, bgu_packet_e type)
{
    const bgu_packet_t packet = {.type = type, .session_id = session->id};

    send_packet(run, session, &packet, 0);
}

static void cleaned(void *baton, bgu_cleanup_e what, const bgu_session_t *session,
                    apr_status_t status)
{
    (void)session;
    HOLDS(what == BGU_CLEANUP_DISCARDED && status == APR_SUCCESS);
    ++*(int *)baton;
}

/** A clean-up: takes what is too old, and nothing else. */
static void clean(run_t *run)
{
    const bgu_sessions_t sessions = {&bgu_store_sqlite, store};
    int found = 0, expected = 0;
    const bgu_cleanup_t cleanup = {.sessions = &sessions,
                                   .tombstone = apr_time_from_sec(3600),
                                   .report = cleaned,
                                   .baton = &found};

    HOLDS(bgu_cleanup(&cleanup, run->pool) == APR_SUCCESS);
    for (int i = 0; i < run->model.count; i++) {
        expected += run->model.sessions[i].old;
        (void)model_notice(&run->model.sessions[i]);
    }
    HOLDS(found == expected);
    check_files(run);
}

static void vanish(run_t *run, model_session_t *session)
{
    (void)unlink(bgu_spool_path(spool, session->id, run->pool));
    model_lose(session);
}

/** Somebody who knows the id of another's session, at its URL or not. */
static void stranger(run_t *run, const model_session_t *session, int at_url)
{
    const bgu_packet_t packet = {.type = BGU_CLOSE_SESSION, .session_id = session->id};
    const model_answer_t expected = {at_url ? BGU_ACCESS_DENIED : BGU_SESSION_NOT_FOUND, -1,
                                     BGU_EVENT_NONE};
    int dest = at_url ? session->dest : 1 - session->dest;

    check_outcome(run, serve(run, &packet, dest, users[1 - session->dest], NULL), expected);
}

static void answer(run_t *run, apr_uint64_t which)
{
    static const bgu_verdict_t verdicts[] = {
        {.result = BGU_OK, .status = 200},
        {.result = BGU_OK, .status = 200, .has_reply = 1},
        {.result = BGU_OK, .status = 200, .copy = 1},
        {.result = BGU_OK, .status = 200, .copy = 1, .static_url = "http://localhost/reply"},
        {.result = BGU_APP_REFUSED, .status = 404},
        {.result = BGU_APP_REFUSED, .status = BGU_NOTIFY_STATUS_FINAL},
        {.result = BGU_APP_BROKEN, .status = 302},
        {.result = BGU_APP_UNREACHABLE},
        {.result = BGU_APP_TIMEOUT},
    };

    run->model.verdict = verdicts[which % (sizeof(verdicts) / sizeof(verdicts[0]))];
}

static void set_policy(run_t *run, const apr_uint64_t *numbers)
{
    run->policy.overwrite = numbers[0] & 1;
    run->policy.commit_on_last = numbers[1] & 1;
    run->policy.notify = numbers[2] & 1 ? BGU_NOTIFY_REFERENCE : BGU_NOTIFY_NONE;
    run->policy.max_size = (apr_off_t)(numbers[3] >> 1);
    run->policy.max_fragment = (apr_off_t)(numbers[4] >> 1);
    /* So that a sum of totals is exact where it is near to it. */
    run->policy.quota = (apr_off_t)(numbers[5] % 1000000);
    run->policy.limits.per_user = (int)(numbers[6] % 100);
}

/** Do what a line says. */
static void act(run_t *run, char *line)
{
    model_t *model = &run->model;
    apr_uint64_t numbers[NUMBERS] = {0};
    model_session_t *session;
    char *rest = line + 1;

    for (int i = 0; i < NUMBERS; i++) {
        numbers[i] = strtoull(rest, &rest, 10);
    }
    if (*line == 'P' && model->count == 0) {
        set_policy(run, numbers);
    } else if (*line == 'C') {
        create(run, (int)(numbers[0] % MODEL_DESTS));
    } else if (*line == 'A') {
        answer(run, numbers[0]);
    }
    if (model->count == 0) {
        return;
    }
    session = &model->sessions[numbers[0] % (apr_uint64_t)model->count];
    switch (*line) {
    case 'F':
        fragment(run, session, numbers + 1);
        break;
    case 'L':
        end(run, session, BGU_CLOSE_SESSION);
        break;
    case 'X':
        end(run, session, BGU_CANCEL_SESSION);
        break;
    case 'V':
        vanish(run, session);
        break;
    case 'T':
        age_session(run, session);
        break;
    case 'K':
        clean(run);
        break;
    case 'S':
        stranger(run, session, numbers[1] & 1);
        break;
    default:
        break;
    }
}

/** End all sessions and forget them. Nothing is left of them but what they published. */
static void clear(run_t *run)
{
    model_t *model = &run->model;

    for (int i = 0; i < model->count; i++) {
        model_session_t *session = &model->sessions[i];

        end(run, session, BGU_CANCEL_SESSION);
        HOLDS(bgu_store_sqlite.remove(store, session->id,
                                      session->state == MODEL_CLOSED
                                          ? BGU_STATE_CLOSED
                                          : BGU_STATE_CANCELLED) == APR_SUCCESS);
    }
    HOLDS(rmdir(spool) == 0 && mkdir(spool, 0700) == 0);
    for (int i = 0; i < MODEL_DESTS; i++) {
        (void)unlink(destinations[i]);
    }
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    run_t run = {
        .policy = {.spool = spool, .mode = 0600, .timeout = apr_time_from_sec(3600)},
        .notifier = {notify},
        .pool = pool,
    };

    run.policy.notify_timeout = apr_time_from_sec(1);
    run.model.policy = &run.policy;
    answer(&run, 0);
    for (int i = 0; i < PACKETS && size > 0; i++) {
        act(&run, fuzz_word(&data, &size, pool));
    }
    clear(&run);
}
