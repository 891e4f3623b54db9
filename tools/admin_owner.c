/* SPDX-License-Identifier: Apache-2.0 */

#include "admin_owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

/* Whose the store is: who owns its file and its folder, other than root. Whoever can change the
 * folder can put another file in its place, so the folder counts as much. -1 if that is nobody, or
 * two. */
static long owner_of(const char *store, apr_pool_t *pool)
{
    const char *slash = strrchr(store, '/');
    const char *folder = slash ? apr_pstrmemdup(pool, store, (apr_size_t)(slash - store) + 1) : ".";
    struct stat file, around;

    if (lstat(store, &file) != 0 || stat(folder, &around) != 0 || !S_ISREG(file.st_mode)) {
        return -1;
    }
    if (file.st_uid == around.st_uid || around.st_uid == 0) {
        return (long)file.st_uid;
    }
    return file.st_uid == 0 ? (long)around.st_uid : -1;
}

const char *admin_become_owner(const char *store, apr_pool_t *pool)
{
    const struct passwd *user;
    long owner;
    gid_t group;

    if (geteuid() != 0) {
        return NULL;
    }
    owner = owner_of(store, pool);
    if (owner < 0) {
        return apr_psprintf(pool,
                            "cannot open the session database %s: it must exist, be a plain file, "
                            "and belong to the owner of its folder; name another one with --store",
                            store);
    }
    if (owner == 0) {
        return NULL;
    }
    user = getpwuid((uid_t)owner);
    group = user != NULL ? user->pw_gid : (gid_t)owner;
    if ((user != NULL ? initgroups(user->pw_name, group) : setgroups(0, NULL)) != 0 ||
        setgid(group) != 0 || setuid((uid_t)owner) != 0) {
        return apr_psprintf(pool, "cannot become the owner of %s: %s", store, strerror(errno));
    }
    return NULL;
}
