/* SPDX-License-Identifier: Apache-2.0 */

/* Publishing while others plant things: in the spool, at the destination, on the way to it. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_commit.h"
#include "../../mod_bgupload/bgu_publish.h"
#include "fixture.h"
#include "suites.h"

#define NEW    "the new bytes"
#define SECRET "secret"

/** Uploads that are published while somebody changes the path of their destination. */
#define ROUNDS 3000

/** A session with all of NEW in its spool, and a file that is nobody else's business. */
struct item {
    fixture_t *f;
    const char *secret;
    bgu_session_t *session;
    bgu_spool_t *spool;
};

static void receive(struct item *item, int overwrite)
{
    item->session = fixture_stored(item->f, BGU_STATE_COMPLETE, NEW, strlen(NEW));
    item->session->plan.overwrite = overwrite;
    REQUIRE(bgu_spool_open(&item->spool, item->f->spool, item->session->id, NULL, item->f->pool) ==
            APR_SUCCESS);
}

static struct item received(int overwrite)
{
    struct item item = {.f = fixture_open()};

    item.secret = fixture_path(item.f, "secret");
    fixture_write(item.secret, SECRET, strlen(SECRET));
    receive(&item, overwrite);
    return item;
}

static bgu_result_e publish(const struct item *item)
{
    const char *detail = NULL;
    apr_status_t cause = APR_SUCCESS;
    bgu_result_e result = bgu_publish(item->session, item->spool, &cause, &detail, item->f->pool);

    if (result != BGU_OK) {
        CHECK(detail != NULL && *detail != '\0');
    }
    return result;
}

static bgu_result_e commit(const struct item *item, apr_status_t *cause)
{
    const char *detail = NULL;

    return bgu_commit(&item->f->sessions, item->session, cause, &detail, item->f->pool);
}

static int mode_of(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (int)(info.st_mode & 07777) : -1;
}

static void check_secret(const struct item *item)
{
    CHECK(fixture_holds(item->secret, SECRET, strlen(SECRET)));
}

/** What is published is the file whose bytes were looked at, whatever bears its name by then. */
static void test_swapped_spool_file(void)
{
    int kind;

    for (kind = 0; kind < 6; kind++) {
        struct item item = received(kind % 2);
        const char *name = fixture_spool_path(item.f, item.session->id);
        struct stat opened, published;

        REQUIRE(stat(name, &opened) == 0 && rename(name, fixture_path(item.f, "away")) == 0);
        if (kind / 2 == 0) {
            REQUIRE(symlink(item.secret, name) == 0);
        } else if (kind / 2 == 1) {
            REQUIRE(link(item.secret, name) == 0);
        } else {
            fixture_write(name, "other bytes !", strlen(NEW));
        }
        CHECK_INT(publish(&item), BGU_OK);
        CHECK(fixture_holds(item.session->dest, NEW, strlen(NEW)));
        REQUIRE(lstat(item.session->dest, &published) == 0);
        CHECK_INT(published.st_ino, opened.st_ino);
        check_secret(&item);
        fixture_teardown();
    }
}

/** What may bear the destination's name. */
enum planted { LINK, DANGLING, HARD_LINK, PIPE, KINDS };

static void plant(const struct item *item, const char *name, enum planted kind)
{
    switch (kind) {
    case LINK:
        REQUIRE(symlink(item->secret, name) == 0);
        break;
    case DANGLING:
        REQUIRE(symlink(fixture_path(item->f, "nothing"), name) == 0);
        break;
    case HARD_LINK:
        REQUIRE(link(item->secret, name) == 0);
        break;
    default:
        REQUIRE(mkfifo(name, 0666) == 0);
    }
}

/** It is replaced as a name, or left; nothing is ever written through it. */
static void test_planted_destination(void)
{
    int i;

    for (i = 0; i < 2 * KINDS; i++) {
        int overwrite = i % 2;
        struct item item = received(overwrite);
        struct stat before, after;

        plant(&item, item.session->dest, (enum planted)(i / 2));
        REQUIRE(lstat(item.session->dest, &before) == 0);
        CHECK_INT(publish(&item), overwrite ? BGU_OK : BGU_ACCESS_DENIED);
        CHECK_INT(publish(&item), overwrite ? BGU_OK : BGU_ACCESS_DENIED);
        REQUIRE(lstat(item.session->dest, &after) == 0);
        CHECK_INT(before.st_ino == after.st_ino, !overwrite);
        CHECK_INT(fixture_holds(item.session->dest, NEW, strlen(NEW)), overwrite);
        CHECK_INT(fixture_count(item.f->docroot), 1);
        CHECK(!fixture_exists(fixture_path(item.f, "nothing")));
        check_secret(&item);
        fixture_teardown();
    }
}

/** The same under the hidden name, which nobody can know before. */
static void test_planted_beside(void)
{
    int i;

    for (i = 0; i < 2 * KINDS; i++) {
        struct item item = received(i % 2);
        const char *end = item.session->id + BGU_ID_LEN - 17;

        plant(&item, fixture_dest(item.f, apr_pstrcat(item.f->pool, ".bgupload-", end, NULL)),
              (enum planted)(i / 2));
        CHECK_INT(publish(&item), BGU_OK);
        CHECK(fixture_holds(item.session->dest, NEW, strlen(NEW)));
        CHECK_INT(fixture_count(item.f->docroot), 1);
        CHECK(!fixture_exists(fixture_path(item.f, "nothing")));
        check_secret(&item);
        fixture_teardown();
    }
}

/** Let a session's destination be in docroot/in, and docroot/in a link to docroot/../out. */
static void link_folder(struct item *item)
{
    REQUIRE(mkdir(fixture_path(item->f, "out"), 0755) == 0);
    REQUIRE(symlink(fixture_path(item->f, "out"), fixture_dest(item->f, "in")) == 0);
    item->session->dest = fixture_dest(item->f, "in/a.bin");
}

static void test_link_on_the_way(void)
{
    struct item item = received(0);
    const char *out = fixture_path(item.f, "out");
    const char *detail = NULL;
    apr_status_t cause = APR_SUCCESS;
    int root = (int)strlen(item.f->docroot);

    link_folder(&item);
    item.session->plan.root = root;
    CHECK_INT(publish(&item), BGU_ACCESS_DENIED);
    CHECK_INT(bgu_publish_check(item.session->dest, root, 0, &cause, &detail, item.f->pool),
              BGU_ACCESS_DENIED);
    CHECK_HAS(detail, "FollowSymLinks");
    CHECK_INT(fixture_count(out), 0);
    CHECK_INT(mode_of(fixture_spool_path(item.f, item.session->id)), 0644);
    /* Where links may be followed, and above what the configuration names, they are. */
    CHECK_INT(bgu_publish_check(item.session->dest, 0, 0, &cause, &detail, item.f->pool), BGU_OK);
    item.session->plan.root = (int)strlen(fixture_dest(item.f, "in"));
    CHECK_INT(publish(&item), BGU_OK);
    CHECK(fixture_holds(fixture_path(item.f, "out/a.bin"), NEW, strlen(NEW)));
}

/** A commit that somebody else has to finish keeps to what held when it began. */
static void test_link_and_recovery(void)
{
    struct item item = received(0);
    apr_status_t cause = APR_SUCCESS;
    bgu_session_t *session = item.session;

    link_folder(&item);
    item.session = fixture_session(item.f);
    item.session->dest = session->dest;
    item.session->state = BGU_STATE_COMMITTING;
    item.session->total = (apr_off_t)strlen(NEW);
    item.session->plan.root = (int)strlen(item.f->docroot);
    REQUIRE(item.f->sessions.provider->create(item.f->sessions.store, item.session, NULL, 0) ==
            APR_SUCCESS);
    fixture_write(fixture_spool_path(item.f, item.session->id), NEW, strlen(NEW));
    item.session = fixture_find(item.f, item.session->id);
    CHECK_INT(commit(&item, &cause), BGU_ACCESS_DENIED);
    CHECK_INT(cause, ELOOP);
    CHECK_INT(fixture_count(fixture_path(item.f, "out")), 0);
}

static void test_own_names(void)
{
    static const char *const names[] = {".bgupload-", ".bgupload-x", ".BGUPLOAD-x"};
    fixture_t *f = fixture_open_bare();
    const char *detail = NULL;
    apr_status_t cause = APR_SUCCESS;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CASE_INT(names[i],
                 bgu_publish_check(fixture_dest(f, names[i]), 0, 1, &cause, &detail, f->pool),
                 BGU_ACCESS_DENIED);
        CHECK_HAS(detail, names[i]);
    }
    CHECK_INT(bgu_publish_check(fixture_dest(f, ".bgupload"), 0, 0, &cause, &detail, f->pool),
              BGU_OK);
}

/** After a refusal the file is only a spool file again, whatever its mode was to be. */
static void test_mode_after_refusal(void)
{
    struct item item = received(0);

    item.session->plan.mode = 0666;
    fixture_write(item.session->dest, "old", 3);
    CHECK_INT(publish(&item), BGU_ACCESS_DENIED);
    CHECK_INT(mode_of(fixture_spool_path(item.f, item.session->id)), 0600);
    REQUIRE(unlink(item.session->dest) == 0);
    CHECK_INT(publish(&item), BGU_OK);
    CHECK_INT(mode_of(item.session->dest), 0666);
}

/** The same bytes, size and time, but of a user who can change them later. */
static void test_copy_of_another_user(void)
{
    struct item item = received(0);
    struct stat info;

    if (geteuid() != 0) {
        check_skip("only root can make a file of another user");
        return;
    }
    REQUIRE(stat(fixture_spool_path(item.f, item.session->id), &info) == 0);
    const struct timespec times[2] = {info.st_mtim, info.st_mtim};
    fixture_write(item.session->dest, NEW, strlen(NEW));
    REQUIRE(utimensat(AT_FDCWD, item.session->dest, times, 0) == 0);
    REQUIRE(chown(item.session->dest, 65534, 65534) == 0);
    CHECK_INT(publish(&item), BGU_ACCESS_DENIED);
    REQUIRE(chown(item.session->dest, 0, 0) == 0);
    CHECK_INT(publish(&item), BGU_OK);
}

/** A file with a name that we did not give it may be anybody's: it is not given away. */
static void test_linked_spool_file(void)
{
    struct item item = received(0);
    const char *name = fixture_spool_path(item.f, item.session->id);
    apr_status_t cause = APR_SUCCESS;

    item.session->total = (apr_off_t)strlen(SECRET);
    REQUIRE(unlink(name) == 0 && link(item.secret, name) == 0 && chmod(item.secret, 0600) == 0);
    CHECK_INT(commit(&item, &cause), BGU_IO_ERROR);
    CHECK_INT(cause, EMLINK);
    CHECK_INT(fixture_count(item.f->docroot), 0);
    CHECK_INT(fixture_state(item.f, item.session->id), BGU_STATE_COMPLETE);
    CHECK_INT(mode_of(item.secret), 0600);
    check_secret(&item);
}

/** Names that an earlier try made are no obstacle, though a power cut took its row back. */
static void test_linked_by_us(void)
{
    int staged;

    for (staged = 0; staged < 2; staged++) {
        struct item item = received(1);
        const char *hidden =
            apr_pstrcat(item.f->pool, ".bgupload-", item.session->id + BGU_ID_LEN - 17, NULL);
        apr_status_t cause = APR_SUCCESS;

        REQUIRE(link(fixture_spool_path(item.f, item.session->id),
                     staged ? fixture_dest(item.f, hidden) : item.session->dest) == 0);
        CHECK_INT(commit(&item, &cause), BGU_OK);
        CHECK(fixture_holds(item.session->dest, NEW, strlen(NEW)));
        CHECK_INT(fixture_count(item.f->docroot), 1);
        CHECK_INT(fixture_count(item.f->spool), 0);
        fixture_teardown();
    }
}

/** A folder and a link to another one change places all the time: never in the other one. */
static void test_swapped_folder(void)
{
    struct item item = received(1);
    const char *out = fixture_path(item.f, "out");
    const char *in = fixture_dest(item.f, "in");
    const char *link = fixture_dest(item.f, "link");
    int folder, i, odd = 0;
    pid_t pid;

    REQUIRE(mkdir(out, 0755) == 0 && mkdir(in, 0755) == 0 && symlink(out, link) == 0);
    folder = open(in, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(folder >= 0);
    item.session->dest = fixture_dest(item.f, "in/a.bin");
    item.session->plan.root = (int)strlen(item.f->docroot);
    item.session->plan.sync = BGU_SYNC_OFF;
    pid = fixture_swap(in, link);
    for (i = 0; i < ROUNDS; i++) {
        bgu_result_e result = publish(&item);

        if (result == BGU_OK) {
            odd += unlinkat(folder, "a.bin", 0) != 0;
        } else {
            /* The link may be a folder again by the time that somebody asks what it was. */
            odd += result != BGU_ACCESS_DENIED && result != BGU_NO_FOLDER;
        }
    }
    fixture_stop_swapping(pid);
    close(folder);
    CHECK_INT(odd, 0);
    CHECK_INT(fixture_count(out), 0);
}

static const suite_test_t tests[] = {
    {"the spool file's name leads elsewhere", test_swapped_spool_file},
    {"links and pipes at the destination", test_planted_destination},
    {"links and pipes beside it", test_planted_beside},
    {"a link on the way", test_link_on_the_way},
    {"a link on the way, found by who finishes it", test_link_and_recovery},
    {"the server's own names", test_own_names},
    {"the mode after a refusal", test_mode_after_refusal},
    {"a copy that belongs to another user", test_copy_of_another_user},
    {"a spool file that others have a name for", test_linked_spool_file},
    {"a spool file that we have another name for", test_linked_by_us},
    {"a path that changes all the time", test_swapped_folder},
};

void suite_publish_planted(void)
{
    SUITE_ADD("publish_planted", tests);
}
