/* SPDX-License-Identifier: Apache-2.0 */

#include "crash_point.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "admin.h"
#include "crash_judge.h"
#include "fault.h"
#include "files.h"

crash_point_t crash_point_begin(crash_run_t *run)
{
    const crash_scenario_t *scenario = run->scenario;
    crash_point_t point = {.run = run};
    const char *path = httpd_env_format("/upload/%d/a.bin", ++run->uploads);
    const crash_plan_t plan = {.path = path,
                               .file = run->file,
                               .length = scenario->length,
                               .fragment =
                                   scenario->fragment > 0 ? scenario->fragment : scenario->length,
                               .stop = scenario->stop,
                               .end = scenario->end};

    point.name = httpd_env_format("%s %d", scenario->name, run->uploads);
    point.folder = httpd_env_path(run->env, httpd_env_format("/upload/%d", run->uploads));
    point.dest = httpd_env_path(run->env, path);
    files_mkdir(point.folder, 0755);
    if (scenario->overwrites) {
        files_write(point.dest, CRASH_OLD, strlen(CRASH_OLD));
    }
    point.asked = 1;
    point.asked_before = run->backend != NULL ? backend_count(run->backend) : 0;
    point.client = crash_client(run->env, &plan);
    return point;
}

const char *crash_call(const httpd_env_t *env)
{
    const char *from = fault_hit(env);
    char *text = apr_palloc(httpd_env_pool(), strlen(from) + 1);
    char *to = text;

    while (*from != '\0') {
        size_t length = strspn(from, "0123456789ABCDEF-");

        if (length > 16) {
            *to++ = 'I';
            *to++ = 'D';
            from += length;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return text;
}

/** Send the next packet and read its answer, unless the server dies before that call (0: it lives).
 * Returns whether it died; then it runs again. */
static int advance(crash_point_t *point, unsigned call)
{
    httpd_env_t *env = point->run->env;
    crash_client_t *client = &point->client;

    if (call > 0) {
        fault_arm(env, &(fault_t){.act = FAULTS_KILL, .kinds = FAULTS_CHANGES, .first = call});
    }
    crash_client_send(client);
    (void)crash_client_receive(client);
    fault_disarm(env);
    if (call == 0 || fault_hit(env)[0] == '\0') {
        REQUIRE(client->status != 0);
        return 0;
    }
    httpd_env_kill(env);
    point->call = crash_call(env);
    point->name =
        httpd_env_format("%s%s %s: before %s", point->name, point->seen != NULL ? ", then" : ":",
                         client->packet, point->call);
    point->answer = 0;
    point->seen = crash_judge_moment(point);
    httpd_env_resume(env);
    return 1;
}

/** Whether the session's row says that the application is being asked. */
static int is_asking(const crash_point_t *point)
{
    const char *words = apr_pstrcat(httpd_env_pool(), "show ", point->client.id, NULL);
    const char *output;

    CHECK_INT(admin(point->run->env, words, &output), 0);
    return strstr(output, "notifying") != NULL;
}

/** After the crash: how often will the application have been asked? Once more than it was by now
 * only if the server died between its answer and the row. */
static void foresee(crash_point_t *point)
{
    const crash_run_t *run = point->run;
    int asked = run->backend != NULL ? backend_count(run->backend) - point->asked_before : 0;

    if (asked > 0) {
        point->asked = asked + is_asking(point);
    }
}

/** What the client does after the crash. */
static void turn(crash_point_t *point)
{
    crash_client_t *client = &point->client;

    switch (point->run->scenario->then) {
    case CRASH_GIVE_UP:
        client->plan.stop = -1;
        client->plan.end = CRASH_CANCEL;
        client->over = client->id == NULL;
        break;
    case CRASH_STAY_AWAY:
        client->over = 1;
        break;
    default:
        break;
    }
}

/** Whether all bytes were acknowledged by the last answer. */
static int has_all(const crash_client_t *client)
{
    return client->status == 200 && strcmp(client->packet, "Fragment") == 0 &&
           client->acknowledged == client->plan.length;
}

static void report(const crash_point_t *point)
{
    const char *again =
        point->answer != 0 ? httpd_env_format("then %d", point->answer) : "then nobody came";

    printf("crash: %s: %s, %s, in the end %s\n", point->name, point->seen, again, point->come_to);
}

const char *crash_point_run(crash_run_t *run, int packet, unsigned call, unsigned again)
{
    crash_point_t point = crash_point_begin(run);
    crash_client_t *client = &point.client;
    int wanted = again > 0 ? 2 : 1;
    int hits = 0;

    while (!client->over) {
        int repeated = hits == 1 && client->number == packet;

        if (advance(&point, client->number + 1 == packet ? call : repeated ? again : 0)) {
            hits++;
            foresee(&point);
            turn(&point);
        } else if (hits > 0 && point.answer == 0) {
            point.answer = client->status;
        }
        if (run->backend != NULL && has_all(client)) {
            crash_judge_reply(&point);
        }
    }
    crash_judge_end(&point);
    if (hits < wanted) {
        return NULL;
    }
    run->points++;
    report(&point);
    return point.call;
}
