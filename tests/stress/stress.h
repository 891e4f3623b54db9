/* SPDX-License-Identifier: Apache-2.0 */

/* Races of the core: many actors, threads or processes, do to a few sessions whatever clients and
 * clean-ups can do, over and over, and afterwards all that was answered must fit together.
 *
 * A scenario is prepared by one, acted by many at once, and verified by one. What the actors share
 * lies in memory that processes share, too; store, spool and destinations are real. What is chosen
 * by chance comes from a seed; when who runs does not, of course. */

#ifndef STRESS_H
#define STRESS_H

#include <pthread.h>
#include <stdatomic.h>

#include "../unit/fixture.h"
#include "../../mod_bgupload/bgu_cleanup.h"
#include "../../mod_bgupload/bgu_upload.h"

/** Most actors of a scenario, and most sessions. */
#define STRESS_ACTORS_MAX   12
#define STRESS_SESSIONS_MAX 5

/** Bytes of the longest file. */
#define STRESS_LENGTH_MAX (128 * 1024)

/** How often an actor tries to get somewhere before that counts as a fault. */
#define STRESS_TRIES 5000

/** A session, and what those heard who did something to it. */
typedef struct stress_session_t {
    char id[BGU_ID_LEN + 1];
    char dest[200];     /**< path of its destination */
    const char *data;   /**< bytes of its file */
    apr_off_t total;    /**< how many */
    atomic_llong acked; /**< largest N that was acknowledged */
    atomic_int answers[BGU_PACKET_UNKNOWN][BGU_RESULT_COUNT];
    atomic_int events[BGU_EVENT_DISCARDED + 1];
    atomic_int cleaned[BGU_CLEANUP_FAILED + 1];
    atomic_int asking;   /**< notifications under way */
    atomic_int accepted; /**< those that were accepted */
    atomic_int copied;   /**< and asked for the file to be published as well */
    atomic_int refused;  /**< those that were refused for good */
} stress_session_t;

typedef struct stress_t stress_t;
typedef struct actor_t actor_t;

/** The server application of one packet. */
typedef struct application_t {
    bgu_notifier_t notifier; /**< first, so that a notifier is an application */
    actor_t *actor;          /**< whose packet it is */
    stress_session_t *session;
} application_t;

/** One who acts. */
struct actor_t {
    stress_t *s;
    int number;                /**< from 0; the one who prepares comes behind the last */
    unsigned long long random; /**< state of stress_random() */
    apr_pool_t *pool;          /**< cleared by each packet */
    application_t application;
};

/** A bit for each result. */
#define RESULT(result) (1ul << (result))

/** What happens in a round. */
typedef struct scenario_t {
    const char *name;
    int actors;
    unsigned long fragment; /**< RESULT()s that may be heard to a Fragment */
    unsigned long close;    /**< and to a Close-Session */
    int forgets;            /**< whether sessions are forgotten; a Cancel-Session finds none then */
    void (*prepare)(actor_t *me);
    void (*act)(actor_t *me);
    void (*verify)(actor_t *me); /**< may use CHECK; the sessions are over afterwards */
} scenario_t;

/** A round. In shared memory. */
struct stress_t {
    const scenario_t *scenario;
    fixture_t *f;
    const char *other_spool; /**< a spool folder on another file system, or NULL */
    unsigned long long seed;
    int round;
    int over;            /**< there is no other round */
    bgu_policy_t policy; /**< reset for each round; its strings are older than the processes */
    int sessions;        /**< how many there are */
    stress_session_t session[STRESS_SESSIONS_MAX];
    atomic_int ended;          /**< actors that have done their part */
    pthread_barrier_t turn;    /**< of all actors */
    pthread_barrier_t curtain; /**< of all actors that are processes, and who started them */
    atomic_int faults;
    char fault[400]; /**< the first one */
};

/** Run rounds of a scenario: with threads, or with processes that each have opened the store.
 * @param seed what chance comes from */
void stress_run(const scenario_t *scenario, int processes, int rounds, unsigned long long seed);

/** A whole number below a limit. */
unsigned long stress_random(actor_t *me, unsigned long below);

/** Let others go first, or not. For plain_client_t.wait. */
void stress_wait(void *actor);

/** Wait until all actors have come here. */
void stress_meet(actor_t *me);

/** Note what must not happen; text of printf's form. Ends no one's act. */
void stress_fault(stress_t *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Make the next session of a round, with length bytes that no other session has; nothing is sent.
 * Only while preparing.
 * @param dest number of its destination */
stress_session_t *stress_session(actor_t *me, apr_off_t length, int dest);

/** Send a packet without a body; what is heard is counted, and a fault unless the scenario knows
 * it.
 */
bgu_result_e stress_packet(actor_t *me, stress_session_t *session, bgu_packet_e type);

/** The same with a Fragment. No N may be lower than one acknowledged before.
 * @param total as told in Content-Range
 * @param next receives N, or -1 */
bgu_result_e stress_fragment(actor_t *me, stress_session_t *session, apr_off_t first, apr_off_t end,
                             apr_off_t total, apr_off_t *next);

/** Send [*next, total) in fragments of any size until all is there or nothing else can be sent.
 * @param next where to begin; receives where it ended
 * @return the last result */
bgu_result_e stress_send(actor_t *me, stress_session_t *session, apr_off_t total, apr_off_t *next);

/** Send a packet until it is not BGU_BUSY any more. */
bgu_result_e stress_insist(actor_t *me, stress_session_t *session, bgu_packet_e type);

/** The application that is asked about a session: answers by chance, takes its time, and notes a
 * fault when it is asked twice at once, or again after it has accepted or refused for good. */
bgu_notifier_t *stress_application(actor_t *me, stress_session_t *session);

/** Clean up and look for orphans, once.
 * @param tombstone microseconds */
void stress_clean(actor_t *me, apr_interval_time_t tombstone);

/** The same over and over, until all others have done their part. */
void stress_keep_clean(actor_t *me, apr_interval_time_t tombstone);

/** How often an answer was heard. */
int stress_heard(stress_session_t *session, bgu_packet_e type, bgu_result_e result);

/** How often a session was committed. */
int stress_committed(stress_session_t *session);

/** End all sessions that are still open, and hold each one's answers to each other and to what is
 * left: bytes at its destination if and only if it was committed, nothing in the spool. Removes
 * what was published.
 * @param own whether each session has a destination of its own */
void stress_verify(actor_t *me, int own);

extern const scenario_t stress_first, stress_writers, stress_ends, stress_one_destination,
    stress_notify;

#endif
