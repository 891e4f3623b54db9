/* SPDX-License-Identifier: Apache-2.0 */

#include "mod_bgupload_selfcheck_tree.h"

#include <string.h>
#include <apr_fnmatch.h>
#include <apr_strings.h>

/* httpd merges all <Files> after all <Directory>. */
#define FILES_RANK 10000

/* The directive behind another one in the order of the files, into sections and out of them. */
static const ap_directive_t *behind(const ap_directive_t *directive)
{
    if (directive->first_child) {
        return directive->first_child;
    }
    while (directive && directive->next == NULL) {
        directive = directive->parent;
    }
    return directive ? directive->next : NULL;
}

const ap_directive_t *mod_bgupload_tree_next(const char *name, const ap_directive_t *after)
{
    const ap_directive_t *directive = after ? behind(after) : ap_conftree;

    while (directive && ap_cstr_casecmp(directive->directive, name) != 0) {
        directive = behind(directive);
    }
    return directive;
}

/* The argument of a section's opening line, behind a "~" (is_regex) or not. */
static const char *argument(const ap_directive_t *section, int *is_regex, apr_pool_t *pool)
{
    const char *args = section->args;
    char *word = ap_getword_conf(pool, &args);

    *is_regex = strcmp(word, "~") == 0;
    if (*is_regex) {
        word = ap_getword_conf(pool, &args);
    }
    size_t len = strlen(word);
    if (len > 0 && word[len - 1] == '>') {
        word[len - 1] = '\0';
    }
    return word;
}

static int matches_regex(const char *pattern, const char *text, apr_pool_t *pool)
{
    ap_regex_t *regex = ap_pregcomp(pool, pattern, AP_REG_EXTENDED);

    return regex && ap_regexec(regex, text, 0, NULL, 0) == 0;
}

/* How closely a <Directory> is about a folder: its number of slashes, -1 if it is not. */
static int depth_of(const char *folder, const char *path)
{
    int depth = 0;

    if (!mod_bgupload_tree_below(path, folder)) {
        return -1;
    }
    for (const char *slash = strchr(folder, '/'); slash; slash = strchr(slash + 1, '/')) {
        depth += slash[1] != '\0';
    }
    return depth;
}

int mod_bgupload_tree_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    while (len > 0 && folder[len - 1] == '/') {
        len--;
    }
    return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

int mod_bgupload_tree_rank(const ap_directive_t *directive, const char *path, const char *name,
                           apr_pool_t *pool)
{
    int rank = 0, is_regex;

    for (const ap_directive_t *section = directive->parent; section; section = section->parent) {
        const char *of = argument(section, &is_regex, pool);
        if (ap_cstr_casecmp(section->directive, "<VirtualHost") == 0) {
            continue;
        }
        if (ap_cstr_casecmp(section->directive, "<FilesMatch") == 0) {
            is_regex = 1;
        } else if (ap_cstr_casecmp(section->directive, "<Directory") == 0 && !is_regex) {
            int depth = depth_of(of, path);
            if (depth < 0) {
                return -1;
            }
            rank += depth;
            continue;
        } else if (ap_cstr_casecmp(section->directive, "<Files") != 0) {
            return -1;
        }
        if (is_regex ? !matches_regex(of, name, pool) : apr_fnmatch(of, name, 0) != APR_SUCCESS) {
            return -1;
        }
        rank += FILES_RANK;
    }
    return rank;
}
