/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin: look at the sessions of mod_bgupload, cancel them, clean up.
 *
 * It works on the server's own store, through the same code as the module, and so it may run beside
 * the server at any time. Commands stand in a table at the end. */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "../mod_bgupload/bgu_cleanup.h"
#include "../mod_bgupload/bgu_guid.h"
#include "../mod_bgupload/bgu_range.h"
#include "../mod_bgupload/bgu_session.h"
#include "admin_owner.h"
#include "admin_print.h"
#include "text.h"

/** The server's folder for its state; the build says where. */
#ifndef BGU_STATE_DIR
#define BGU_STATE_DIR "/var/lib/mod_bgupload"
#endif

#ifndef BGU_VERSION
#define BGU_VERSION "0"
#endif

/** The database that the server uses if it is not told otherwise. */
#define STORE_DEFAULT BGU_STATE_DIR "/sessions.db"

/** Exit codes; the man page describes them. */
enum { EXIT_FINE = 0, EXIT_NOT_DONE = 1, EXIT_USAGE = 2, EXIT_NO_STORE = 3 };

/** Rows that are read at a time. */
#define BATCH 100

/** Seconds for which the server remembers a session that is over, unless told otherwise. */
#define TOMBSTONE_DEFAULT 86400

/** Longest time that --tombstone takes: about 100 years. */
#define TOMBSTONE_MAX apr_time_from_sec(APR_INT64_C(3155760000))

/** Times that a session is looked at again that changes while it is being cancelled. */
#define TRIES_MAX 10

/** What the caller asked for. */
typedef struct admin_t {
    const char *store;             /**< path of the database */
    int json;                      /**< print JSON */
    int dry_run;                   /**< cleanup: change nothing */
    apr_interval_time_t tombstone; /**< cleanup: age of tombstones to forget */
    char **args;                   /**< behind the command */
    int count;                     /**< number of args */
    bgu_sessions_t sessions;       /**< the opened store */
    apr_pool_t *pool;
} admin_t;

/** Say what went wrong, on a line of its own. */
static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
    va_list args;

    fputs("bgupload-admin: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/** Say that the system or the store failed. Returns EXIT_NOT_DONE. */
static int complain_of(const char *what, apr_status_t status)
{
    char reason[200];

    complain("%s: %s", what, bgu_strerror(status, reason, sizeof(reason)));
    return EXIT_NOT_DONE;
}

static int run_list(admin_t *admin)
{
    const bgu_sessions_t *sessions = &admin->sessions;
    const char *separator = "[";
    char after[BGU_ID_LEN + 1] = "";
    apr_array_header_t *batch;
    apr_pool_t *pool;
    apr_status_t rv;
    int i;

    apr_pool_create(&pool, admin->pool);
    if (!admin->json) {
        admin_print_heading();
    }
    do {
        apr_pool_clear(pool);
        batch = apr_array_make(pool, BATCH, sizeof(bgu_session_t *));
        rv = sessions->provider->list(sessions->store, batch, after, BATCH, pool);
        for (i = 0; rv == APR_SUCCESS && i < batch->nelts; i++) {
            const bgu_session_t *session = APR_ARRAY_IDX(batch, i, bgu_session_t *);

            apr_cpystrn(after, session->id, sizeof(after));
            if (admin->json) {
                printf("%s\n", separator);
                admin_print_json(session, pool);
                separator = ",";
            } else {
                admin_print_row(session, pool);
            }
        }
    } while (rv == APR_SUCCESS && batch->nelts > 0);
    if (admin->json) {
        printf("%s\n]\n", *separator == '[' ? "[" : "");
    }
    return rv == APR_SUCCESS ? EXIT_FINE : complain_of("cannot read the sessions", rv);
}

/** Find a session, saying so if that fails. */
static bgu_session_t *find(admin_t *admin, const char *id)
{
    bgu_session_t *session = NULL;
    apr_status_t rv =
        admin->sessions.provider->find(admin->sessions.store, &session, id, admin->pool);

    if (APR_STATUS_IS_NOTFOUND(rv)) {
        complain("there is no session %s", id);
        return NULL;
    }
    if (rv != APR_SUCCESS) {
        complain_of(apr_pstrcat(admin->pool, "cannot read session ", id, NULL), rv);
        return NULL;
    }
    return session;
}

static int run_show(admin_t *admin)
{
    const bgu_session_t *session = find(admin, admin->args[0]);

    if (session == NULL) {
        return EXIT_NOT_DONE;
    }
    if (admin->json) {
        admin_print_json(session, admin->pool);
        fputc('\n', stdout);
    } else {
        admin_print_fields(session, admin->pool);
    }
    return EXIT_FINE;
}

/** Say why a session cannot be cancelled, or that it was before. */
static int cancel_nothing(const bgu_session_t *session)
{
    switch (session->state) {
    case BGU_STATE_CANCELLED:
        printf("%s was cancelled before\n", session->id);
        return EXIT_FINE;
    case BGU_STATE_CLOSED:
        complain("%s is closed already", session->id);
        return EXIT_NOT_DONE;
    case BGU_STATE_COMMITTING:
        complain("%s is being committed; if that was interrupted, 'cleanup' finishes it",
                 session->id);
        return EXIT_NOT_DONE;
    default:
        complain("%s changes all the time; try again", session->id);
        return EXIT_NOT_DONE;
    }
}

static int cancel_one(admin_t *admin, const char *id)
{
    apr_status_t rv = APR_EAGAIN;
    bgu_session_t *session = NULL;
    int i;

    for (i = 0; i < TRIES_MAX && APR_STATUS_IS_EAGAIN(rv); i++) {
        session = find(admin, id);
        if (session == NULL) {
            return EXIT_NOT_DONE;
        }
        if (bgu_state_is_tombstone(session->state) || session->state == BGU_STATE_COMMITTING) {
            break;
        }
        rv = bgu_session_discard(&admin->sessions, session, 0, admin->pool);
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return cancel_nothing(session);
    }
    if (rv != APR_SUCCESS) {
        return complain_of(apr_pstrcat(admin->pool,
                                       session->state == BGU_STATE_CANCELLED
                                           ? "cancelled, but its bytes cannot be removed: "
                                           : "cannot cancel ",
                                       id, NULL),
                           rv);
    }
    printf("%s cancelled\n", id);
    return EXIT_FINE;
}

static int run_cancel(admin_t *admin)
{
    int code = EXIT_FINE;
    int i;

    for (i = 0; i < admin->count; i++) {
        if (cancel_one(admin, admin->args[i]) != EXIT_FINE) {
            code = EXIT_NOT_DONE;
        }
    }
    return code;
}

/** What a clean-up has done so far. */
typedef struct tally_t {
    const char *const *names;          /**< of what is done, by bgu_cleanup_e */
    int count[BGU_CLEANUP_FAILED + 1]; /**< by bgu_cleanup_e */
} tally_t;

static void note_cleaned(void *baton, bgu_cleanup_e what, const bgu_session_t *session,
                         apr_status_t status)
{
    tally_t *tally = baton;
    char reason[200];

    tally->count[what]++;
    printf("%-10s  ", tally->names[what]);
    text_plain(stdout, session->id);
    fputs("  ", stdout);
    text_plain(stdout, session->path);
    if (what == BGU_CLEANUP_FAILED) {
        printf("  (%s)", bgu_strerror(status, reason, sizeof(reason)));
    }
    fputc('\n', stdout);
}

static int run_cleanup(admin_t *admin)
{
    static const char *const done[] = {"discarded", "committed", "forgotten", "failed"};
    static const char *const to_do[] = {"to discard", "to commit", "to forget", "failed"};
    tally_t tally = {.names = admin->dry_run ? to_do : done};
    bgu_cleanup_t cleanup = {.sessions = &admin->sessions,
                             .tombstone = admin->tombstone,
                             .dry_run = admin->dry_run,
                             .report = note_cleaned,
                             .baton = &tally};
    apr_status_t rv = bgu_cleanup(&cleanup, admin->pool);
    int i;

    fputs(admin->dry_run ? "dry run: " : "", stdout);
    for (i = 0; i <= BGU_CLEANUP_FAILED; i++) {
        printf("%s%d %s", i > 0 ? ", " : "", tally.count[i], tally.names[i]);
    }
    fputc('\n', stdout);
    if (rv != APR_SUCCESS) {
        return complain_of("cannot read the sessions", rv);
    }
    return tally.count[BGU_CLEANUP_FAILED] > 0 ? EXIT_NOT_DONE : EXIT_FINE;
}

/** Options beside the global ones, for the masks below. */
enum { TAKES_JSON = 1, TAKES_DRY_RUN = 2, TAKES_TOMBSTONE = 4 };

/** A command. */
typedef struct command_t {
    const char *name;
    int (*run)(admin_t *admin); /**< returns the exit code */
    int options;                /**< mask of those it takes */
    int args_min;               /**< session ids it needs */
    int args_max;               /**< session ids it takes */
} command_t;

static const command_t commands[] = {
    {"list", run_list, TAKES_JSON, 0, 0},
    {"show", run_show, TAKES_JSON, 1, 1},
    {"cancel", run_cancel, 0, 1, INT_MAX},
    {"cleanup", run_cleanup, TAKES_DRY_RUN | TAKES_TOMBSTONE, 0, 0},
};

static const char help[] =
    "Usage: bgupload-admin [OPTION]... COMMAND [ID]...\n"
    "Look at the upload sessions of mod_bgupload, cancel them, clean up.\n"
    "\n"
    "  list               all sessions, one a line\n"
    "  show ID            all that is known of a session\n"
    "  cancel ID...       discard sessions and their bytes\n"
    "  cleanup            discard sessions that timed out, finish interrupted commits,\n"
    "                     forget old tombstones\n"
    "\n"
    "      --store FILE      database of the sessions, as in BGUploadStore\n"
    "                        (default " STORE_DEFAULT ")\n"
    "      --json            list, show: print JSON\n"
    "      --dry-run         cleanup: tell what there is to do, change nothing\n"
    "      --tombstone TIME  cleanup: forget sessions that have been over for so long;\n"
    "                        a number and s, mi, h or d (default 24h)\n"
    "  -h, --help            print this and exit\n"
    "  -V, --version         print the version and exit\n"
    "\n"
    "Options may stand anywhere. Exit codes: 0 done, 1 something could not be done,\n"
    "2 wrong usage, 3 the store cannot be opened.\n";

/** Read a time such as 90s, 10mi, 24h or 7d. 0 if text is none. */
static int parse_interval(apr_interval_time_t *interval, const char *text)
{
    static const struct {
        const char *name;
        apr_interval_time_t length;
    } units[] = {{"", APR_USEC_PER_SEC},         {"ms", 1000},
                 {"s", APR_USEC_PER_SEC},        {"m", 60 * APR_USEC_PER_SEC},
                 {"mi", 60 * APR_USEC_PER_SEC},  {"min", 60 * APR_USEC_PER_SEC},
                 {"h", 3600 * APR_USEC_PER_SEC}, {"d", 86400 * APR_USEC_PER_SEC}};
    size_t digits = strspn(text, "0123456789");
    apr_off_t number;
    size_t i;

    if (!bgu_offset_parse(&number, text, digits)) {
        return 0;
    }
    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcasecmp(text + digits, units[i].name) == 0 &&
            number <= TOMBSTONE_MAX / units[i].length) {
            *interval = number * units[i].length;
            return 1;
        }
    }
    return 0;
}

/** Say what is wrong with the call. Returns 0. */
static int misused(const char *what, const char *value)
{
    complain("%s%s; see bgupload-admin --help", what, value);
    return 0;
}

enum { OPT_STORE = 256, OPT_JSON, OPT_DRY_RUN, OPT_TOMBSTONE };

static const struct option options[] = {{"store", required_argument, NULL, OPT_STORE},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {"dry-run", no_argument, NULL, OPT_DRY_RUN},
                                        {"tombstone", required_argument, NULL, OPT_TOMBSTONE},
                                        {"help", no_argument, NULL, 'h'},
                                        {"version", no_argument, NULL, 'V'},
                                        {NULL, 0, NULL, 0}};

/** Take one option.
 * @param given gathers the mask of those that only some commands take
 * @return 1 to go on, 0 to exit with *code */
static int take_option(admin_t *admin, int option, int *given, int *code)
{
    switch (option) {
    case OPT_STORE:
        admin->store = optarg;
        return 1;
    case OPT_JSON:
        admin->json = 1;
        *given |= TAKES_JSON;
        return 1;
    case OPT_DRY_RUN:
        admin->dry_run = 1;
        *given |= TAKES_DRY_RUN;
        return 1;
    case OPT_TOMBSTONE:
        *given |= TAKES_TOMBSTONE;
        return parse_interval(&admin->tombstone, optarg) ||
               misused("not a time for --tombstone: ", optarg);
    case 'h':
    case 'V':
        fputs(option == 'h' ? help : "bgupload-admin " BGU_VERSION "\n", stdout);
        *code = EXIT_FINE;
        return 0;
    default: /* getopt_long() has said why */
        return 0;
    }
}

/** Take the command and its session ids, which become canonical. Returns 0 if they are wrong. */
static int take_command(admin_t *admin, const command_t **command, int given)
{
    char id[BGU_ID_LEN + 1];
    size_t c = 0;
    int i;

    if (admin->count == 0) {
        return misused("no command", "");
    }
    while (strcmp(commands[c].name, admin->args[0]) != 0) {
        if (++c == sizeof(commands) / sizeof(commands[0])) {
            return misused("no such command: ", admin->args[0]);
        }
    }
    *command = &commands[c];
    admin->args++;
    admin->count--;
    if ((given & ~commands[c].options) != 0) {
        return misused("an option that does not go with ", commands[c].name);
    }
    if (admin->count < commands[c].args_min || admin->count > commands[c].args_max) {
        return misused("wrong number of session ids for ", commands[c].name);
    }
    for (i = 0; i < admin->count; i++) {
        if (!bgu_guid_parse(id, admin->args[i], strlen(admin->args[i]))) {
            return misused("not a session id: ", admin->args[i]);
        }
        admin->args[i] = apr_pstrdup(admin->pool, id);
    }
    return 1;
}

/** Read the command line. Returns 0 to exit with *code. */
static int read_command_line(admin_t *admin, const command_t **command, int argc, char **argv,
                             int *code)
{
    int given = 0;
    int option;

    *code = EXIT_USAGE;
    for (option = getopt_long(argc, argv, "hV", options, NULL); option != -1;
         option = getopt_long(argc, argv, "hV", options, NULL)) {
        if (!take_option(admin, option, &given, code)) {
            return 0;
        }
    }
    admin->args = argv + optind;
    admin->count = argc - optind;
    return take_command(admin, command, given);
}

static int run_command(admin_t *admin, const command_t *command)
{
    const char *error = NULL;

    admin->sessions.provider = &bgu_store_sqlite;
    error = admin_become_owner(admin->store, admin->pool);
    if (error != NULL) {
        complain("%s", error);
        return EXIT_NO_STORE;
    }
    if (bgu_store_sqlite.open(&admin->sessions.store, admin->store, 0, &error, admin->pool) !=
        APR_SUCCESS) {
        complain("%s", error);
        return EXIT_NO_STORE;
    }
    return command->run(admin);
}

int main(int argc, char **argv)
{
    admin_t admin = {.store = STORE_DEFAULT, .tombstone = apr_time_from_sec(TOMBSTONE_DEFAULT)};
    const command_t *command;
    int code;

    apr_initialize();
    apr_pool_create(&admin.pool, NULL);
    if (read_command_line(&admin, &command, argc, argv, &code)) {
        code = run_command(&admin, command);
    }
    apr_pool_destroy(admin.pool);
    apr_terminate();
    if (fflush(stdout) != 0 || ferror(stdout)) {
        complain("cannot write: %s", strerror(errno));
        return code == EXIT_FINE ? EXIT_NOT_DONE : code;
    }
    return code;
}
