/* SPDX-License-Identifier: Apache-2.0 */

/* scripts/bgupload-cleanup, which cron calls. */

#include "suites.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"
#include "upload.h"

/** Run a shell's command line in which $0 is bgupload-cleanup, $1 and $2 are store and spool of a
 * server, $LOCK is a lock file and the built bgupload-admin is found. */
static int cleanup(const httpd_env_t *env, const char *command, const char **output)
{
    const char *line = httpd_env_format("PATH=%s:$PATH LOCK=%s/lock\n%s",
                                        httpd_env_setting("BGUPLOAD_BUILD"), env->root, command);
    const char *script = apr_pstrcat(httpd_env_pool(), httpd_env_setting("BGUPLOAD_SRC"),
                                     "/scripts/bgupload-cleanup", NULL);
    const char *argv[] = {"sh", "-c", line, script, env->store, env->spool, NULL};

    return program_run(argv, output, httpd_env_pool());
}

#define RUN "\"$0\" --lock \"$LOCK\" --store \"$1\" --spool \"$2\" "

/** A server with a session that timed out an hour ago and one that did not. */
static httpd_env_t *begin(void)
{
    httpd_env_t *env = httpd_env_start(NULL);

    admin_row(env, &(admin_row_t){"old", "/upload/old.bin", BGU_STATE_RECEIVING, 86400 * 30, 10});
    admin_row(env, &(admin_row_t){"new", "/upload/new.bin", BGU_STATE_RECEIVING, 60, 10});
    return env;
}

static void quiet(void)
{
    httpd_env_t *env = begin();
    const char *output;

    CHECK_INT(cleanup(env, RUN "--dry-run", &output), 0);
    CHECK_HAS(output, "to discard");
    CHECK_HAS(output, "/upload/old.bin");
    CHECK_INT(cleanup(env, RUN, &output), 0);
    CHECK_STR(output, "");
    CHECK_INT(cleanup(env, RUN "--verbose", &output), 0);
    CHECK_HAS(output, "0 discarded");
    CHECK_INT(admin(env, "list --user new", &output), 0);
    CHECK_HAS(output, "receiving");
}

static void trouble(void)
{
    httpd_env_t *env = begin();
    const char *output;

    CHECK_INT(cleanup(env, "\"$0\" --lock \"$LOCK\" --store /none.db", &output), 3);
    CHECK_HAS(output, "/none.db");
    CHECK_INT(cleanup(env, RUN "--bogus", &output), 2);
    CHECK_INT(cleanup(env, "\"$0\" --lock", &output), 2);
    CHECK_INT(cleanup(env, "\"$0\" --lock /none/lock --store \"$1\"", &output), 1);
    CHECK_HAS(output, "/none/lock");
    CHECK_INT(cleanup(env, "\"$0\" --help", &output), 0);
    CHECK_HAS(output, "Usage: bgupload-cleanup");
}

/** A commit that was interrupted and cannot be finished. */
static void failure(void)
{
    httpd_env_t *env = begin();
    const char *output;

    admin_row(env, &(admin_row_t){"bad", "/upload/bad.bin", BGU_STATE_COMMITTING, 60, 10});
    CHECK_INT(cleanup(env, RUN, &output), 1);
    CHECK_HAS(output, "failed ");
    CHECK_HAS(output, "/upload/bad.bin");
    CHECK_INT(admin_lines(output), 1);
}

static void one_at_a_time(void)
{
    httpd_env_t *env = begin();
    const char *output;

    CHECK_INT(cleanup(env, "exec 8>\"$LOCK\"; flock 8; " RUN, &output), 75);
    CHECK_STR(output, "");
    CHECK_INT(cleanup(env, "exec 8>\"$LOCK\"; flock 8; " RUN "--verbose", &output), 75);
    CHECK_HAS(output, "another one");
    CHECK_INT(cleanup(env, "BGUPLOAD_ADMIN=/none/admin " RUN, &output), 127);
    CHECK_HAS(output, "/none/admin is not installed");
}

void suite_cleanup_script(void)
{
    static const suite_test_t tests[] = {
        {"quiet and dry", quiet},
        {"trouble", trouble},
        {"what could not be done", failure},
        {"one at a time", one_at_a_time},
    };

    SUITE_ADD("cleanup_script", tests);
}
