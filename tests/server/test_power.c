/* SPDX-License-Identifier: Apache-2.0 */

/* Power cuts at every moment of an upload: what a 200 promised is there afterwards, and nothing
 * wrong ever is. */

#include "suites.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "backend.h"
#include "power_story.h"

enum { REPLY = 9000 };

/** Changes between two power cuts with chance. */
enum { DENSE = 1, SPARSE = 4 };

static void tell(const char *lines, unsigned stride)
{
    story_t story = story_begin(lines);

    story_record(&story);
    story_cut_everywhere(&story, stride);
}

static void plain(void)
{
    tell(NULL, DENSE);
}

static void overwriting(void)
{
    story_t story = story_begin("BGUploadAllowOverwrites On\n");

    story.old = "what was there before";
    files_write(httpd_env_path(story.env, story.patients[0]->up.path), story.old,
                strlen(story.old));
    story_record(&story);
    story_cut_everywhere(&story, SPARSE);
}

static void on_last_fragment(void)
{
    story_t story = story_begin("BGUploadCommit OnLastFragment\n");

    story.on_last = 1;
    story_record(&story);
    story_cut_everywhere(&story, SPARSE);
}

static void copied(void)
{
    const char *spool = files_other_file_system(httpd_env_pool());
    story_t story;

    if (spool == NULL) {
        check_skip("no other file system");
        return;
    }
    story = story_begin(httpd_env_format("BGUploadSpool \"%s\"\n", spool));
    apr_cpystrn(story.env->faults->folders[0], spool, PATH_MAX);
    story_record(&story);
    story_cut_everywhere(&story, SPARSE);
}

static void every_fragment(void)
{
    story_t story = story_begin("BGUploadSync Fragment\n");

    story.patients[0]->keep = PATIENT_KEEP_ALL;
    story_record(&story);
    story_cut_everywhere(&story, SPARSE);
}

static void never(void)
{
    story_t story = story_begin("BGUploadSync Off\n");

    story.off = 1;
    story_record(&story);
    story_cut_everywhere(&story, SPARSE);
}

/** The second upload brings rows of the first one to the disk, but not its bytes. */
static void two(void)
{
    story_t story = story_begin(NULL);

    story_add(&story);
    story_record(&story);
    story_cut_everywhere(&story, SPARSE);
}

static void with_reply(void)
{
    backend_t *backend = backend_start();
    story_t story = story_begin(
        httpd_env_format("BGUploadNotify Value\nBGUploadNotifyURL %s/app\n", backend->url));

    backend_tell(backend, &(backend_plan_t){.answer = "HTTP/1.1 200 OK\n"
                                                      "BITS-Copy-File-To-Destination: yes\n",
                                            .body = REPLY});
    story.patients[0]->reply = REPLY;
    story_record(&story);
    story_cut_everywhere(&story, SPARSE);
}

/** From the very first start on: the database is made meanwhile. */
static void first_start(void)
{
    story_t story = story_begin(NULL);

    httpd_env_kill(story.env);
    unlink(story.env->store);
    unlink(apr_pstrcat(story.env->pool, story.env->store, "-wal", NULL));
    unlink(apr_pstrcat(story.env->pool, story.env->store, "-shm", NULL));
    story.power = power_begin(story.env);
    httpd_env_resume(story.env);
    patient_set_back(story.patients[0], 0);
    story_record_on(&story);
    story_cut_everywhere(&story, SPARSE);
}

/** The power fails again while the client goes on after a power cut. */
static void twice(void)
{
    story_t story = story_begin(NULL);
    patient_t *patient = story.patients[0];
    unsigned seed = power_seed();
    unsigned point;

    story_record(&story);
    for (point = 1; point <= story.changes; point += story.changes / 5) {
        story_t second = story;
        patient_t again = *patient;
        unsigned number;

        seed = seed * 1103515245u + 12345u;
        power_cut(story.power, point, seed | 1u);
        httpd_env_resume(story.env);
        patient_set_back(&again, point);
        if (again.state.closed) {
            httpd_env_kill(story.env);
            break;
        }
        again.log = apr_array_make(story.env->pool, 8, patient->log->elt_size);
        patient_note(&again, 0);
        second.patients[0] = &again;
        story_record(&second);
        for (number = 1; number <= second.changes; number += 1 + second.changes / 3) {
            story_cut(&second, number, number % 2 == 0 ? seed | 1u : 0);
        }
    }
    power_cut(story.power, 0, 0);
    httpd_env_resume(story.env);
}

void suite_power(void)
{
    static const suite_test_t tests[] = {
        {"an upload", plain},
        {"BGUploadAllowOverwrites On", overwriting},
        {"BGUploadCommit OnLastFragment", on_last_fragment},
        {"a spool on another file system", copied},
        {"BGUploadSync Fragment", every_fragment},
        {"BGUploadSync Off", never},
        {"two uploads at once", two},
        {"an upload-reply", with_reply},
        {"from the first start on", first_start},
        {"a second power cut", twice},
    };

    SUITE_ADD("power", tests);
}
