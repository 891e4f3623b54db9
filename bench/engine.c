/* SPDX-License-Identifier: Apache-2.0 */

#include "engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "connection.h"

/** Milliseconds without any event after which the server counts as stuck. */
#define STUCK 60000

/** Errors that are told one by one. */
#define TOLD 10

/** Events that are fetched at once. */
#define EVENTS 64

/** A connection with the file that it is about. */
typedef struct lane_t {
    connection_t connection;
    upload_t upload;
    int busy;              /**< an upload is on its way */
    uint64_t began;        /**< the request, nanoseconds */
    uint64_t upload_began; /**< the upload */
} lane_t;

struct engine_t {
    const plan_t *plan;
    tally_t *tally;
    int epoll;
    int working;        /**< lanes that are to be active */
    int turn;           /**< the lane that is looked at next for a file */
    uint64_t next_file; /**< that nobody has taken yet */
    lane_t *lanes;
};

/** An upload went wrong: give it up, and its connection too. */
static void give_up(engine_t *engine, lane_t *lane, const char *why)
{
    const answer_t *answer = &lane->connection.answer;

    if (engine->tally->errors++ < TOLD) {
        fprintf(stderr, "load: file %" PRIu64 ": %s (status %d)\n", lane->upload.file, why,
                answer->status);
    }
    connection_close(&lane->connection);
    lane->busy = 0;
}

/** Take the next file. Returns 0 if there is none. */
static int take_file(engine_t *engine, lane_t *lane)
{
    if (engine->next_file == engine->plan->number) {
        return 0;
    }
    memset(&lane->upload, 0, sizeof(lane->upload));
    lane->upload.plan = engine->plan;
    lane->upload.file = engine->next_file++;
    lane->connection.file = lane->upload.file;
    lane->upload_began = latency_now();
    lane->busy = 1;
    return 1;
}

static void upload_done(engine_t *engine, lane_t *lane, uint64_t now)
{
    tally_t *tally = engine->tally;

    tally->uploads++;
    tally->bytes += lane->upload.sent;
    latency_add(&tally->latencies[KIND_UPLOAD], now - lane->upload_began);
    lane->busy = 0;
}

/** The next lane without a file; somebody asks who has just lost his, so there is one. */
static lane_t *idle_lane(engine_t *engine)
{
    lane_t *lane;

    do {
        lane = &engine->lanes[engine->turn];
        engine->turn = (engine->turn + 1) % engine->plan->connections;
    } while (lane->busy);
    return lane;
}

/** Make the next request of a lane, or of another one if this has done with its file.
 * @return the lane, or NULL if nothing is left to do */
static lane_t *take_request(engine_t *engine, lane_t *lane)
{
    const protocol_t *protocol = engine->plan->protocol;
    uint64_t now = latency_now();

    for (;;) {
        if (!lane->busy) {
            lane = idle_lane(engine);
            if (!take_file(engine, lane)) {
                engine->working--;
                return NULL;
            }
        }
        if (protocol->next(&lane->upload, &lane->connection.request)) {
            lane->began = now;
            return lane;
        }
        upload_done(engine, lane, now);
    }
}

/** A request has come to its end. */
static void settle(engine_t *engine, lane_t *lane, progress_e progress)
{
    connection_t *connection = &lane->connection;
    const char *wrong = connection->trouble;

    if (connection_was_stale(connection, progress)) {
        engine->tally->reopened++;
        connection_close(connection);
        return;
    }
    if (progress == PROGRESS_ANSWERED) {
        wrong =
            engine->plan->protocol->judge(&lane->upload, &connection->request, &connection->answer);
        if (wrong == NULL && connection->body_sent < connection->request.length) {
            wrong = "the answer came before the whole request was sent";
        }
    }
    if (wrong != NULL) {
        give_up(engine, lane, wrong);
        return;
    }
    engine->tally->requests++;
    latency_add(&engine->tally->latencies[connection->request.kind], latency_now() - lane->began);
    if (connection->answer.closes) {
        engine->tally->reopened++;
        connection_close(connection);
    }
}

/** Go on from a lane that waits for nothing. */
static void work(engine_t *engine, lane_t *lane)
{
    while ((lane = take_request(engine, lane)) != NULL) {
        connection_t *connection = &lane->connection;
        progress_e progress = PROGRESS_FAILED;

        connection->trouble = NULL;
        answer_begin(&connection->answer);
        if (connection->fd >= 0 ||
            connection_open(connection, engine->plan->port, engine->epoll, lane)) {
            progress = connection_ask(connection);
        }
        if (progress == PROGRESS_WAITS) {
            return;
        }
        settle(engine, lane, progress);
    }
}

/** An event of a lane that has nothing to do: the server may have closed its connection. */
static void on_idle_event(engine_t *engine, lane_t *lane)
{
    connection_t *connection = &lane->connection;

    if (connection->fd >= 0 && connection_pull(connection) != PROGRESS_WAITS) {
        engine->tally->dropped++;
        connection_close(connection);
    }
}

static void on_event(engine_t *engine, lane_t *lane, uint32_t events)
{
    progress_e progress = PROGRESS_WAITS;

    if (!lane->busy) {
        on_idle_event(engine, lane);
        return;
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) {
        progress = connection_pull(&lane->connection);
    }
    if (progress == PROGRESS_WAITS && (events & EPOLLOUT)) {
        progress = connection_push(&lane->connection);
    }
    if (progress == PROGRESS_ANSWERED && (events & (EPOLLRDHUP | EPOLLHUP))) {
        /* This event is not told again. */
        lane->connection.answer.closes = 1;
    }
    if (progress != PROGRESS_WAITS) {
        settle(engine, lane, progress);
        work(engine, lane);
    }
}

static void loop(engine_t *engine)
{
    struct epoll_event events[EVENTS];

    while (engine->working > 0) {
        int count = epoll_wait(engine->epoll, events, EVENTS, STUCK);
        int i;

        if (count == 0) {
            fprintf(stderr, "load: the server does nothing for %d seconds\n", STUCK / 1000);
            engine->tally->errors += (uint64_t)engine->working;
            return;
        }
        for (i = 0; i < count; i++) {
            on_event(engine, events[i].data.ptr, events[i].events);
        }
    }
}

/** An engine whose connections are not open yet. */
static engine_t *make(const plan_t *plan, tally_t *tally)
{
    engine_t *engine = calloc(1, sizeof(*engine));
    int i;

    if (engine == NULL) {
        return NULL;
    }
    engine->plan = plan;
    engine->tally = tally;
    engine->working = plan->active;
    engine->epoll = epoll_create1(EPOLL_CLOEXEC);
    engine->lanes = calloc((size_t)plan->connections, sizeof(*engine->lanes));
    if (engine->epoll < 0 || engine->lanes == NULL) {
        return NULL;
    }
    for (i = 0; i < plan->connections; i++) {
        engine->lanes[i].connection.fd = -1;
    }
    return engine;
}

engine_t *engine_run(const plan_t *plan, tally_t *tally)
{
    engine_t *engine = make(plan, tally);
    uint64_t began = latency_now();
    int i;

    if (engine == NULL) {
        fprintf(stderr, "load: %s\n", strerror(errno));
        return NULL;
    }
    for (i = 0; i < plan->active; i++) {
        work(engine, idle_lane(engine));
    }
    loop(engine);
    tally->seconds = (double)(latency_now() - began) / 1e9;
    return engine;
}

void engine_close(engine_t *engine)
{
    int i;

    for (i = 0; i < engine->plan->connections; i++) {
        connection_close(&engine->lanes[i].connection);
    }
    close(engine->epoll);
    free(engine->lanes);
    free(engine);
}
