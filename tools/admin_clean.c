/* SPDX-License-Identifier: Apache-2.0 */

/* cancel, expire and cleanup: what ends sessions. */

#include <stdio.h>

#include <apr_strings.h>

#include "../mod_bgupload/bgu_cleanup.h"
#include "../mod_bgupload/bgu_orphans.h"
#include "../mod_bgupload/bgu_session.h"
#include "admin.h"
#include "admin_store.h"
#include "text.h"

/* Times that a session is looked at again that changes while it is being cancelled. */
#define TRIES_MAX 10

/* Say why a session cannot be cancelled, or that it was before. */
static int cancel_nothing(const bgu_session_t *session)
{
    switch (session->state) {
    case BGU_STATE_CANCELLED:
        printf("%s was cancelled before\n", session->id);
        return ADMIN_DONE;
    case BGU_STATE_CLOSED:
        admin_complain("%s is closed already", session->id);
        return ADMIN_NOT_DONE;
    case BGU_STATE_COMMITTING:
        admin_complain("%s is being committed; if that was interrupted, 'cleanup' finishes it",
                       session->id);
        return ADMIN_NOT_DONE;
    default:
        admin_complain("%s changes all the time; try again", session->id);
        return ADMIN_NOT_DONE;
    }
}

/* Discard a session, or with a dry run only see whether that can be. */
static apr_status_t discard(const admin_t *admin, bgu_session_t *session, apr_pool_t *pool)
{
    return admin->dry_run ? APR_SUCCESS : bgu_session_discard(&admin->sessions, session, 0, pool);
}

static int cancel_one(admin_t *admin, const char *id)
{
    apr_status_t rv = APR_EAGAIN;
    bgu_session_t *session = NULL;

    for (int i = 0; i < TRIES_MAX && APR_STATUS_IS_EAGAIN(rv); i++) {
        session = admin_find(admin, id);
        if (session == NULL) {
            return ADMIN_NOT_DONE;
        }
        if (bgu_state_is_tombstone(session->state) || session->state == BGU_STATE_COMMITTING) {
            break;
        }
        rv = discard(admin, session, admin->pool);
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return cancel_nothing(session);
    }
    if (rv != APR_SUCCESS) {
        return admin_complain_of(apr_pstrcat(admin->pool,
                                             session->state == BGU_STATE_CANCELLED
                                                 ? "cancelled, but its bytes cannot be removed: "
                                                 : "cannot cancel ",
                                             id, NULL),
                                 rv);
    }
    printf("%s %s\n", id, admin->dry_run ? "would be cancelled" : "cancelled");
    return ADMIN_DONE;
}

int admin_cancel(admin_t *admin)
{
    int code = ADMIN_DONE;

    for (int i = 0; i < admin->count; i++) {
        if (cancel_one(admin, admin->args[i]) != ADMIN_DONE) {
            code = ADMIN_NOT_DONE;
        }
    }
    return code;
}

/* What a clean-up or expire has done so far. */
typedef struct tally_t {
    admin_t *admin;
    const char *const *names;          /* of what is done, by bgu_cleanup_e */
    int count[BGU_CLEANUP_FAILED + 1]; /* by bgu_cleanup_e */
    int orphans;                       /* files removed */
} tally_t;

static const char *const done[] = {"discarded", "committed", "forgotten", "failed"};
static const char *const to_do[] = {"to discard", "to commit", "to forget", "failed"};

static void print_reason(apr_status_t status)
{
    char reason[BGU_STRERROR_MAX];

    if (status != APR_SUCCESS) {
        printf("  (%s)", bgu_strerror(status, reason, sizeof(reason)));
    }
    (void)fputc('\n', stdout);
}

static void note_session(void *baton, bgu_cleanup_e what, const bgu_session_t *session,
                         apr_status_t status)
{
    tally_t *tally = baton;

    tally->count[what]++;
    printf("%-10s  ", tally->names[what]);
    (void)text_plain(stdout, session->id);
    (void)fputs("  ", stdout);
    (void)text_plain(stdout, session->path);
    print_reason(what == BGU_CLEANUP_FAILED ? status : APR_SUCCESS);
}

/* The clock and the row are looked at again under the lock of the session's file, so a session that
 * comes alive meanwhile stays. The timeout of the copy is not written to the row. */
static void expire_one(void *baton, bgu_session_t *session, apr_pool_t *pool)
{
    tally_t *tally = baton;
    const admin_t *admin = tally->admin;
    apr_status_t rv = APR_SUCCESS;

    session->timeout = admin->older_than;
    if (bgu_state_is_tombstone(session->state) || session->state == BGU_STATE_COMMITTING ||
        !bgu_session_expired(session, pool)) {
        return;
    }
    if (!admin->dry_run) {
        rv = bgu_session_discard(&admin->sessions, session, 1, pool);
    }
    if (!APR_STATUS_IS_EAGAIN(rv)) {
        note_session(tally, rv == APR_SUCCESS ? BGU_CLEANUP_DISCARDED : BGU_CLEANUP_FAILED, session,
                     rv);
    }
}

int admin_expire(admin_t *admin)
{
    tally_t tally = {.admin = admin, .names = admin->dry_run ? to_do : done};
    int code = admin_walk(admin, expire_one, &tally);

    printf("%s%d %s, %d failed\n", admin->dry_run ? "dry run: " : "",
           tally.count[BGU_CLEANUP_DISCARDED], tally.names[BGU_CLEANUP_DISCARDED],
           tally.count[BGU_CLEANUP_FAILED]);
    return tally.count[BGU_CLEANUP_FAILED] > 0 ? ADMIN_NOT_DONE : code;
}

static void note_orphan(void *baton, const char *path, apr_status_t status)
{
    tally_t *tally = baton;

    if (status == APR_SUCCESS) {
        tally->orphans++;
    } else {
        tally->count[BGU_CLEANUP_FAILED]++;
    }
    printf("%-10s  ", status != APR_SUCCESS   ? "failed"
                      : tally->admin->dry_run ? "to remove"
                                              : "removed");
    (void)text_plain(stdout, path);
    print_reason(status);
}

/* Remove what lies in the spools without a session. */
static int clean_spools(admin_t *admin, tally_t *tally)
{
    bgu_orphans_t orphans = {.sessions = &admin->sessions,
                             .min_age = admin->min_age,
                             .dry_run = admin->dry_run,
                             .report = note_orphan,
                             .baton = tally};
    apr_array_header_t *spools;
    int code = admin_all_spools(admin, &spools);

    for (int i = 0; code != ADMIN_NOT_DONE && i < spools->nelts; i++) {
        const char *folder = APR_ARRAY_IDX(spools, i, const char *);
        apr_status_t rv = bgu_orphans(&orphans, folder, admin->pool);

        /* A folder that only an old session names may be gone. */
        if (rv != APR_SUCCESS && (i < admin->spools->nelts || !APR_STATUS_IS_ENOENT(rv))) {
            code = admin_complain_of(
                apr_pstrcat(admin->pool, "cannot look through the spool ", folder, NULL), rv);
        }
    }
    return code;
}

int admin_cleanup(admin_t *admin)
{
    tally_t tally = {.admin = admin, .names = admin->dry_run ? to_do : done};
    bgu_cleanup_t cleanup = {.sessions = &admin->sessions,
                             .tombstone = admin->tombstone,
                             .dry_run = admin->dry_run,
                             .report = note_session,
                             .baton = &tally};
    apr_status_t rv = bgu_cleanup(&cleanup, admin->pool);
    int code = rv == APR_SUCCESS ? clean_spools(admin, &tally)
                                 : admin_complain_of("cannot read the sessions", rv);

    (void)fputs(admin->dry_run ? "dry run: " : "", stdout);
    for (int i = 0; i <= BGU_CLEANUP_FAILED; i++) {
        printf("%s%d %s", i > 0 ? ", " : "", tally.count[i], tally.names[i]);
    }
    printf(", %d orphans\n", tally.orphans);
    return tally.count[BGU_CLEANUP_FAILED] > 0 ? ADMIN_NOT_DONE : code;
}
