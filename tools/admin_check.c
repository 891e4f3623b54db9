/* SPDX-License-Identifier: Apache-2.0 */

/* check: the store by itself, and each session against its spool file. The server goes on working
 * meanwhile, so whatever looks wrong is looked at again before it counts. */

#include "admin_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../mod_bgupload/bgu_commit.h"
#include "../mod_bgupload/bgu_spool.h"
#include "admin_store.h"
#include "text.h"

void admin_fault(admin_check_t *check, const char *kind, const char *subject, const char *text,
                 int repaired)
{
    if (check->admin->json) {
        (void)fputs(check->found > 0 ? ",\n{\"kind\": " : "\n{\"kind\": ", stdout);
        text_json(stdout, kind);
        (void)fputs(", \"subject\": ", stdout);
        text_json(stdout, subject);
        (void)fputs(", \"fault\": ", stdout);
        text_json(stdout, text);
        printf(", \"repaired\": %s}", repaired ? "true" : "false");
    } else {
        printf("%-8s  ", repaired ? "repaired" : "fault");
        (void)text_plain(stdout, subject);
        (void)fputs(": ", stdout);
        (void)text_plain(stdout, text);
        (void)fputc('\n', stdout);
    }
    check->found++;
    check->left += !repaired;
}

/* Whether nobody holds the lock of a session's file: a commit under way does, and so does a small
 * file that is just coming in. */
static int is_unlocked(const bgu_session_t *session, apr_pool_t *pool)
{
    int fd =
        open(bgu_spool_path(session->spool, session->id, pool), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int unlocked;

    if (fd < 0) {
        return errno == ENOENT;
    }
    unlocked = flock(fd, LOCK_SH | LOCK_NB) == 0;
    (void)close(fd);
    return unlocked;
}

/* What is wrong with a session's file, or NULL. */
static const char *fault_of(const bgu_session_t *session, apr_pool_t *pool)
{
    struct stat st;
    int complete = session->state == BGU_STATE_NOTIFYING || session->state == BGU_STATE_COMPLETE;

    if (bgu_state_is_tombstone(session->state) || session->state == BGU_STATE_PUBLISHED) {
        return NULL;
    }
    if (session->state == BGU_STATE_COMMITTING) {
        return is_unlocked(session, pool) ? "its commit was interrupted" : NULL;
    }
    if (lstat(bgu_spool_path(session->spool, session->id, pool), &st) != 0) {
        if (errno != ENOENT) {
            return "its spool file cannot be looked at";
        }
        return complete ? "its spool file is gone; the client has to send it again" : NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        return "its spool file is no plain file";
    }
    if (session->total != BGU_TOTAL_UNKNOWN && st.st_size > session->total) {
        return "its spool file is longer than the upload";
    }
    return complete && st.st_size < session->total && is_unlocked(session, pool)
               ? "its spool file has lost bytes; the client has to send them again"
               : NULL;
}

/* Finish an interrupted commit. Returns whether that worked. */
static int finish(const admin_t *admin, bgu_session_t *session, apr_pool_t *pool)
{
    apr_status_t cause;
    const char *detail;

    return bgu_commit(&admin->sessions, session, &cause, &detail, pool) == BGU_OK;
}

static void check_session(void *baton, bgu_session_t *session, apr_pool_t *pool)
{
    admin_check_t *check = baton;
    const bgu_sessions_t *sessions = &check->admin->sessions;
    const char *fault = fault_of(session, pool);
    bgu_session_t *again;
    int repaired = 0;

    /* A row that has moved on meanwhile made it look wrong. */
    if (fault == NULL ||
        sessions->provider->find(sessions->store, &again, session->id, pool) != APR_SUCCESS ||
        again->state != session->state || again->updated != session->updated ||
        fault_of(again, pool) == NULL) {
        return;
    }
    if (check->admin->repair && again->state == BGU_STATE_COMMITTING) {
        repaired = finish(check->admin, again, pool);
    }
    admin_fault(check, "session", session->id, fault, repaired);
}

static void check_database(admin_check_t *check)
{
    const admin_t *admin = check->admin;
    const char *fault;
    apr_status_t rv = admin->sessions.provider->check(admin->sessions.store, &fault, admin->pool);
    char reason[BGU_STRERROR_MAX];

    if (rv != APR_SUCCESS) {
        fault = bgu_strerror(rv, reason, sizeof(reason));
    }
    if (fault != NULL) {
        admin_fault(check, "database", admin->store,
                    apr_pstrcat(admin->pool, "damaged: ", fault,
                                "; stop the server and restore the file", NULL),
                    0);
    }
}

int admin_check(admin_t *admin)
{
    admin_check_t check = {.admin = admin};
    apr_array_header_t *spools;

    (void)fputs(admin->json ? "{\"faults\": [" : "", stdout);
    check_database(&check);
    admin_check_store_files(&check);
    check.failed |= admin_walk(admin, check_session, &check) != ADMIN_DONE;
    check.failed |= admin_all_spools(admin, &spools) != ADMIN_DONE;
    for (int i = 0; i < spools->nelts; i++) {
        admin_check_spool(&check, APR_ARRAY_IDX(spools, i, const char *), i < admin->spools->nelts);
    }
    if (admin->json) {
        printf("],\n\"found\": %d, \"left\": %d}\n", check.found, check.left);
    } else {
        printf("%d faults found, %d repaired\n", check.found, check.found - check.left);
    }
    return check.left > 0 || check.failed ? ADMIN_NOT_DONE : ADMIN_DONE;
}
