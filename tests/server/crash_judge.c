/* SPDX-License-Identifier: Apache-2.0 */

#include "crash_judge.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"
#include "reply.h"

static const char *look(const crash_point_t *point)
{
    bytes_t there = files_read(point->dest);
    size_t length = (size_t)point->run->scenario->length;

    if (there.data == NULL) {
        return "none";
    }
    if (there.length == length && memcmp(there.data, point->run->file, length) == 0) {
        return "new";
    }
    return strcmp(there.data, CRASH_OLD) == 0 ? "old" : "HALF";
}

/** What is at the destination when nothing was published. */
static const char *untouched(const crash_point_t *point)
{
    return point->run->scenario->overwrites ? "old" : "none";
}

const char *crash_judge_moment(const crash_point_t *point)
{
    const char *seen = look(point);

    if (strcmp(seen, "new") != 0 && strcmp(seen, untouched(point)) != 0) {
        CHECK_FAIL("%s: the destination is %s", point->name, seen);
    }
    return seen;
}

static upload_t as_upload(const crash_point_t *point)
{
    const crash_client_t *client = &point->client;

    return (upload_t){client->env, wire_connect(client->env), client->plan.path, client->id};
}

void crash_judge_reply(const crash_point_t *point)
{
    upload_t up = as_upload(point);

    if (point->client.reply == NULL) {
        CHECK_FAIL("%s: the answer to the last byte tells of no reply", point->name);
    } else {
        reply_check_bytes(&up, CRASH_REPLY);
    }
    wire_disconnect(up.wire);
}

/** A last packet that is repeated is answered as before, and changes nothing: neither the file nor,
 * when somebody has taken that away, the folder. */
static void repeat(const crash_point_t *point)
{
    upload_t up = as_upload(point);
    struct stat before = {0};
    struct stat after = {0};

    (void)stat(point->dest, &before);
    CHECK_INT(wire_packet(up.wire, up.path, point->client.packet, up.id, NULL, NULL, 0)->status,
              200);
    (void)stat(point->dest, &after);
    if (before.st_ino != after.st_ino || before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
        before.st_mtim.tv_nsec != after.st_mtim.tv_nsec) {
        CHECK_FAIL("%s: a repeated %s changed the file", point->name, point->client.packet);
    }
    (void)unlink(point->dest);
    CHECK_INT(wire_packet(up.wire, up.path, point->client.packet, up.id, NULL, NULL, 0)->status,
              200);
    if (files_count(point->folder) != 0) {
        CHECK_FAIL("%s: a repeated %s made the file again", point->name, point->client.packet);
    }
    wire_disconnect(up.wire);
}

/** The application was asked as often as it had to be, and nobody gets its reply any more. */
static void check_application(const crash_point_t *point)
{
    const crash_run_t *run = point->run;
    int asked = backend_count(run->backend) - point->asked_before;
    upload_t up = {run->env, NULL, point->client.plan.path, point->client.id};

    if (asked > point->asked || (asked < point->asked && run->scenario->then == CRASH_GO_ON)) {
        CHECK_FAIL("%s: the application was asked %d times, not %d", point->name, asked,
                   point->asked);
    }
    CHECK_INT(reply_status(run->env, "GET", reply_path(&up), NULL), 404);
}

/** The client never came back: what was found half done is finished, the rest times out. */
static void clean_up(const crash_point_t *point)
{
    const httpd_env_t *env = point->run->env;
    const char *output;

    CHECK_INT(admin(env, "expire --older-than 0", &output), 0);
    CHECK_INT(admin(env, "cleanup --tombstone 0", &output), 0);
    CHECK_INT(admin(env, "cleanup --tombstone 0", &output), 0);
    CHECK_INT(admin(env, "list", &output), 0);
    if (strstr(output, point->client.plan.path) != NULL) {
        CHECK_FAIL("%s: still there after a clean-up: %s", point->name, output);
    }
}

/** Whether what is there in the end may be. */
static int is_fair(const crash_point_t *point)
{
    const crash_scenario_t *scenario = point->run->scenario;
    int published = scenario->end == CRASH_CLOSE && !scenario->taken &&
                    (scenario->stop < 0 || scenario->stop == scenario->length);
    int is_new = strcmp(point->come_to, "new") == 0;
    int is_untouched = strcmp(point->come_to, untouched(point)) == 0;

    if (scenario->then == CRASH_GIVE_UP || scenario->then == CRASH_STAY_AWAY) {
        return is_new || is_untouched;
    }
    return published ? is_new : is_untouched;
}

void crash_judge_end(crash_point_t *point)
{
    const crash_run_t *run = point->run;

    if (run->scenario->then == CRASH_STAY_AWAY && point->seen != NULL) {
        clean_up(point);
    }
    point->come_to = look(point);
    if (!is_fair(point)) {
        CHECK_FAIL("%s: in the end the destination is %s", point->name, point->come_to);
    }
    if (files_count(point->folder) != (strcmp(point->come_to, "none") != 0)) {
        CHECK_FAIL("%s: something is left beside the destination", point->name);
    }
    if (files_count(run->spool) != 0) {
        CHECK_FAIL("%s: the spool holds %d files in the end", point->name, files_count(run->spool));
        files_remove_tree(run->spool);
        files_mkdir(run->spool, 0700);
    }
    if (run->backend != NULL) {
        check_application(point);
    }
    if (point->client.status == 200) {
        repeat(point);
    }
    files_remove_tree(point->folder);
}

void crash_judge_store(const crash_run_t *run)
{
    const char *output;

    if (admin(run->env, apr_pstrcat(httpd_env_pool(), "--spool ", run->spool, " check", NULL),
              &output) != 0) {
        CHECK_FAIL("%s: %s", run->scenario->name, output);
    }
}
