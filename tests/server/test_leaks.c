/* SPDX-License-Identifier: Apache-2.0 */

/* Memory after thousands of requests. BGUPLOAD_REQUESTS is their number under valgrind. */

#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"
#include "traffic.h"

/** Requests without valgrind: until all caches are full, and then; what the process may grow by
 * with these, in KiB: 13 bytes for each. */
enum { REQUESTS_BEFORE = 5000, REQUESTS = 10000, GROWTH_MAX = 128 };

/** Rows in the store: more than SQLite keeps in memory, so that its cache is soon full. */
enum { ROWS = 4000 };

/** Requests under valgrind, which takes some 50 times as long. */
enum { REQUESTS_VALGRIND = 500 };

static int is_instrumented(void)
{
    const char *preload = getenv("BGUPLOAD_PRELOAD");

    return preload != NULL && *preload != '\0';
}

static void flat(void)
{
    const admin_row_t row = {"ann", "/plain/b.bin", BGU_STATE_CLOSED, 10, 5};
    httpd_env_t *env;
    pid_t child;
    long before, after;

    if (is_instrumented()) {
        check_skip("memory is not measured in an instrumented server");
        return;
    }
    env = traffic_server(NULL);
    admin_rows(env, &row, ROWS);
    traffic_send(env, REQUESTS_BEFORE);
    REQUIRE(httpd_env_children(env, &child, 1) == 1);
    before = httpd_env_rss(child);
    traffic_send(env, REQUESTS);
    after = httpd_env_rss(child);
    if (after - before > GROWTH_MAX) {
        CHECK_FAIL("the process grew from %ld to %ld KiB", before, after);
    }
}

/** How the server is started. Its modules are gone when leaks are looked for: the names of their
 * functions are kept. Memory that is only "possibly lost" is SQLite's cache, which is still in use:
 * a server that ends leaves the store open. */
#define VALGRIND                                                                                   \
    "valgrind --vgdb=no --keep-debuginfo=yes --num-callers=30 --leak-check=full "                  \
    "--show-leak-kinds=definite,indirect --log-file={ROOT}/logs/valgrind.%p"

/** Requests to send. */
static int wanted(void)
{
    const char *requests = getenv("BGUPLOAD_REQUESTS");

    return requests != NULL && *requests != '\0' ? (int)strtol(requests, NULL, 10)
                                                 : REQUESTS_VALGRIND;
}

/** Each paragraph of valgrind's is one finding: none may have to do with our code. */
static void check_findings(const char *log)
{
    const char *text = files_read(log).data;
    const char *next;

    REQUIRE(text != NULL);
    CHECK_HAS(text, "ERROR SUMMARY: ");
    for (; *text != '\0'; text = next) {
        const char *end = strstr(text, "== \n");
        const char *paragraph;

        next = end != NULL ? end + strlen("== \n") : text + strlen(text);
        paragraph = apr_pstrmemdup(httpd_env_pool(), text, (apr_size_t)(next - text));
        if (strstr(paragraph, "bgu_") != NULL || strstr(paragraph, "mod_bgupload") != NULL) {
            CHECK_FAIL("valgrind: %s", paragraph);
        }
    }
}

static void valgrind(void)
{
    const char *version[] = {"valgrind", "--version", NULL};
    httpd_env_t *env;
    pid_t child;

    if (is_instrumented()) {
        check_skip("valgrind and sanitizers do not go together");
        return;
    }
    if (program_run(version, NULL, httpd_env_pool()) != 0) {
        check_skip("no valgrind");
        return;
    }
    env = traffic_server(VALGRIND);
    REQUIRE(httpd_env_children(env, &child, 1) == 1);
    traffic_send(env, wanted());
    httpd_env_stop(env);
    check_findings(httpd_env_format("%s/logs/valgrind.%ld", env->root, (long)child));
}

void suite_leaks(void)
{
    static const suite_test_t tests[] = {
        {"memory of one process stays flat", flat},
        {"valgrind", valgrind},
    };

    SUITE_ADD("leaks", tests);
}
