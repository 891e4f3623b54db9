/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload: uploads files to a server that speaks the BITS upload protocol. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <curl/curl.h>
#include "bgupload_options.h"
#include "bgupload_report.h"
#include "client_retry.h"
#include "client_url.h"
#include "progress.h"
#include "text.h"

/* Signals that asked us to stop so far. */
static volatile sig_atomic_t stops;

/* What the callbacks of the engine need. */
typedef struct screen_t {
    const options_t *options;
    progress_t progress; /* fd < 0: no bar */
} screen_t;

static void on_stop(int number)
{
    (void)number;
    stops++;
    if (stops > 1) {
        /* Whoever asks twice wants no farewells. What is remembered is on the disk. */
        _exit(CLIENT_UNFINISHED);
    }
}

static int interrupted(void *baton)
{
    (void)baton;
    return stops > 0;
}

static void show_progress(void *baton, apr_off_t bytes, apr_off_t total)
{
    screen_t *screen = baton;

    if (screen->progress.fd >= 0) {
        progress_update(&screen->progress, bytes, total, client_now());
    }
}

/* One line for the user. */
static void tell(screen_t *screen, const char *text)
{
    progress_clear(&screen->progress);
    (void)fputs("bgupload: ", stderr);
    (void)text_plain(stderr, text);
    (void)fputc('\n', stderr);
}

static void show_note(void *baton, const char *text)
{
    screen_t *screen = baton;

    if (!screen->options->quiet) {
        tell(screen, text);
    }
}

static void show_trace(void *baton, const char *text)
{
    tell(baton, text);
}

/* Tell the result of a command; returns the exit code. */
static int finish(screen_t *screen, const client_result_t *result, const char *file,
                  apr_interval_time_t duration)
{
    progress_clear(&screen->progress);
    if (screen->options->json) {
        report_result(stdout, result, file, duration);
    }
    if (result->end != CLIENT_DONE) {
        tell(screen, result->message);
    }
    return (int)result->end;
}

static void tell_reply(const client_result_t *result)
{
    if (result->reply) {
        (void)text_plain(stderr, result->reply);
        (void)fputs(": the server's reply\n", stderr);
    }
}

static int run_put(screen_t *screen, const char *folder, apr_pool_t *pool)
{
    const options_t *options = screen->options;
    client_result_t result;
    apr_time_t begin = client_now();
    apr_interval_time_t duration;
    char size[32], rate[32];
    int code;

    client_upload(&result, &options->settings, folder, options->file, options->url, pool);
    duration = client_now() - begin;
    code = finish(screen, &result, options->file, duration);
    if (code == CLIENT_DONE && !options->quiet && !options->json) {
        double seconds = (double)duration / (double)apr_time_from_sec(1);
        (void)fprintf(stderr, "%s: %s in %.1f s", result.url,
                      progress_size(size, (double)result.total), seconds);
        if (!result.resumed && seconds > 0) {
            (void)fprintf(stderr, ", %s/s", progress_size(rate, (double)result.total / seconds));
        }
        (void)fputs(result.resumed ? ", resumed\n" : "\n", stderr);
        tell_reply(&result);
    }
    return code;
}

/* Whether this command line is about a remembered upload. */
static int is_meant(const client_state_t *state, const options_t *options, const char *url)
{
    const char *user = options->settings.http.user;

    return client_url_matches(state->url, url) && (user == NULL || strcmp(user, state->user) == 0);
}

static int run_cancel(screen_t *screen, const char *folder, apr_pool_t *pool)
{
    const options_t *options = screen->options;
    apr_array_header_t *states = client_state_list(folder, pool);
    const char *url, *error = client_url_make(&url, options->url, NULL, pool);
    int found = 0, code = CLIENT_DONE;

    if (error) {
        tell(screen, apr_pstrcat(pool, options->url, ": ", error, NULL));
        return CLIENT_USAGE;
    }
    for (int i = 0; i < states->nelts; i++) {
        const client_state_t *state = &APR_ARRAY_IDX(states, i, client_state_t);
        client_result_t result;
        apr_time_t begin = client_now();
        if (!is_meant(state, options, url)) {
            continue;
        }
        found++;
        client_cancel(&result, &options->settings, folder, state, pool);
        int this_code = finish(screen, &result, state->file, client_now() - begin);
        code = this_code > code ? this_code : code;
        if (this_code == CLIENT_DONE) {
            show_note(screen,
                      apr_pstrcat(pool, "cancelled: ", state->file, " to ", state->url, NULL));
        }
    }
    if (found == 0) {
        tell(screen, apr_pstrcat(pool, "no unfinished upload to ", url, " is remembered", NULL));
        return CLIENT_REFUSED;
    }
    return code;
}

static int run_list(screen_t *screen, const char *folder, apr_pool_t *pool)
{
    apr_array_header_t *states = client_state_list(folder, pool);
    char size[32];

    for (int i = 0; i < states->nelts; i++) {
        const client_state_t *state = &APR_ARRAY_IDX(states, i, client_state_t);
        if (screen->options->json) {
            report_state(stdout, state);
        } else {
            (void)text_plain(stdout, state->file);
            (void)printf(" (%s) to %s", progress_size(size, (double)state->size), state->url);
            (void)fputs(*state->user ? " as " : "", stdout);
            (void)text_plain(stdout, state->user);
            (void)fputc('\n', stdout);
        }
    }
    return CLIENT_DONE;
}

static int run_ping(screen_t *screen, const char *folder, apr_pool_t *pool)
{
    client_result_t result;
    apr_time_t begin = client_now();
    int code;

    (void)folder;
    client_ping(&result, &screen->options->settings, screen->options->url, pool);
    code = finish(screen, &result, NULL, client_now() - begin);
    if (code == CLIENT_DONE && !screen->options->json) {
        show_note(screen, apr_pstrcat(pool, result.url, " answers BITS uploads", NULL));
    }
    return code;
}

static int run(screen_t *screen, options_t *options, apr_pool_t *pool)
{
    static const struct {
        const char *name;
        int (*run)(screen_t *screen, const char *folder, apr_pool_t *pool);
        int needs_folder;
    } commands[] = {{"put", run_put, 0},
                    {"cancel", run_cancel, 1},
                    {"list", run_list, 1},
                    {"ping", run_ping, 0}};
    client_settings_t *settings = &options->settings;
    const char *folder = NULL, *error = client_state_folder(&folder, pool);

    screen->options = options;
    screen->progress.fd =
        !options->quiet && !options->json && isatty(STDERR_FILENO) ? STDERR_FILENO : -1;
    settings->interrupted = interrupted;
    settings->progress = show_progress;
    settings->note = show_note;
    settings->trace = options->verbose ? show_trace : NULL;
    settings->baton = screen;
    for (apr_size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(options->command, commands[i].name) != 0) {
            continue;
        }
        if (error && commands[i].needs_folder) {
            tell(screen, error);
            return CLIENT_BAD_FILE;
        }
        if (error) {
            show_note(screen, apr_pstrcat(pool, "uploads cannot be remembered: ", error, NULL));
        }
        return commands[i].run(screen, folder, pool);
    }
    return CLIENT_USAGE;
}

static void set_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN};

    (void)sigemptyset(&stop.sa_mask);
    (void)sigemptyset(&ignore.sa_mask);
    for (apr_size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction before;
        /* Under nohup, or in the background of a script, some are to stay ignored. */
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            (void)sigaction(numbers[i], &stop, NULL);
        }
    }
    (void)sigaction(SIGPIPE, &ignore, NULL);
    /* A limit of the size of files is to be an error of write() like a full disk. */
    (void)sigaction(SIGXFSZ, &ignore, NULL);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    options_t options;
    screen_t screen = {.progress = {.fd = -1}};
    int code = CLIENT_UNFINISHED;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS ||
        curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fputs("bgupload: out of memory\n", stderr);
        return CLIENT_UNFINISHED;
    }
    if (options_read(&options, &code, argc, argv, pool)) {
        set_signals();
        code = run(&screen, &options, pool);
    }
    if (fflush(stdout) != 0 && code == CLIENT_DONE) {
        code = CLIENT_BAD_FILE;
    }
    curl_global_cleanup();
    apr_terminate();
    return code;
}
