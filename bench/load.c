/* SPDX-License-Identifier: Apache-2.0 */

/* load: uploads files, measures what that costs the server, and verifies what it stored. */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "engine.h"
#include "noise.h"
#include "options.h"
#include "process.h"
#include "verify.h"

/** Costs before and after. */
typedef struct costs_t {
    cost_t before;
    cost_t after;
    double own_cpu; /**< seconds of this program */
} costs_t;

static void print_latencies(tally_t *tally)
{
    static const char *const names[KIND_COUNT] = {"upload", "create", "fragment", "reply",
                                                  "close",  "put",    "get"};
    const char *comma = "";
    int i;

    printf("\"latency\":{");
    for (i = 0; i < KIND_COUNT; i++) {
        latency_t *latency = &tally->latencies[i];

        if (latency->count > 0) {
            printf("%s\"%s\":{\"number\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f}", comma, names[i],
                   latency->count, latency_percentile(latency, 50),
                   latency_percentile(latency, 99));
            comma = ",";
        }
    }
    printf("}");
}

static void print_result(const plan_t *plan, tally_t *tally, const costs_t *costs)
{
    printf("{\"protocol\":\"%s\",\"number\":%" PRIu64 ",\"size\":%" PRIu64 ",\"fragment\":%" PRIu64
           ",\"connections\":%d,",
           plan->protocol->name, plan->number, plan->size, plan->fragment, plan->connections);
    printf("\"uploads\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"errors\":%" PRIu64 ",\"reopened\":%" PRIu64 ",\"dropped\":%" PRIu64
           ",\"seconds\":%.6f,\"client_cpu_seconds\":%.6f,",
           tally->uploads, tally->requests, tally->bytes, tally->errors, tally->reopened,
           tally->dropped, tally->seconds, costs->own_cpu);
    if (costs->before.count > 0) {
        printf("\"server_cpu_seconds\":%.6f,\"server_processes\":%d,\"server_kib_before\":%" PRIu64
               ",\"server_kib_after\":%" PRIu64 ",",
               costs->after.cpu - costs->before.cpu, costs->after.count, costs->before.pss,
               costs->after.pss);
    }
    print_latencies(tally);
    printf("}\n");
}

/** Run the plan between two looks at the server. Returns 0 if that was not possible. */
static int measure(const options_t *options, tally_t *tally, costs_t *costs)
{
    engine_t *engine;
    int seen = 1;

    if (options->server > 0) {
        seen = process_cost(options->server, &costs->before);
    }
    costs->own_cpu = process_own_cpu();
    engine = engine_run(&options->plan, tally);
    if (engine == NULL) {
        return 0;
    }
    costs->own_cpu = process_own_cpu() - costs->own_cpu;
    if (options->server > 0) {
        seen = process_cost(options->server, &costs->after) && seen;
    }
    engine_close(engine);
    if (!seen) {
        fprintf(stderr, "load: process %d cannot be looked at\n", (int)options->server);
    }
    return seen;
}

int main(int argc, char **argv)
{
    static tally_t tally;
    costs_t costs = {0};
    options_t options;

    options_read(&options, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    noise_make();
    if (!measure(&options, &tally, &costs)) {
        return 1;
    }
    if (options.verify != NULL && options.plan.protocol->stores) {
        tally.errors += verify_files(&options.plan, options.verify);
    }
    print_result(&options.plan, &tally, &costs);
    return tally.errors == 0 ? 0 : 1;
}
