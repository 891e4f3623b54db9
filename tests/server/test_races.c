/* SPDX-License-Identifier: Apache-2.0 */

/* Requests that come at the same moment, over several processes of httpd: each answer is one of
 * those that the protocol knows, and what is left in the end fits all of them.
 *
 * All but the last byte of each request is sent before; the last bytes are sent in a row, in
 * another order each time, and only then the answers are read. */

#include "suites.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "backend.h"
#include "files.h"
#include "upload.h"

/** Most requests of one moment. */
#define CROWD 10

#define WRITERS      4
#define WRITE_ROUNDS 8
#define WRITE_LENGTH (200 * 1024)
#define END_ROUNDS   40
#define END_LENGTH   3000
#define RIVALS       8
#define RIVAL_ROUNDS 12

/** Requests that come at the same moment. */
typedef struct crowd_t {
    wire_t *wires[CROWD];
    const char *last[CROWD]; /**< byte that is still to be sent */
    int count;
} crowd_t;

/** More requests than one process takes at once, so that others take some. */
static const char processes[] = "StartServers 4\n";

static int chance(int below)
{
    static unsigned seed = 1;

    return rand_r(&seed) % below;
}

/** Prepare a packet without a body. Returns its number. */
static int add_packet(crowd_t *crowd, httpd_env_t *env, const char *path, const char *type,
                      const char *id)
{
    wire_t *wire = wire_connect(env);

    wire_send(wire,
              "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\nBITS-Packet-Type: %s\r\n"
              "BITS-Session-Id: %s\r\nContent-Length: 0\r\n\r",
              path, type, id);
    crowd->wires[crowd->count] = wire;
    crowd->last[crowd->count] = "\n";
    return crowd->count++;
}

/** Prepare a Fragment with the bytes [first, end) of a file. */
static int add_fragment(crowd_t *crowd, const upload_t *up, const char *file, long long first,
                        long long end, long long total)
{
    wire_t *wire = wire_connect(up->env);

    wire_fragment_head(wire, up->path, up->id, first, end - first, total);
    wire_send_bytes(wire, file + first, (size_t)(end - first - 1));
    crowd->wires[crowd->count] = wire;
    crowd->last[crowd->count] = file + end - 1;
    return crowd->count++;
}

/** Send all that is prepared, from anywhere on, forwards or backwards. */
static void let_go(const crowd_t *crowd)
{
    int start = chance(crowd->count);
    int step = chance(2) ? 1 : crowd->count - 1;

    for (int i = 0; i < crowd->count; i++) {
        int next = (start + i * step) % crowd->count;

        wire_send_bytes(crowd->wires[next], crowd->last[next], 1);
    }
}

static void disperse(crowd_t *crowd)
{
    while (crowd->count > 0) {
        wire_disconnect(crowd->wires[--crowd->count]);
    }
}

static int is_answer(const wire_answer_t *answer, int status, const char *code)
{
    const char *sent = wire_header(answer, "BITS-Error-Code");

    return answer->status == status && (code == NULL || (sent && strcmp(sent, code) == 0));
}

static long long next_of(const wire_answer_t *answer)
{
    const char *next = wire_header(answer, "BITS-Received-Content-Range");

    return next != NULL ? strtoll(next, NULL, 10) : -1;
}

/** A crowd of fragments of one session, each from somewhere below the next byte that its writer
 * wants. Returns the least that all writers have heard of. */
static long long write_at_once(const upload_t *up, const char *file, long long *wanted)
{
    long long known = 0;
    long long least = WRITE_LENGTH;
    crowd_t crowd = {.count = 0};

    for (int i = 0; i < WRITERS; i++) {
        long long back = chance(20000);
        long long first = back < wanted[i] ? wanted[i] - back : 0;
        long long end = wanted[i] + 1 + chance(60000);

        known = wanted[i] > known ? wanted[i] : known;
        add_fragment(&crowd, up, file, first, end < WRITE_LENGTH ? end : WRITE_LENGTH,
                     WRITE_LENGTH);
    }
    let_go(&crowd);
    for (int i = 0; i < crowd.count; i++) {
        const wire_answer_t *answer = wire_read(crowd.wires[i]);

        CHECK(is_answer(answer, 200, NULL) || is_answer(answer, 416, NULL));
        wanted[i] = next_of(answer);
        CHECK(wanted[i] >= known && wanted[i] <= WRITE_LENGTH);
        least = wanted[i] < least ? wanted[i] : least;
    }
    disperse(&crowd);
    return least;
}

/** Writers that know nothing of each other, and one that has stalled in the middle of it all. */
static void writers(void)
{
    httpd_env_t *env = httpd_env_start(&(httpd_env_options_t){.server = processes});
    const char *file = backend_bytes(WRITE_LENGTH, httpd_env_pool());

    for (int round = 0; round < WRITE_ROUNDS; round++) {
        upload_t up = upload_another(env, httpd_env_format("/upload/%d", round));
        wire_t *stalled = wire_connect(env);
        long long wanted[WRITERS] = {0};

        wire_fragment_head(stalled, up.path, up.id, 0, WRITE_LENGTH, WRITE_LENGTH);
        wire_send_bytes(stalled, file, 1000);
        for (int i = 0; i < 1000 && write_at_once(&up, file, wanted) < WRITE_LENGTH; i++) {
        }
        wire_send_bytes(stalled, file + 1000, WRITE_LENGTH - 1000);
        CHECK_NEXT(wire_read(stalled), 200, WRITE_LENGTH);
        upload_finish(&up, file, WRITE_LENGTH);
        wire_disconnect(stalled);
        wire_disconnect(up.wire);
    }
}

/** What was heard to packets of one kind. */
typedef struct heard_t {
    int done;
    int gone;
} heard_t;

static void hear(heard_t *heard, const wire_answer_t *answer)
{
    int done = is_answer(answer, 200, NULL);
    int gone = is_answer(answer, 500, "0x8020001F");

    if (!done && !gone && !is_answer(answer, 503, "0x80070020")) {
        CHECK_FAIL("status %d, %s", answer->status, wire_header(answer, "BITS-Error-Code"));
    }
    heard->done += done;
    heard->gone += gone;
}

/** Close-Session, until it is said what became of the session. */
static int is_closed(const upload_t *up)
{
    const wire_answer_t *answer;

    do {
        wire_t *wire = wire_connect(up->env);

        answer = wire_close(wire, up->path, up->id);
        wire_disconnect(wire);
    } while (is_answer(answer, 503, NULL));
    CHECK(is_answer(answer, 200, NULL) || is_answer(answer, 500, "0x8020001F"));
    return answer->status == 200;
}

/** The last fragment, Close-Session and Cancel-Session of one session, each from two connections.
 * @param whole whether all has been sent before, so that the fragments are duplicates
 * @param on_last whether the last fragment publishes */
static void end_at_once(const upload_t *up, const char *file, int whole, int on_last)
{
    const char *dest = httpd_env_path(up->env, up->path);
    long long sent = whole ? END_LENGTH : END_LENGTH - 1;
    heard_t fragments = {0}, closes = {0}, cancels = {0};
    crowd_t crowd = {.count = 0};
    int published;

    CHECK_NEXT(wire_fragment(up->wire, up->path, up->id, file, 0, (size_t)sent, END_LENGTH), 200,
               sent);
    for (int i = 0; i < 2; i++) {
        add_fragment(&crowd, up, file, END_LENGTH - 100, END_LENGTH, END_LENGTH);
        add_packet(&crowd, up->env, up->path, "Close-Session", up->id);
        add_packet(&crowd, up->env, up->path, "Cancel-Session", up->id);
    }
    let_go(&crowd);
    for (int i = 0; i < crowd.count; i += 3) {
        hear(&fragments, wire_read(crowd.wires[i]));
        hear(&closes, wire_read(crowd.wires[i + 1]));
        hear(&cancels, wire_read(crowd.wires[i + 2]));
    }
    disperse(&crowd);
    CHECK_INT(cancels.gone, 0);
    published = files_exists(dest);
    if (is_closed(up)) {
        CHECK_INT(closes.gone, 0);
        CHECK(published || !(whole || fragments.done > 0));
    } else {
        CHECK_INT(closes.done, 0);
        CHECK(cancels.done > 0);
        CHECK(on_last || !published);
        CHECK(!on_last || published || !(whole || fragments.done > 0));
    }
    if (published) {
        upload_check_file(up, file, END_LENGTH);
    }
    CHECK_INT(files_exists(dest), published);
    CHECK_INT(httpd_env_spool_count(up->env), 0);
}

static void run_ends(const char *lines, int on_last)
{
    httpd_env_options_t options = {.server = processes, .directory = lines};
    httpd_env_t *env = httpd_env_start(&options);
    const char *file = backend_bytes(END_LENGTH, httpd_env_pool());

    for (int round = 0; round < END_ROUNDS; round++) {
        upload_t up = upload_another(env, httpd_env_format("/upload/%d", round));

        end_at_once(&up, file, round % 2, on_last);
        wire_disconnect(up.wire);
    }
}

static void ends(void)
{
    run_ends(NULL, 0);
}

static void ends_on_last(void)
{
    run_ends("BGUploadCommit OnLastFragment\n", 1);
}

/** A session that has sent a file which no other one has. */
static upload_t begin_rival(httpd_env_t *env, const char *file, int number)
{
    upload_t up = upload_another(env, "/upload/prize");
    size_t length = 1000 + (size_t)number;

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, length, (long long)length), 200,
               (long long)length);
    wire_disconnect(up.wire);
    return up;
}

/** Sessions of one destination that are closed at the same moment.
 * @return the number of those that were answered 200 */
static int close_rivals(httpd_env_t *env, const char *file, int overwrite)
{
    const char *dest = httpd_env_path(env, "/upload/prize");
    upload_t rivals[RIVALS];
    crowd_t crowd = {.count = 0};
    int winner = -1;
    int won = 0;

    for (int i = 0; i < RIVALS; i++) {
        rivals[i] = begin_rival(env, file, i);
        add_packet(&crowd, env, rivals[i].path, "Close-Session", rivals[i].id);
    }
    let_go(&crowd);
    for (int i = 0; i < RIVALS; i++) {
        const wire_answer_t *answer = wire_read(crowd.wires[i]);

        if (is_answer(answer, 200, NULL)) {
            winner = i;
            won++;
        } else {
            CHECK_ANSWER(answer, 403, "0x80070005");
        }
    }
    disperse(&crowd);
    REQUIRE(winner >= 0);
    winner = overwrite ? (int)files_size(dest) - 1000 : winner;
    CHECK(winner >= 0 && winner < RIVALS);
    upload_check_file(&rivals[winner], file, 1000 + (size_t)winner);
    /* Those that lost have kept all they sent. */
    CHECK_INT(httpd_env_spool_count(env), RIVALS - won);
    for (int i = 0; i < RIVALS && !overwrite; i++) {
        wire_t *wire = wire_connect(env);

        CHECK_ANSWER(wire_cancel(wire, rivals[i].path, rivals[i].id), 200, NULL);
        wire_disconnect(wire);
    }
    upload_check_file(&rivals[winner], file, 1000 + (size_t)winner);
    CHECK_INT(unlink(dest), 0);
    return won;
}

static void run_rivals(const char *lines, int overwrite)
{
    httpd_env_options_t options = {.server = processes, .directory = lines};
    httpd_env_t *env = httpd_env_start(&options);
    const char *file = backend_bytes(1000 + RIVALS, httpd_env_pool());

    for (int round = 0; round < RIVAL_ROUNDS; round++) {
        CHECK_INT(close_rivals(env, file, overwrite), overwrite ? RIVALS : 1);
    }
}

static void one_wins(void)
{
    run_rivals(NULL, 0);
}

static void all_win(void)
{
    run_rivals("BGUploadAllowOverwrites On\n", 1);
}

void suite_races(void)
{
    static const suite_test_t tests[] = {
        {"writers of one session", writers},
        {"last fragment, Close and Cancel", ends},
        {"the same with OnLastFragment", ends_on_last},
        {"one destination, overwriting off", one_wins},
        {"one destination, overwriting on", all_win},
    };

    SUITE_ADD("races", tests);
}
