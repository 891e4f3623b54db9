/* SPDX-License-Identifier: Apache-2.0 */

#include "server_user.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "httpd_env.h"

static const struct passwd *server_user(void)
{
    const struct passwd *user;

    if (geteuid() != 0) {
        return NULL;
    }
    user = getpwnam("www-data");
    if (user == NULL) {
        user = getpwnam("nobody");
    }
    REQUIRE(user != NULL);
    return user;
}

const char *server_user_name(void)
{
    const struct passwd *user = server_user();

    return user != NULL ? user->pw_name : NULL;
}

const char *server_user_group(void)
{
    const struct passwd *user = server_user();
    const struct group *group = user != NULL ? getgrgid(user->pw_gid) : NULL;

    return group != NULL ? group->gr_name : NULL;
}

void server_user_own(const char *path)
{
    const struct passwd *user = server_user();

    if (user != NULL) {
        REQUIRE(chown(path, user->pw_uid, user->pw_gid) == 0);
    }
}

const char *server_user_barred(const char *folder)
{
    const char *end = folder;
    struct stat info;

    if (server_user() == NULL) {
        return NULL;
    }
    while (*end != '\0') {
        const char *prefix;

        end += 1 + strcspn(end + 1, "/");
        prefix = apr_pstrmemdup(httpd_env_pool(), folder, (apr_size_t)(end - folder));
        if (stat(prefix, &info) != 0 || (info.st_mode & S_IXOTH) == 0) {
            return prefix;
        }
    }
    return NULL;
}
