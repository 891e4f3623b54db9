/* SPDX-License-Identifier: Apache-2.0 */

#include "admin.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"

/** Most words of a command line. */
#define WORDS_MAX 12

int admin_plain(const char *words, const char **output)
{
    const char *argv[WORDS_MAX + 2];
    char *rest = apr_pstrdup(httpd_env_pool(), words);
    int count = 1;
    char *word;

    argv[0] =
        apr_pstrcat(httpd_env_pool(), httpd_env_setting("BGUPLOAD_BUILD"), "/bgupload-admin", NULL);
    for (word = apr_strtok(rest, " ", &rest); word != NULL; word = apr_strtok(NULL, " ", &rest)) {
        REQUIRE(count <= WORDS_MAX);
        argv[count++] = word;
    }
    argv[count] = NULL;
    return program_run(argv, output, httpd_env_pool());
}

int admin(const httpd_env_t *env, const char *words, const char **output)
{
    return admin_plain(apr_pstrcat(httpd_env_pool(), "--store ", env->store, " ", words, NULL),
                       output);
}

int admin_lines(const char *text)
{
    int count = 0;

    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}
