/* SPDX-License-Identifier: Apache-2.0 */

/* kill -9 at random moments, under many clients: of one child, of all, or of the parent first.
 *
 * In each round every client sends its next packet, then somebody may die, then all answers are
 * read. BGUPLOAD_SEED repeats a run as far as the machine's own timing lets it be repeated,
 * BGUPLOAD_ROUNDS makes it longer. */

#include "suites.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin.h"
#include "crash_client.h"
#include "crash_matrix.h"
#include "files.h"
#include "reply.h"

/** Clients at once, and rounds unless BGUPLOAD_ROUNDS says otherwise. */
enum { CLIENTS = 10, ROUNDS = 400 };

/** Bytes of the longest file; all files are cut from twice as many. */
#define LONGEST 300000

/** Bytes of the shortest fragment. */
#define SHORTEST_PART 5000

/** Longest wait, in microseconds, from the last packet of a round to a kill. */
#define LONGEST_WAIT 3000

/** Children of a whole server. */
#define CHILDREN 2

/** A folder with rules of its own. */
typedef struct folder_t {
    const char *name;
    const char *lines; /**< {FAR} is a spool on another file system, {URL} the application's */
    int overwrites;    /**< files are replaced again and again */
    int at_once;       /**< published with the last byte */
} folder_t;

static const folder_t folders[] = {
    {"plain", "", 0, 0},
    {"sync", "BGUploadSync Fragment\n", 0, 0},
    {"last", "BGUploadCommit OnLastFragment\nBGUploadAllowOverwrites On\n", 1, 1},
    {"over", "BGUploadAllowOverwrites On\n", 1, 0},
    {"far", "BGUploadSpool {FAR}\n", 0, 0},
    {"farover", "BGUploadSpool {FAR}\nBGUploadAllowOverwrites On\n", 1, 0},
    {"value", "BGUploadNotify Value\nBGUploadNotifyURL {URL}/app\n", 0, 0},
    {"reference", "BGUploadNotify Reference\nBGUploadNotifyURL {URL}/app\n", 0, 0},
};

enum { FOLDERS = sizeof(folders) / sizeof(folders[0]) };

/** What a destination holds. */
typedef struct content_t {
    const char *data; /**< NULL: there is no file */
    long long length;
} content_t;

/** One client, with one upload after the other. */
typedef struct member_t {
    crash_client_t client;
    const folder_t *folder;
    content_t before; /**< of the destination */
} member_t;

/** The server and all who use it. */
typedef struct crowd_t {
    httpd_env_t *env;
    backend_t *backend;
    const char *far; /**< the spool on another file system; NULL: there is none */
    const char *data;
    unsigned long long state; /**< of the generator of random numbers */
    member_t members[CLIENTS];
    int uploads;     /**< that were begun */
    int child_kills; /**< of one child */
    int kills;       /**< of all processes */
} crowd_t;

/** A random number below limit (xorshift64*). */
static unsigned draw(crowd_t *crowd, unsigned limit)
{
    crowd->state ^= crowd->state >> 12;
    crowd->state ^= crowd->state << 25;
    crowd->state ^= crowd->state >> 27;
    return (unsigned)((crowd->state * 2685821657736338717ULL) >> 33) % limit;
}

static unsigned long long number(const char *variable, unsigned long long otherwise)
{
    const char *value = getenv(variable);

    return value != NULL && *value != '\0' ? strtoull(value, NULL, 10) : otherwise;
}

static const char *replace(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);

    return at == NULL ? text
                      : httpd_env_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void start(crowd_t *crowd)
{
    const char *lines = "BGUploadCleanupInterval 1s\nBGUploadMaxSessionsPerUser 0\n";
    httpd_env_options_t options = {0};

    crowd->far = files_other_file_system(httpd_env_pool());
    crowd->backend = backend_start();
    crowd->data = files_noise(2 * LONGEST, 40, httpd_env_pool());
    backend_tell(crowd->backend, &(backend_plan_t){.answer = "HTTP/1.1 200 OK\n"
                                                             "BITS-Copy-File-To-Destination: yes\n",
                                                   .delay = 1});
    for (int i = 0; i < FOLDERS; i++) {
        const char *own =
            replace(folders[i].lines, "{FAR}", crowd->far != NULL ? crowd->far : "{SPOOL}");

        own = replace(own, "{URL}", crowd->backend->url);
        lines = httpd_env_format("%s<Directory \"{DOCROOT}/upload/%s\">\n%s</Directory>\n", lines,
                                 folders[i].name, own);
    }
    options.server = lines;
    crowd->env = httpd_env_start(&options);
    httpd_env_expect(crowd->env, "exit signal Killed");
    /* httpd's own count, until it misses the child. */
    httpd_env_expect(crowd->env, "server reached MaxRequestWorkers");
    for (int i = 0; i < FOLDERS; i++) {
        files_mkdir(httpd_env_path(crowd->env, httpd_env_format("/upload/%s", folders[i].name)),
                    0755);
    }
}

static const char *dest_of(const member_t *member)
{
    return httpd_env_path(member->client.env, member->client.plan.path);
}

static int holds(const member_t *member, const content_t *content)
{
    bytes_t there = files_read(dest_of(member));

    if (content->data == NULL || there.data == NULL) {
        return content->data == there.data;
    }
    return (long long)there.length == content->length &&
           memcmp(there.data, content->data, there.length) == 0;
}

/** The client's next upload: where to, what, and how it is meant to end. */
static void begin(crowd_t *crowd, member_t *member)
{
    static const long long lengths[] = {0, 1, 5000, 70000, LONGEST};
    int slot = (int)(member - crowd->members);
    const folder_t *folder = &folders[draw(crowd, FOLDERS)];
    crash_plan_t plan = {.file = crowd->data + draw(crowd, LONGEST),
                         .length = lengths[draw(crowd, 5)],
                         .fragment = SHORTEST_PART + (long long)draw(crowd, LONGEST / 2)};

    crowd->uploads++;
    plan.path = httpd_env_format("/upload/%s/%d.bin", folder->name,
                                 folder->overwrites ? slot : CLIENTS + crowd->uploads);
    plan.stop = draw(crowd, 4) > 0 ? plan.length : (long long)draw(crowd, LONGEST);
    plan.stop = plan.stop < plan.length ? plan.stop : plan.length;
    plan.end = draw(crowd, 4) > 0 ? CRASH_CLOSE : CRASH_CANCEL;
    member->client = crash_client(crowd->env, &plan);
    member->folder = folder;
    member->before = (content_t){NULL, 0};
    if (folder->overwrites && files_exists(dest_of(member))) {
        bytes_t there = files_read(dest_of(member));

        member->before = (content_t){there.data, (long long)there.length};
    }
}

/** Hold a destination, at any moment, to the whole file that was there before or the new one. */
static void check_moment(const member_t *member)
{
    const crash_plan_t *plan = &member->client.plan;
    const content_t new = {plan->file, plan->length};

    if (!holds(member, &member->before) && !holds(member, &new)) {
        CHECK_FAIL("%s: neither the file of before nor the new one", plan->path);
    }
}

/** Hold a destination to what the client was promised. */
static void check_end(const member_t *member)
{
    const crash_client_t *client = &member->client;
    const crash_plan_t *plan = &client->plan;
    int published = client->acknowledged == plan->length &&
                    (plan->end == CRASH_CLOSE || member->folder->at_once);
    const content_t expected = published ? (content_t){plan->file, plan->length} : member->before;

    if (!holds(member, &expected)) {
        CHECK_FAIL("%s: %s of %lld bytes, %lld acknowledged, %s: the destination is not as it "
                   "should be",
                   plan->path, client->packet, plan->length, client->acknowledged,
                   published ? "published" : "discarded");
    }
    if (!member->folder->overwrites) {
        (void)unlink(dest_of(member));
    }
}

static void wait_at_random(crowd_t *crowd)
{
    const struct timespec time = {0, (long)draw(crowd, LONGEST_WAIT) * 1000};

    nanosleep(&time, NULL);
}

/** Kill one child, if none is missing. */
static void kill_child(crowd_t *crowd)
{
    pid_t pids[2 * CHILDREN];
    int count = httpd_env_children(crowd->env, pids, 2 * CHILDREN);

    if (count >= CHILDREN) {
        wait_at_random(crowd);
        kill(pids[draw(crowd, (unsigned)count)], SIGKILL);
        crowd->child_kills++;
    }
}

/** Kill all, the parent a little earlier or at the same time, look at the disk, start again. */
static void kill_all(crowd_t *crowd, int parent_first)
{
    wait_at_random(crowd);
    if (parent_first) {
        kill(crowd->env->pid, SIGKILL);
        wait_at_random(crowd);
    }
    httpd_env_kill(crowd->env);
    crowd->kills++;
    for (int i = 0; i < CLIENTS; i++) {
        check_moment(&crowd->members[i]);
    }
    httpd_env_resume(crowd->env);
}

/** While requests are on their way: nothing happens, or somebody dies. */
static void strike(crowd_t *crowd)
{
    unsigned fate = draw(crowd, 20);

    if (fate < 2) {
        kill_all(crowd, (int)fate);
    } else if (fate < 10) {
        kill_child(crowd);
    }
}

/** One packet of everybody who has not come to an end. Returns how many these are. */
static int play_round(crowd_t *crowd, int strikes)
{
    int busy = 0;

    for (int i = 0; i < CLIENTS; i++) {
        if (!crowd->members[i].client.over) {
            crash_client_send(&crowd->members[i].client);
            busy++;
        }
    }
    if (strikes) {
        strike(crowd);
    }
    for (int i = 0; i < CLIENTS; i++) {
        member_t *member = &crowd->members[i];

        if (!member->client.over) {
            (void)crash_client_receive(&member->client);
            if (member->client.over) {
                check_end(member);
            }
        }
    }
    return busy;
}

/** Nothing is left but what was published and is to stay. */
static void check_rest(const crowd_t *crowd)
{
    const char *words = httpd_env_format("--spool %s --spool %s check", crowd->env->spool,
                                         crowd->far != NULL ? crowd->far : crowd->env->spool);
    const char *output;
    int files[FOLDERS] = {0};

    CHECK_INT(httpd_env_spool_count(crowd->env), 0);
    CHECK_INT(crowd->far != NULL ? files_count(crowd->far) : 0, 0);
    for (int i = 0; i < FOLDERS; i++) {
        const char *path = httpd_env_format("/upload/%s", folders[i].name);

        for (int slot = 0; slot < CLIENTS; slot++) {
            files[i] +=
                files_exists(httpd_env_path(crowd->env, httpd_env_format("%s/%d.bin", path, slot)));
        }
        CHECK_INT(files_count(httpd_env_path(crowd->env, path)), files[i]);
    }
    if (admin(crowd->env, words, &output) != 0) {
        CHECK_FAIL("check: %s", output);
    }
}

static void crash_crowd(void)
{
    static crowd_t crowd;
    unsigned long long seed = number("BGUPLOAD_SEED", (unsigned long long)time(NULL));
    unsigned long long rounds = number("BGUPLOAD_ROUNDS", ROUNDS / crash_every());

    printf("\ncrash: random: BGUPLOAD_SEED=%llu BGUPLOAD_ROUNDS=%llu\n", seed, rounds);
    fflush(stdout);
    crowd = (crowd_t){.state = seed * 2 + 1};
    start(&crowd);
    for (int i = 0; i < CLIENTS; i++) {
        begin(&crowd, &crowd.members[i]);
    }
    for (unsigned long long round = 0; round < rounds; round++) {
        (void)play_round(&crowd, 1);
        for (int i = 0; i < CLIENTS; i++) {
            if (crowd.members[i].client.over) {
                begin(&crowd, &crowd.members[i]);
            }
        }
    }
    while (play_round(&crowd, 0) > 0) {
    }
    check_rest(&crowd);
    printf("crash: random: %d uploads, %d children and %d times all killed ... ", crowd.uploads,
           crowd.child_kills, crowd.kills);
}

void suite_crash_random(void)
{
    static const suite_test_t tests[] = {
        {"many clients", crash_crowd},
    };

    SUITE_ADD("crash_random", tests);
}
