/* SPDX-License-Identifier: Apache-2.0 */

#include "bgupload_options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include "../mod_bgupload/bgu_units.h"

#define RETRY_FOR apr_time_from_sec(600)

/* Longer than a server waits for its application before it answers. */
#define TIMEOUT apr_time_from_sec(360)

#define LONGEST apr_time_from_sec(366 * 86400)

#define PASSWORD_SIZE 256

enum {
    OPT_NETRC = 256,
    OPT_FRAGMENT,
    OPT_CA,
    OPT_INSECURE,
    OPT_RETRY_FOR,
    OPT_TIMEOUT,
    OPT_JSON,
    OPT_CANCEL_ON_INTERRUPT,
    OPT_REPLY,
};

static const struct option long_options[] = {
    {"user", required_argument, NULL, 'u'},
    {"netrc", no_argument, NULL, OPT_NETRC},
    {"fragment", required_argument, NULL, OPT_FRAGMENT},
    {"ca", required_argument, NULL, OPT_CA},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"retry-for", required_argument, NULL, OPT_RETRY_FOR},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"reply", required_argument, NULL, OPT_REPLY},
    {"cancel-on-interrupt", no_argument, NULL, OPT_CANCEL_ON_INTERRUPT},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, OPT_JSON},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const struct {
    const char *name;
    int arguments; /* that follow it */
} commands[] = {{"put", 2}, {"cancel", 1}, {"ping", 1}, {"list", 0}};

static const char help[] =
    "Usage: bgupload put FILE URL       upload a file, going on where an earlier call stopped\n"
    "       bgupload cancel URL         cancel unfinished uploads to a URL\n"
    "       bgupload list               show unfinished uploads\n"
    "       bgupload ping URL           ask whether a URL takes uploads\n"
    "\n"
    "A URL that ends in \"/\" means the file of the same name in that folder.\n"
    "\n"
    "  -u, --user NAME[:PASSWORD]  who you are; without the password it is asked for;\n"
    "                              \":\" alone uses your Kerberos ticket\n"
    "      --netrc                 names and passwords from ~/.netrc\n"
    "      --fragment SIZE         bytes sent at once, with K, M or G (13M, at least 5K)\n"
    "      --ca FILE               certificates to trust instead of the system's\n"
    "      --insecure              do not verify the server's certificate\n"
    "      --retry-for TIME        give up after trouble without progress for so long, with\n"
    "                              s, m, h or d (10m; ping: 0)\n"
    "      --timeout TIME          break a request off when nothing moves for so long (6m)\n"
    "      --reply OUT             save the reply of the server's application to this file\n"
    "      --cancel-on-interrupt   Ctrl-C cancels the upload on the server\n"
    "  -q, --quiet                 say nothing but what went wrong\n"
    "      --json                  print the result as JSON\n"
    "  -v, --verbose               tell every exchange with the server\n"
    "  -h, --help                  show this\n"
    "  -V, --version               show the version\n"
    "\n"
    "Exit codes: 0 done, 1 refused for good (or cancelled), 2 wrong usage,\n"
    "3 not finished but can be resumed by the same call, 4 trouble with a local file.\n";

/* Read a time that libcurl's clock can count. */
static int take_interval(apr_interval_time_t *interval, const char *text)
{
    return bgu_interval_parse(interval, text) && *interval <= LONGEST;
}

static int wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Say what is wrong with the call. Always 0. */
static int wrong(const char *format, ...)
{
    va_list args;

    (void)fputs("bgupload: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputs(" (see bgupload --help)\n", stderr);
    return 0;
}

/* Take NAME[:PASSWORD] out of argv, where everybody could see it. */
static void take_user(client_http_settings_t *http, char *argument, apr_pool_t *pool)
{
    char *colon = strchr(argument, ':');

    if (colon) {
        *colon = '\0';
        http->password = apr_pstrdup(pool, colon + 1);
        memset(colon + 1, 0, strlen(colon + 1));
    }
    http->user = apr_pstrdup(pool, argument);
}

/* Take one option. 0: it is wrong, and the user was told. */
static int take_option(options_t *options, int option, char *argument, apr_pool_t *pool)
{
    client_settings_t *settings = &options->settings;

    switch (option) {
    case 'u':
        take_user(&settings->http, argument, pool);
        return 1;
    case OPT_NETRC:
        settings->http.netrc = 1;
        return 1;
    case OPT_FRAGMENT:
        return (bgu_size_parse(&settings->fragment, argument) &&
                settings->fragment >= CLIENT_FRAGMENT_MIN) ||
               wrong("--fragment: \"%s\" is no size of at least 5K", argument);
    case OPT_CA:
        settings->http.ca = argument;
        return 1;
    case OPT_INSECURE:
        settings->http.insecure = 1;
        return 1;
    case OPT_RETRY_FOR:
        return take_interval(&settings->retry_for, argument) ||
               wrong("--retry-for: \"%s\" is no time such as 90s, 10m, 2h or 1d", argument);
    case OPT_TIMEOUT:
        return (take_interval(&settings->http.timeout, argument) && settings->http.timeout > 0) ||
               wrong("--timeout: \"%s\" is no time such as 90s, 10m, 2h or 1d", argument);
    case OPT_REPLY:
        settings->reply = argument;
        return 1;
    case OPT_CANCEL_ON_INTERRUPT:
        settings->cancel_on_interrupt = 1;
        return 1;
    case 'q':
        options->quiet = 1;
        return 1;
    case OPT_JSON:
        options->json = 1;
        return 1;
    default:
        options->verbose = 1;
        return 1;
    }
}

/* Take command, FILE and URL. 0: they are wrong, and the user was told. */
static int take_arguments(options_t *options, int count, char **arguments)
{
    if (count == 0) {
        return wrong("no command given");
    }
    for (apr_size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(arguments[0], commands[i].name) != 0) {
            continue;
        }
        if (count - 1 != commands[i].arguments) {
            return wrong("%s takes %d argument%s, not %d", arguments[0], commands[i].arguments,
                         commands[i].arguments == 1 ? "" : "s", count - 1);
        }
        options->command = commands[i].name;
        options->file = count == 3 ? arguments[1] : NULL;
        options->url = count > 1 ? arguments[count - 1] : NULL;
        return 1;
    }
    return wrong("\"%s\" is no command", arguments[0]);
}

/* The password of a user who gave none; a .netrc would have been an alternative. */
static int ask_password(client_http_settings_t *http, apr_pool_t *pool)
{
    char *password = apr_pcalloc(pool, PASSWORD_SIZE);
    apr_size_t size = PASSWORD_SIZE;
    const char *prompt = apr_psprintf(pool, "Password for %s: ", http->user);

    if (apr_password_get(prompt, password, &size) != APR_SUCCESS) {
        return wrong("--user: the password could not be read");
    }
    http->password = password;
    return 1;
}

int options_read(options_t *options, int *exit_code, int argc, char **argv, apr_pool_t *pool)
{
    client_settings_t *settings = &options->settings;
    int option, sound = 1;

    memset(options, 0, sizeof(*options));
    settings->fragment = CLIENT_FRAGMENT_DEFAULT;
    settings->retry_for = -1;
    settings->http.timeout = TIMEOUT;
    *exit_code = CLIENT_USAGE;
    while ((option = getopt_long(argc, argv, "u:qvhV", long_options, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            (void)fputs(option == 'h' ? help : "bgupload " BGU_VERSION "\n", stdout);
            *exit_code = CLIENT_DONE;
            return 0;
        }
        if (option == '?') {
            return 0;
        }
        /* All are taken even if one is wrong: a password must not stay in argv. */
        sound = take_option(options, option, optarg, pool) && sound;
    }
    if (!sound || !take_arguments(options, argc - optind, argv + optind)) {
        return 0;
    }
    if (settings->reply && strcmp(options->command, "put") != 0) {
        return wrong("--reply goes with put only");
    }
    if (settings->retry_for < 0) {
        settings->retry_for = strcmp(options->command, "ping") == 0 ? 0 : RETRY_FOR;
    }
    if (settings->http.ca && access(settings->http.ca, R_OK) != 0) {
        *exit_code = CLIENT_BAD_FILE;
        return wrong("--ca: %s cannot be read", settings->http.ca);
    }
    if (settings->http.user && settings->http.netrc) {
        return wrong("--user and --netrc exclude each other");
    }
    return !settings->http.user || settings->http.password || options->url == NULL ||
           ask_password(&settings->http, pool);
}
