/* SPDX-License-Identifier: Apache-2.0 */

/* Rounds: who acts, and in what. */

#include "stress.h"

#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

/** Seconds after which a round is stuck. */
#define DEADLINE 300

unsigned long stress_random(actor_t *me, unsigned long below)
{
    /* splitmix64 */
    unsigned long long z = me->random += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (unsigned long)((z ^ (z >> 31)) % below);
}

void stress_wait(void *actor)
{
    actor_t *me = actor;
    unsigned long what = stress_random(me, 16);

    if (what == 0) {
        struct timespec pause = {0, (long)stress_random(me, 300) * 1000};

        nanosleep(&pause, NULL);
    } else if (what < 5) {
        sched_yield();
    }
}

void stress_meet(actor_t *me)
{
    pthread_barrier_wait(&me->s->turn);
}

void stress_fault(stress_t *s, const char *format, ...)
{
    va_list args;

    if (atomic_fetch_add(&s->faults, 1) == 0) {
        va_start(args, format);
        vsnprintf(s->fault, sizeof(s->fault), format, args);
        va_end(args);
    }
}

static actor_t make_actor(stress_t *s, int number)
{
    actor_t me = {.s = s, .number = number, .random = s->seed};

    me.random += 1000003ull * (unsigned)s->round + 7919ull * (unsigned)number;
    if (apr_pool_create(&me.pool, NULL) != APR_SUCCESS) {
        abort();
    }
    return me;
}

static void act(void *baton, int number)
{
    stress_t *s = baton;
    actor_t me = make_actor(s, number);

    s->scenario->act(&me);
    atomic_fetch_add(&s->ended, 1);
    apr_pool_destroy(me.pool);
}

static int open_store(fixture_t *f)
{
    const char *error = NULL;

    f->sessions.provider = &bgu_store_sqlite;
    return bgu_store_sqlite.open(&f->sessions.store, f->database, 1, &error, f->pool) ==
           APR_SUCCESS;
}

/** An actor that is a process: acts in each round. */
static void live(stress_t *s, int number)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!open_store(s->f)) {
        stress_fault(s, "a process cannot open the store");
    }
    for (;;) {
        pthread_barrier_wait(&s->curtain);
        if (s->over) {
            break;
        }
        act(s, number);
        pthread_barrier_wait(&s->curtain);
    }
    apr_pool_destroy(s->f->pool);
    _exit(0);
}

static const char stuck[] = "stress: a round takes too long, or a process of it died\n";

/** All who wait for each other would wait for ever. */
static void give_up(int signal_number)
{
    (void)signal_number;
    (void)!write(STDERR_FILENO, stuck, sizeof(stuck) - 1);
    _exit(3);
}

static void start_processes(stress_t *s, pid_t *pids)
{
    fflush(NULL);
    for (int i = 0; i < s->scenario->actors; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            live(s, i);
        }
    }
    signal(SIGCHLD, give_up);
}

static void end_processes(stress_t *s, const pid_t *pids)
{
    signal(SIGCHLD, SIG_DFL);
    s->over = 1;
    pthread_barrier_wait(&s->curtain);
    for (int i = 0; i < s->scenario->actors; i++) {
        CHECK_INT(fixture_wait(pids[i]), 0);
    }
}

/** A round from its start to its end. Returns whether all was well. */
static int play(stress_t *s, int processes)
{
    unsigned failures = CU_get_number_of_failures();
    actor_t me = make_actor(s, s->scenario->actors);

    alarm(DEADLINE);
    s->sessions = 0;
    s->ended = 0;
    s->policy =
        (bgu_policy_t){.spool = s->f->spool, .mode = 0644, .timeout = apr_time_from_sec(3600)};
    s->policy.sync = stress_random(&me, 4) == 0 ? BGU_SYNC_COMMIT : BGU_SYNC_OFF;
    s->scenario->prepare(&me);
    if (processes) {
        pthread_barrier_wait(&s->curtain);
        pthread_barrier_wait(&s->curtain);
    } else {
        fixture_threads(s->scenario->actors, act, s);
    }
    s->scenario->verify(&me);
    if (s->faults > 0) {
        CHECK_FAIL("%s", s->fault);
    }
    if (CU_get_number_of_failures() != failures) {
        CHECK_FAIL("that was round %d with seed %llu", s->round, s->seed);
    }
    alarm(0);
    apr_pool_destroy(me.pool);
    return CU_get_number_of_failures() == failures;
}

/** A folder on another file system, if there is one that everybody has. */
static const char *make_other_spool(const fixture_t *f)
{
    char *folder = apr_pstrdup(f->pool, "/dev/shm/bgu-stress-XXXXXX");
    struct stat here, there;

    if (stat(f->spool, &here) != 0 || mkdtemp(folder) == NULL) {
        return NULL;
    }
    if (stat(folder, &there) == 0 && there.st_dev != here.st_dev) {
        return folder;
    }
    rmdir(folder);
    return NULL;
}

static stress_t *make_stress(const scenario_t *scenario, unsigned long long seed)
{
    stress_t *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned actors = (unsigned)scenario->actors;
    pthread_barrierattr_t shared;

    REQUIRE(s != MAP_FAILED);
    REQUIRE(scenario->actors <= STRESS_ACTORS_MAX);
    REQUIRE(pthread_barrierattr_init(&shared) == 0);
    REQUIRE(pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED) == 0);
    REQUIRE(pthread_barrier_init(&s->turn, &shared, actors) == 0);
    REQUIRE(pthread_barrier_init(&s->curtain, &shared, actors + 1) == 0);
    s->scenario = scenario;
    s->seed = seed;
    s->f = fixture_open_bare();
    s->other_spool = make_other_spool(s->f);
    /* The last byte of each session's file is its neighbour's first but one: none are the same. */
    s->session[0].data = fixture_bytes(s->f, STRESS_LENGTH_MAX + STRESS_SESSIONS_MAX);
    for (int i = 1; i < STRESS_SESSIONS_MAX; i++) {
        s->session[i].data = s->session[0].data + i;
    }
    return s;
}

void stress_run(const scenario_t *scenario, int processes, int rounds, unsigned long long seed)
{
    stress_t *s = make_stress(scenario, seed);
    pid_t pids[STRESS_ACTORS_MAX];

    signal(SIGALRM, give_up);
    if (processes) {
        start_processes(s, pids);
    }
    if (open_store(s->f)) {
        while (s->round < rounds && play(s, processes)) {
            s->round++;
        }
    } else {
        CHECK_FAIL("the store cannot be opened");
    }
    if (processes) {
        end_processes(s, pids);
    }
    if (s->other_spool != NULL) {
        CHECK_INT(rmdir(s->other_spool), 0);
    }
    munmap(s, sizeof(*s));
}
