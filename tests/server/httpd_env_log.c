/* SPDX-License-Identifier: Apache-2.0 */

/* What a private httpd wrote. */

#include "httpd_env_private.h"

#include <sys/wait.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "files.h"

/** Lines of the log that are shown when a test failed. */
#define SHOWN_LINES 40

void httpd_env_expect(httpd_env_t *env, const char *substring)
{
    APR_ARRAY_PUSH(env->priv->expected, const char *) = apr_pstrdup(env->pool, substring);
}

long httpd_env_log_mark(const httpd_env_t *env)
{
    return (long)files_size(env->error_log);
}

const char *httpd_env_log(const httpd_env_t *env, long mark)
{
    bytes_t log = files_read(env->error_log);

    return log.data != NULL && mark >= 0 && (size_t)mark <= log.length ? log.data + mark : "";
}

const char *httpd_env_vformat(const char *format, va_list args)
{
    va_list again;
    char *text;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    REQUIRE(length >= 0);
    text = apr_palloc(httpd_env_pool(), (apr_size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

const char *httpd_env_format(const char *format, ...)
{
    va_list args;
    const char *text;

    va_start(args, format);
    text = httpd_env_vformat(format, args);
    va_end(args);
    return text;
}

/** What httpd_env_await_log() waits for. */
struct awaited_line {
    const httpd_env_t *env;
    long mark;
    const char *substring;
};

static int has_line(void *baton)
{
    const struct awaited_line *line = baton;

    return strstr(httpd_env_log(line->env, line->mark), line->substring) != NULL;
}

void httpd_env_await_log(const httpd_env_t *env, long mark, const char *substring)
{
    struct awaited_line line = {env, mark, substring};

    if (!check_wait(has_line, &line, HTTPD_ENV_DEADLINE)) {
        CHECK_FAIL("the error log never said \"%s\"", substring);
    }
}

/** Whether a line tells of something that must not happen unless the test wants it. */
static int is_bad(const char *line)
{
    static const char *const marks[] = {":error]",      ":crit]",    ":alert]",
                                        ":emerg]",      "AH00052",   "exit signal",
                                        "Segmentation", "Sanitizer", "runtime error:"};
    size_t i;

    for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (strstr(line, marks[i]) != NULL) {
            return 1;
        }
    }
    return 0;
}

static int is_expected(const httpd_env_t *env, const char *line)
{
    int i;

    for (i = 0; i < env->priv->expected->nelts; i++) {
        if (strstr(line, APR_ARRAY_IDX(env->priv->expected, i, const char *)) != NULL) {
            return 1;
        }
    }
    return 0;
}

static void check_lines(const httpd_env_t *env, const char *path)
{
    char *rest = apr_pstrdup(httpd_env_pool(), files_read(path).data);
    char *line;

    for (line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (is_bad(line) && !is_expected(env, line)) {
            CHECK_FAIL("undeclared line in the error log: %s", line);
        }
    }
}

void httpd_env_check_log(const httpd_env_t *env)
{
    check_lines(env, env->error_log);
    check_lines(env, env->priv->output);
}

void httpd_env_show_log(const httpd_env_t *env)
{
    bytes_t log = files_read(env->error_log);
    size_t at = log.length;
    int lines = 0;

    if (log.data == NULL) {
        return;
    }
    while (at > 0 && lines <= SHOWN_LINES) {
        at--;
        lines += log.data[at] == '\n';
    }
    printf("\n    error log of the server at port %d:\n%s\n", env->port, log.data + at);
}

const char *httpd_env_words(const httpd_env_t *env)
{
    const char *output = files_read(env->priv->output).data;

    return apr_pstrcat(httpd_env_pool(), output != NULL ? output : "", httpd_env_log(env, 0), NULL);
}

const char *httpd_env_last_words(const httpd_env_t *env)
{
    int status = env->priv->status;
    const char *end = env->pid > 0 ? ""
                      : WIFSIGNALED(status)
                          ? httpd_env_format("(signal %d) ", WTERMSIG(status))
                          : httpd_env_format("(exit status %d) ", WEXITSTATUS(status));

    return apr_pstrcat(httpd_env_pool(), end, httpd_env_words(env), NULL);
}

int httpd_env_has_crashed(const httpd_env_t *env)
{
    int status = env->priv->status;

    return env->pid == 0 && WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM &&
           WTERMSIG(status) != SIGKILL;
}
