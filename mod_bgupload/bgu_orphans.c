/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_orphans.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>
#include "bgu_guid.h"
#include "bgu_spool.h"
#include "bgu_spool_reply.h"

/* Whether a name in the spool is one that a session's files have; id receives the session's. */
static int is_ours(char id[BGU_ID_LEN + 1], const char *name)
{
    const char *ending = name + BGU_ID_LEN;

    if (strlen(name) < BGU_ID_LEN || !bgu_guid_parse(id, name, BGU_ID_LEN) ||
        strncmp(id, name, BGU_ID_LEN) != 0) {
        return 0;
    }
    return *ending == '\0' || strcmp(ending, BGU_CLAIM_ENDING) == 0 ||
           strcmp(ending, BGU_REPLY_ENDING) == 0;
}

static int is_old(const bgu_orphans_t *orphans, const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        return 0;
    }
    apr_time_t changed = apr_time_make(st.st_mtim.tv_sec, st.st_mtim.tv_nsec / 1000);
    return changed < apr_time_now() - orphans->min_age;
}

/* Whether no open session has this id. */
static apr_status_t is_orphan(int *orphan, const bgu_orphans_t *orphans, const char *id,
                              apr_pool_t *pool)
{
    const bgu_sessions_t *sessions = orphans->sessions;
    bgu_session_t *session;
    apr_status_t rv = sessions->provider->find(sessions->store, &session, id, pool);

    *orphan =
        APR_STATUS_IS_NOTFOUND(rv) || (rv == APR_SUCCESS && bgu_state_is_tombstone(session->state));
    return APR_STATUS_IS_NOTFOUND(rv) ? APR_SUCCESS : rv;
}

/* Remove the one file, or the reply's folder together with the claim, that bears the name. */
static apr_status_t discard(const char *folder, const char *id, const char *name, apr_pool_t *pool)
{
    return name[BGU_ID_LEN] == '\0' ? bgu_spool_remove(folder, id, pool)
                                    : bgu_reply_remove(folder, id, pool);
}

static apr_status_t look_at(const bgu_orphans_t *orphans, const char *folder, const char *name,
                            apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, folder, "/", name, NULL);
    char id[BGU_ID_LEN + 1];
    int orphan;

    if (!is_ours(id, name) || !is_old(orphans, path)) {
        return APR_SUCCESS;
    }
    apr_status_t rv = is_orphan(&orphan, orphans, id, pool);
    if (rv != APR_SUCCESS || !orphan) {
        return rv;
    }
    orphans->report(orphans->baton, path,
                    orphans->dry_run ? APR_SUCCESS : discard(folder, id, name, pool));
    return APR_SUCCESS;
}

apr_status_t bgu_orphans(const bgu_orphans_t *orphans, const char *folder, apr_pool_t *pool)
{
    struct dirent *entry;
    apr_pool_t *file_pool;
    apr_status_t rv = apr_pool_create(&file_pool, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    DIR *dir = opendir(folder);
    rv = dir ? APR_SUCCESS : errno;
    while (rv == APR_SUCCESS && (entry = readdir(dir)) != NULL) {
        if (orphans->stop && orphans->stop(orphans->baton)) {
            break;
        }
        apr_pool_clear(file_pool);
        rv = look_at(orphans, folder, entry->d_name, file_pool);
    }
    if (dir) {
        (void)closedir(dir);
    }
    apr_pool_destroy(file_pool);
    return rv;
}
