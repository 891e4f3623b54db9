/* SPDX-License-Identifier: Apache-2.0 */

#include "client_run.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <apr_file_info.h>
#include <apr_strings.h>

/** Bytes after which an upload counts as begun. */
#define BEGUN (200 * 1024)

static const char *program(void)
{
    return apr_pstrcat(httpd_env_pool(), httpd_env_setting("BGUPLOAD_BUILD"), "/bgupload", NULL);
}

client_t client_open(const httpd_env_options_t *options, long long length)
{
    client_t client = {.env = httpd_env_start(options)};
    httpd_env_t *env = client.env;

    client.file = apr_pstrcat(env->pool, env->root, "/data.bin", NULL);
    client.url = apr_pstrcat(env->pool, env->url, "/upload/data.bin", NULL);
    client.dest = httpd_env_path(env, "/upload/data.bin");
    files_write_noise(client.file, length, 7);
    REQUIRE(setenv("XDG_STATE_HOME", apr_pstrcat(env->pool, env->root, "/home", NULL), 1) == 0);
    return client;
}

int client_run(const client_t *client, const char **output, ...)
{
    const char *argv[CLIENT_WORDS + 2] = {program()};
    va_list args;
    int count = 1;

    va_start(args, output);
    while ((argv[count] = va_arg(args, const char *)) != NULL) {
        REQUIRE(++count <= CLIENT_WORDS);
    }
    va_end(args);
    return program_run(argv, output, client->env->pool);
}

/** Path of the only file of a folder whose name ends so. */
static const char *only_file(const char *folder, const char *end)
{
    apr_pool_t *pool = httpd_env_pool();
    const char *found = NULL;
    apr_dir_t *dir;
    apr_finfo_t entry;

    if (apr_dir_open(&dir, folder, pool) != APR_SUCCESS) {
        return NULL;
    }
    while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        size_t length = strlen(entry.name);

        if (length > 2 && length >= strlen(end) &&
            strcmp(entry.name + length - strlen(end), end) == 0) {
            REQUIRE(found == NULL);
            found = apr_pstrcat(pool, folder, "/", entry.name, NULL);
        }
    }
    apr_dir_close(dir);
    return found;
}

const char *client_spool_file(const client_t *client)
{
    return only_file(client->env->spool, "");
}

const char *client_state_file(const client_t *client)
{
    return only_file(apr_pstrcat(httpd_env_pool(), client->env->root, "/home/bgupload", NULL),
                     ".upload");
}

static int has_begun(void *baton)
{
    const char *spool = client_spool_file(baton);

    return spool != NULL && files_size(spool) > BEGUN;
}

program_t *client_begin(const client_t *client, const char *option)
{
    client_t copy = *client;
    const char *argv[] = {program(), "put",       client->file, client->url, "--fragment",
                          "5K",      "--verbose", option,       NULL};
    const char *output = apr_pstrcat(client->env->pool, client->env->root, "/output", NULL);
    program_t *started = program_start(argv, output, client->env->pool);

    REQUIRE(check_wait(has_begun, &copy, HTTPD_ENV_DEADLINE));
    program_pause(started);
    REQUIRE(client_state_file(client) != NULL);
    return started;
}

int client_end(program_t *started, const char **output)
{
    int code;

    kill(started->pid, SIGCONT);
    code = program_wait(started, PROGRAM_DEADLINE);

    if (output != NULL) {
        *output = apr_pstrdup(httpd_env_pool(), files_read(started->output).data);
    }
    return code;
}

void client_break(const client_t *client)
{
    program_t *started = client_begin(client, NULL);

    REQUIRE(kill(started->pid, SIGKILL) == 0);
    REQUIRE(client_end(started, NULL) == 128 + SIGKILL);
    REQUIRE(!files_exists(client->dest));
}

const char *client_session(const client_t *client)
{
    static const char key[] = "\"session\": \"";
    const char *output;

    REQUIRE(client_run(client, &output, "list", "--json", NULL) == 0);
    const char *found = strstr(output, key);
    REQUIRE(found != NULL && strstr(found + 1, key) == NULL);
    return apr_pstrmemdup(httpd_env_pool(), found + sizeof(key) - 1, 36);
}

void client_check_remembered(const client_t *client, int count)
{
    const char *output;
    int lines = 0;

    CHECK_INT(client_run(client, &output, "list", NULL), 0);
    for (; *output; output++) {
        lines += *output == '\n';
    }
    CHECK_INT(lines, count);
}
