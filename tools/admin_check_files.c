/* SPDX-License-Identifier: Apache-2.0 */

/* check: modes and owners of files and folders, and spool files without a session. */

#include "admin_check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../mod_bgupload/bgu_orphans.h"

/* A file without a session that is younger may be one of a session that is ending just now. */
#define SETTLED apr_time_from_sec(60)

/* Take permissions away that a file or folder should not give; not through a link, which others may
 * have put there just because of them. */
static void check_mode(admin_check_t *check, const char *path, mode_t mode, mode_t excess,
                       const char *text)
{
    if ((mode & excess) != 0) {
        int repaired = check->admin->repair &&
                       fchmodat(AT_FDCWD, path, mode & 07777 & ~excess, AT_SYMLINK_NOFOLLOW) == 0;

        admin_fault(check, "mode", path, text, repaired);
    }
}

static void check_owner(admin_check_t *check, const char *path, uid_t owner)
{
    if (owner != geteuid()) {
        admin_fault(check, "owner", path, "belongs to another user than we work as", 0);
    }
}

void admin_check_store_files(admin_check_t *check)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    apr_pool_t *pool = check->admin->pool;
    const char *store = check->admin->store;
    const char *slash = strrchr(store, '/');
    const char *folder = slash ? apr_pstrmemdup(pool, store, (apr_size_t)(slash - store) + 1) : ".";
    struct stat st;

    if (stat(folder, &st) == 0) {
        check_mode(check, folder, st.st_mode, S_IWGRP | S_IWOTH,
                   "others can replace the database; its mode should be 0700");
    }
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        const char *path = apr_pstrcat(pool, store, endings[i], NULL);

        /* The log comes and goes with those that use it. */
        if (lstat(path, &st) == 0) {
            check_owner(check, path, st.st_uid);
            check_mode(check, path, st.st_mode, S_IRWXG | S_IRWXO,
                       "open to others; its mode should be 0600");
        }
    }
}

/* Whether the file's session ended just now, so that the file is about to go. */
static int is_ending(const admin_check_t *check, const char *path)
{
    const bgu_sessions_t *sessions = &check->admin->sessions;
    bgu_session_t *session;
    char id[BGU_ID_LEN + 1];

    apr_cpystrn(id, strrchr(path, '/') + 1, sizeof(id));
    return sessions->provider->find(sessions->store, &session, id, check->admin->pool) ==
               APR_SUCCESS &&
           session->updated > apr_time_now() - SETTLED;
}

static void note_removed(void *baton, const char *path, apr_status_t status)
{
    if (status == APR_SUCCESS) {
        admin_fault(baton, "orphan", path, "has no open session", 1);
    }
}

static void note_left(void *baton, const char *path, apr_status_t status)
{
    admin_check_t *check = baton;

    (void)status;
    if (!is_ending(check, path)) {
        admin_fault(check, "orphan", path,
                    check->admin->repair ? "has no open session, but is younger than --min-age"
                                         : "has no open session",
                    0);
    }
}

/* What lies there without a session. Only what has lain there for long is removed: it might belong
 * to another server's store. */
static apr_status_t check_orphans(admin_check_t *check, const char *folder)
{
    const admin_t *admin = check->admin;
    bgu_orphans_t orphans = {.sessions = &admin->sessions, .baton = check};
    apr_status_t rv = APR_SUCCESS;

    if (admin->repair) {
        orphans.min_age = admin->min_age > SETTLED ? admin->min_age : SETTLED;
        orphans.report = note_removed;
        rv = bgu_orphans(&orphans, folder, admin->pool);
    }
    if (rv == APR_SUCCESS) {
        orphans.min_age = SETTLED;
        orphans.dry_run = 1;
        orphans.report = note_left;
        rv = bgu_orphans(&orphans, folder, admin->pool);
    }
    return rv;
}

void admin_check_spool(admin_check_t *check, const char *folder, int named)
{
    struct stat st;
    apr_status_t rv;

    if (stat(folder, &st) != 0) {
        rv = errno;
        /* One that only an old session names may be gone. */
        if (named || rv != ENOENT) {
            admin_fault(check, "spool", folder, strerror(rv), 0);
        }
        return;
    }
    check_owner(check, folder, st.st_uid);
    /* With the set-group-id bit the group is the server application's. */
    check_mode(check, folder, st.st_mode,
               S_IRWXO | S_IWGRP | ((st.st_mode & S_ISGID) != 0 ? 0 : S_IRWXG),
               "open to others; its mode should be 0700");
    rv = check_orphans(check, folder);
    if (rv != APR_SUCCESS) {
        check->failed = 1;
        (void)admin_complain_of(
            apr_pstrcat(check->admin->pool, "cannot look through the spool ", folder, NULL), rv);
    }
}
