/* SPDX-License-Identifier: Apache-2.0 */

#include "admin_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "../mod_bgupload/bgu_defaults.h"
#include "../mod_bgupload/bgu_guid.h"
#include "../mod_bgupload/bgu_units.h"

static const char help[] =
    "Usage: bgupload-admin [OPTION]... COMMAND [ID]...\n"
    "Look at the upload sessions of mod_bgupload, cancel them, clean up, check.\n"
    "\n"
    "  list               all sessions, one a line\n"
    "  show ID            all that is known of a session\n"
    "  cancel ID...       discard sessions and their bytes\n"
    "  expire             discard sessions that were idle for --older-than\n"
    "  cleanup            discard what timed out, finish interrupted commits,\n"
    "                     forget old tombstones, remove files without a session\n"
    "  stats              sessions by state and user, and their bytes\n"
    "  check              hold spool and store against each other\n"
    "\n"
    "Where the sessions are:\n"
    "      --store FILE         database, as in BGUploadStore\n"
    "      --spool FOLDER       spool folder, as in BGUploadSpool; may be repeated\n"
    "      --config FILE        httpd's configuration, which tells both; without\n"
    "                           these options the system's, else the default\n"
    "                           (" BGU_STORE_DEFAULT ")\n"
    "list:\n"
    "      --user NAME          only sessions of this user (\"-\": of nobody)\n"
    "      --state STATE,...    only in these states; \"open\" is all not over\n"
    "      --older-than TIME    only those created longer ago\n"
    "      --younger-than TIME  only those created since\n"
    "      --url PATH           only URLs that begin with PATH; with * or ? in it,\n"
    "                           those that match it\n"
    "      --sort KEY           id (default), age, active, received, total, user,\n"
    "                           state, url\n"
    "  -r, --reverse            in the opposite order\n"
    "list, show, stats, check:\n"
    "      --json               print JSON\n"
    "cancel, expire, cleanup:\n"
    "      --dry-run            tell what there is to do, change nothing\n"
    "expire:\n"
    "      --older-than TIME    idle time from which on a session is discarded\n"
    "cleanup, check:\n"
    "      --min-age TIME       leave younger files without a session (default 14d)\n"
    "cleanup:\n"
    "      --tombstone TIME     forget sessions that are over for so long (default\n"
    "                           BGUploadTombstone's value, else 24h)\n"
    "check:\n"
    "      --repair             repair what can be repaired without a loss\n"
    "  -h, --help               print this and exit\n"
    "  -V, --version            print the version and exit\n"
    "\n"
    "Options may stand anywhere. TIME is a number with ms, s, m, h or d (default s).\n"
    "Exit codes: 0 done, 1 something could not be done or check found something,\n"
    "2 wrong usage, 3 the store cannot be opened.\n";

enum {
    OPT_STORE = 256,
    OPT_SPOOL,
    OPT_CONFIG,
    OPT_JSON,
    OPT_DRY_RUN,
    OPT_REPAIR,
    OPT_TOMBSTONE,
    OPT_MIN_AGE,
    OPT_OLDER,
    OPT_YOUNGER,
    OPT_USER,
    OPT_STATE,
    OPT_URL,
    OPT_SORT,
};

/* Those from FIRST_OF_SOME on only go with some commands. */
#define FIRST_OF_SOME OPT_JSON

static const struct option options[] = {
    {"store", required_argument, NULL, OPT_STORE},
    {"spool", required_argument, NULL, OPT_SPOOL},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"json", no_argument, NULL, OPT_JSON},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"repair", no_argument, NULL, OPT_REPAIR},
    {"tombstone", required_argument, NULL, OPT_TOMBSTONE},
    {"min-age", required_argument, NULL, OPT_MIN_AGE},
    {"older-than", required_argument, NULL, OPT_OLDER},
    {"younger-than", required_argument, NULL, OPT_YOUNGER},
    {"user", required_argument, NULL, OPT_USER},
    {"state", required_argument, NULL, OPT_STATE},
    {"url", required_argument, NULL, OPT_URL},
    {"sort", required_argument, NULL, OPT_SORT},
    {"reverse", no_argument, NULL, 'r'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* The long name of an option. */
static const char *name_of(int option)
{
    const struct option *each = options;

    while (each->val != option) {
        each++;
    }
    return each->name;
}

/* Say what is wrong with the call. Returns 0. */
static int misused(const char *what, const char *value)
{
    admin_complain("%s%s; see bgupload-admin --help", what, value);
    return 0;
}

static int take_time(apr_interval_time_t *interval, int option)
{
    if (!bgu_interval_parse(interval, optarg)) {
        admin_complain("not a time for --%s: %s; see bgupload-admin --help", name_of(option),
                       optarg);
        return 0;
    }
    return 1;
}

/* Read names of states, divided by commas. */
static int take_states(admin_t *admin)
{
    char *rest = apr_pstrdup(admin->pool, optarg);
    char *name;

    for (name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ",")) {
        unsigned before = admin->states;

        for (int i = BGU_STATE_RECEIVING; i <= BGU_STATE_CANCELLED; i++) {
            int open = strcasecmp(name, "open") == 0 && !bgu_state_is_tombstone((bgu_state_e)i);

            if (open || strcasecmp(name, bgu_state_name((bgu_state_e)i)) == 0) {
                admin->states |= 1u << i;
                before = 0;
            }
        }
        if (before == admin->states) {
            return misused("not a state for --state: ", name);
        }
    }
    return 1;
}

static int take_sort(admin_t *admin)
{
    static const char *const keys[] = {"id",    "age",  "active", "received",
                                       "total", "user", "state",  "url"};

    admin->sort = optarg;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i], optarg) == 0) {
            return 1;
        }
    }
    return misused("not a key for --sort: ", optarg);
}

/* Take one option that is not about the program itself. Returns 0 if it is wrong. */
static int take_option(admin_t *admin, int option)
{
    switch (option) {
    case OPT_STORE:
        admin->store = optarg;
        return 1;
    case OPT_SPOOL:
        APR_ARRAY_PUSH(admin->spools, const char *) = optarg;
        return 1;
    case OPT_CONFIG:
        admin->config = optarg;
        return 1;
    case OPT_JSON:
        admin->json = 1;
        return 1;
    case OPT_DRY_RUN:
        admin->dry_run = 1;
        return 1;
    case OPT_REPAIR:
        admin->repair = 1;
        return 1;
    case 'r':
        admin->reverse = 1;
        return 1;
    case OPT_TOMBSTONE:
        return take_time(&admin->tombstone, option);
    case OPT_MIN_AGE:
        return take_time(&admin->min_age, option);
    case OPT_OLDER:
        return take_time(&admin->older_than, option);
    case OPT_YOUNGER:
        return take_time(&admin->younger_than, option);
    case OPT_USER:
        admin->user = strcmp(optarg, "-") == 0 ? "" : optarg;
        return 1;
    case OPT_STATE:
        return take_states(admin);
    case OPT_URL:
        admin->url = optarg;
        return 1;
    case OPT_SORT:
        return take_sort(admin);
    default: /* getopt_long() has said why */
        return 0;
    }
}

/* Hold the options to those that the command takes.
 * @param given names of those that only some commands take, each with a blank behind it */
static int check_options(const admin_t *admin, const admin_command_t *command, const char *given)
{
    while (*given != '\0') {
        const char *name = apr_pstrmemdup(admin->pool, given, strcspn(given, " ") + 1);
        const char *found = strstr(command->options, name);

        if (found == NULL || (found > command->options && found[-1] != ' ')) {
            return misused(apr_psprintf(admin->pool, "--%sdoes not go with ", name), command->name);
        }
        given += strlen(name);
    }
    if (command->run == admin_expire && admin->older_than == ADMIN_UNSET) {
        return misused("expire wants --older-than", "");
    }
    return 1;
}

/* Take the session ids, which become canonical. */
static int take_ids(admin_t *admin, const admin_command_t *command)
{
    char id[BGU_ID_LEN + 1];

    if (admin->count < command->args_min || admin->count > command->args_max) {
        return misused("wrong number of session ids for ", command->name);
    }
    for (int i = 0; i < admin->count; i++) {
        if (!bgu_guid_parse(id, admin->args[i], strlen(admin->args[i]))) {
            return misused("not a session id: ", admin->args[i]);
        }
        admin->args[i] = apr_pstrdup(admin->pool, id);
    }
    return 1;
}

static int take_command(admin_t *admin, const admin_command_t **command, const char *given)
{
    const admin_command_t *each = admin_commands;

    if (admin->count == 0) {
        return misused("no command", "");
    }
    while (each->name != NULL && strcmp(each->name, admin->args[0]) != 0) {
        each++;
    }
    if (each->name == NULL) {
        return misused("no such command: ", admin->args[0]);
    }
    *command = each;
    admin->args++;
    admin->count--;
    return check_options(admin, each, given) && take_ids(admin, each);
}

int admin_read_command_line(admin_t *admin, const admin_command_t **command, int argc, char **argv,
                            int *code)
{
    const char *given = "";
    int option;

    admin->spools = apr_array_make(admin->pool, 2, sizeof(const char *));
    admin->sort = "id";
    admin->tombstone = ADMIN_UNSET;
    admin->min_age = BGU_TIMEOUT_DEFAULT;
    admin->older_than = ADMIN_UNSET;
    admin->younger_than = ADMIN_UNSET;
    *code = ADMIN_USAGE;
    while ((option = getopt_long(argc, argv, "rhV", options, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            (void)fputs(option == 'h' ? help : "bgupload-admin " BGU_VERSION "\n", stdout);
            *code = ADMIN_DONE;
            return 0;
        }
        if (!take_option(admin, option)) {
            return 0;
        }
        if (option >= FIRST_OF_SOME || option == 'r') {
            given = apr_pstrcat(admin->pool, given, name_of(option), " ", NULL);
        }
    }
    admin->args = argv + optind;
    admin->count = argc - optind;
    return take_command(admin, command, given);
}
