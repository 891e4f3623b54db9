/* SPDX-License-Identifier: Apache-2.0 */

#include "crash_matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "crash_judge.h"
#include "fault.h"
#include "files.h"
#include "reply.h"

/** Points that are taken of a matrix with two crashes: it would be very large. */
#define TWICE_EVERY 4

unsigned crash_every(void)
{
    const char *every = getenv("BGUPLOAD_CRASH_EVERY");
    const char *preload = getenv("BGUPLOAD_PRELOAD");

    if (every != NULL && strtoul(every, NULL, 10) > 0) {
        return (unsigned)strtoul(every, NULL, 10);
    }
    /* What is preloaded beside us watches every access to memory, at a price. */
    return preload != NULL && *preload != '\0' ? 4 : 1;
}

unsigned crash_stride(const char **before, const char *now)
{
    int logged = strstr(now, "sessions.db-wal") != NULL || strstr(now, "sessions.db-shm") != NULL;
    int skip = logged && *before != NULL && strcmp(*before, now) == 0;

    *before = skip ? NULL : now;
    return (skip ? 3 : 1) * crash_every();
}

/** The application's answer: a reply, and what becomes of the file. */
static void instruct(backend_t *backend, const crash_scenario_t *scenario)
{
    int by_value = strcmp(scenario->by, "Value") == 0;
    backend_plan_t plan = {.answer = scenario->taken ? "HTTP/1.1 200 OK\n"
                                                     : "HTTP/1.1 200 OK\n"
                                                       "BITS-Copy-File-To-Destination: yes\n",
                           .body = by_value ? CRASH_REPLY : 0,
                           .file = BACKEND_FILE,
                           .file_size = CRASH_REPLY};

    backend_tell(backend, &plan);
}

/** Start the scenario's server: one child, which does nothing by itself.
 * @param elsewhere its spool; NULL: the usual one */
static crash_run_t start(const crash_scenario_t *scenario, const char *elsewhere)
{
    crash_run_t run = {.scenario = scenario, .spool = elsewhere};
    const char *far = "";
    httpd_env_options_t options = {
        .faults = 1,
        .server = "StartServers 1\nKeepAliveTimeout 60\nBGUploadCleanupInterval 0\n"
                  "BGUploadMaxSessionsPerUser 0\n"};

    if (elsewhere != NULL) {
        far = httpd_env_format("BGUploadSpool %s\n", elsewhere);
    }
    options.directory = apr_pstrcat(
        httpd_env_pool(), scenario->directory != NULL ? scenario->directory : "", far, NULL);
    if (scenario->by != NULL) {
        run.env = reply_server(&run.backend, scenario->by, &options);
        instruct(run.backend, scenario);
    } else {
        run.env = httpd_env_start(&options);
    }
    if (elsewhere != NULL) {
        apr_cpystrn(run.env->faults->folders[0], elsewhere, PATH_MAX);
    } else {
        run.spool = run.env->spool;
    }
    run.file = files_noise((size_t)scenario->length, 30, httpd_env_pool());
    return run;
}

/** Upload undisturbed. Returns the number of packets. */
static int rehearse(crash_run_t *run)
{
    crash_point_t point = crash_point_begin(run);

    crash_client_finish(&point.client);
    crash_judge_end(&point);
    return point.client.number;
}

/** Crash before the calls of a packet, until it makes no further one. */
static void hit_once(crash_run_t *run, int packet)
{
    unsigned call = 1 + (unsigned)packet % crash_every();
    const char *before = NULL;
    const char *now;

    while ((now = crash_point_run(run, packet, call, 0)) != NULL) {
        call += run->scenario->thorough ? crash_every() : crash_stride(&before, now);
    }
}

/** Crash before some calls of a packet, and each time before some of the repeated packet. */
static void hit_twice(crash_run_t *run, int packet)
{
    unsigned every = TWICE_EVERY * crash_every();
    unsigned call = 1;
    unsigned again = 1;

    while (crash_point_run(run, packet, call, again) != NULL) {
        do {
            again += every;
        } while (crash_point_run(run, packet, call, again) != NULL);
        call += every;
        again = 1 + call / every % every;
    }
}

void crash_matrix(const crash_scenario_t *scenario)
{
    const char *elsewhere = scenario->elsewhere ? files_other_file_system(httpd_env_pool()) : NULL;
    crash_run_t run;
    int count;

    if (scenario->elsewhere && elsewhere == NULL) {
        check_skip("there is no other file system");
        return;
    }
    printf("\n");
    run = start(scenario, elsewhere);
    count = rehearse(&run);
    run.points = 0;
    for (int packet = scenario->first; packet <= count; packet++) {
        (scenario->then == CRASH_TWICE ? hit_twice : hit_once)(&run, packet);
    }
    crash_judge_store(&run);
    printf("crash: %s: %d points, every %u. call ... ", scenario->name, run.points, crash_every());
}
