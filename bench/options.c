/* SPDX-License-Identifier: Apache-2.0 */

#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

static const char usage[] =
    "usage: load bits|put|reply|open|get|tus --port PORT [options]\n"
    "\n"
    "Uploads files to a server on 127.0.0.1 and prints what that took, as JSON.\n"
    "  bits   sessions of BITS: create, fragments, close\n"
    "  put    the same files by PUT\n"
    "  reply  as bits, with a reply that is fetched before the close\n"
    "  open   create and the first fragment only\n"
    "  get    no upload: two GETs of PATH for each file\n"
    "  tus    the same files by tus 1.0.0, which are created at PATH\n"
    "\n"
    "  --path PATH      of the URLs; the number of the file follows [/upload/]\n"
    "  --number N       of files [1]\n"
    "  --size SIZE      of each, with K, M or G [1M]\n"
    "  --fragment SIZE  most bytes of a fragment [4M]\n"
    "  --connections N  that are open [1]\n"
    "  --active N       that are in use at the same time [all]\n"
    "  --server PID     also measure CPU and memory of this process and its descendants\n"
    "  --verify FOLDER  compare the files there with what was sent\n";

static void refuse(const char *what)
{
    fprintf(stderr, "load: %s\n%s", what, usage);
    exit(2);
}

static void check(const options_t *options)
{
    const plan_t *plan = &options->plan;

    if (plan->protocol == NULL) {
        refuse("which protocol?");
    }
    if (plan->port == 0 || plan->port > 65535) {
        refuse("--port needs a port");
    }
    if (plan->number == 0 || plan->size == 0 || plan->fragment == 0 || plan->connections == 0) {
        refuse("numbers and sizes begin with 1");
    }
}

void options_read(options_t *options, int argc, char **argv)
{
    static const struct option names[] = {{"path", required_argument, NULL, 'p'},
                                          {"port", required_argument, NULL, 'P'},
                                          {"number", required_argument, NULL, 'n'},
                                          {"size", required_argument, NULL, 's'},
                                          {"fragment", required_argument, NULL, 'f'},
                                          {"connections", required_argument, NULL, 'c'},
                                          {"active", required_argument, NULL, 'a'},
                                          {"server", required_argument, NULL, 'S'},
                                          {"verify", required_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    plan_t *plan = &options->plan;
    int option;

    memset(options, 0, sizeof(*options));
    *plan = (plan_t){.path = "/upload/",
                     .connections = 1,
                     .number = 1,
                     .size = 1024 * 1024,
                     .fragment = 4 * 1024 * 1024};
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'p':
            plan->path = optarg;
            break;
        case 'P':
            plan->port = (int)number_read(optarg, 65535);
            break;
        case 'n':
            plan->number = number_read(optarg, UINT64_MAX);
            break;
        case 's':
            plan->size = number_read(optarg, UINT64_MAX);
            break;
        case 'f':
            plan->fragment = number_read(optarg, UINT64_MAX);
            break;
        case 'c':
            plan->connections = (int)number_read(optarg, 10000);
            break;
        case 'a':
            plan->active = (int)number_read(optarg, 10000);
            break;
        case 'S':
            options->server = (pid_t)number_read(optarg, INT32_MAX);
            break;
        case 'v':
            options->verify = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            refuse("not understood");
        }
    }
    if (plan->active == 0 || plan->active > plan->connections) {
        plan->active = plan->connections;
    }
    if (optind == argc - 1) {
        plan->protocol = protocol_find(argv[optind]);
    }
    check(options);
}
