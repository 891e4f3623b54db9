/* SPDX-License-Identifier: Apache-2.0 */

/* What httpd -t and each start tell an administrator of: nothing that keeps the server from
 * working, but what would surprise later. The folders looked at are those of <Directory> sections
 * with BGUpload On, and the DocumentRoot where it is On for a whole server; where the URL of a
 * <Location> leads is known only with a request. */

#include "mod_bgupload_selfcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <http_core.h>
#include "bgu_defaults.h"
#include "mod_bgupload_config.h"
#include "mod_bgupload_sections.h"

/* Largest fragment of a Windows client, in bytes. */
#define FRAGMENT_OF_WINDOWS (13 * 1024 * 1024)

/* Permissions that a spool must not give away: the names in it are session ids. That a group may
 * pass through is what a server application of another user needs. */
#define SPOOL_CLOSED (S_IRWXO | S_IRGRP | S_IWGRP)

/* The same for the files of the store. */
#define STORE_CLOSED (S_IRWXO | S_IRWXG)

/* A folder that takes uploads. */
typedef struct folder_t {
    server_rec *server;
    const char *path;
    ap_conf_vector_t *conf; /* all that holds in it */
} folder_t;

/* A folder's path without a slash at its end. */
static const char *bare(const char *path, apr_pool_t *pool)
{
    size_t len = strlen(path);

    return apr_pstrmemdup(pool, path, len > 1 && path[len - 1] == '/' ? len - 1 : len);
}

static void check_handlers(const folder_t *folder, apr_pool_t *pool)
{
    int exec_cgi = (mod_bgupload_section_core(folder->conf)->opts & OPT_EXECCGI) != 0;

    mod_bgupload_selfcheck_handlers(folder->server, folder->path, exec_cgi, pool);
}

/* Linking and renaming a file only work within a file system. */
static void check_file_systems(const folder_t *folder, apr_pool_t *pool)
{
    const mod_bgupload_dir_t *ours = mod_bgupload_section_ours(folder->conf);
    const char *spool = ours->spool ? ours->spool : BGU_SPOOL_DEFAULT;
    struct stat there, here;

    (void)pool;
    if (stat(folder->path, &there) == 0 && stat(spool, &here) == 0 && there.st_dev != here.st_dev) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, folder->server,
                     BGULOGNO(0031) "each upload to %s is copied when it is complete: its spool %s "
                                    "is on another file system; set BGUploadSpool to a folder on "
                                    "the same one",
                     folder->path, spool);
    }
}

static void check_writable(const folder_t *folder, apr_pool_t *pool)
{
    int missing;

    (void)pool;
    if (faccessat(AT_FDCWD, folder->path, W_OK | X_OK, AT_EACCESS) == 0) {
        return;
    }
    missing = errno == ENOENT;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, folder->server,
                 BGULOGNO(0035) "BGUpload is On for %s, which %s; %s %s %s", folder->path,
                 missing ? "does not exist" : "the server's user cannot write to",
                 missing ? "make it with: install -d -o" : "try: chown", mod_bgupload_owner(),
                 folder->path);
}

/* A fragment over httpd's limit costs the client another attempt with a smaller one. */
static void check_request_body(const folder_t *folder, apr_pool_t *pool)
{
    apr_off_t limit = mod_bgupload_section_core(folder->conf)->limit_req_body;
    apr_off_t largest = mod_bgupload_section_ours(folder->conf)->max_fragment;

    (void)pool;
    if (largest <= 0) {
        largest = FRAGMENT_OF_WINDOWS;
    }
    if (limit > 0 && limit < largest) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, folder->server,
                     BGULOGNO(0032) "LimitRequestBody %" APR_OFF_T_FMT " in %s is below the size "
                                    "of a fragment, up to %" APR_OFF_T_FMT " bytes: set it to "
                                    "that at least, or BGUploadMaxFragment to no more",
                     limit, folder->path, largest);
    }
}

/* Whether a user that is neither root nor ours can put another folder in the place of one that lies
 * in this one. What is in a sticky folder only its owner can move. */
static int is_exposed(const struct stat *st)
{
    return (st->st_uid != 0 && st->st_uid != geteuid()) ||
           ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st->st_mode & S_ISVTX) == 0);
}

/* All folders above a path. */
static void check_above(server_rec *s, const char *path, apr_pool_t *pool)
{
    char *real = realpath(path, NULL);
    const char *above = real ? apr_pstrdup(pool, real) : "/";
    struct stat st;

    free(real);
    while (strcmp(above, "/") != 0) {
        above = bare(ap_make_dirstr_parent(pool, above), pool);
        if (stat(above, &st) == 0 && is_exposed(&st)) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         BGULOGNO(0036) "%s can be replaced by others, who can write to %s (mode "
                                        "%04o, user id %ld) above it; try: chmod go-w %s, or chown "
                                        "root %s",
                         path, above, (unsigned)(st.st_mode & 07777), (long)st.st_uid, above,
                         above);
            return;
        }
    }
}

static void check_path(const folder_t *folder, apr_pool_t *pool)
{
    check_above(folder->server, folder->path, pool);
}

static void check_folder(server_rec *s, const char *path, apr_hash_t *seen, apr_pool_t *pool)
{
    static void (*const checks[])(const folder_t *, apr_pool_t *) = {
        check_writable, check_path, check_file_systems, check_request_body, check_handlers};
    folder_t folder = {.server = s, .path = bare(path, pool)};

    /* A section of the main server holds in all its virtual hosts. */
    if (apr_hash_get(seen, folder.path, APR_HASH_KEY_STRING)) {
        return;
    }
    apr_hash_set(seen, folder.path, APR_HASH_KEY_STRING, "");
    folder.conf =
        mod_bgupload_section_merged(s, mod_bgupload_sections_of_folders(s), folder.path, pool);
    if (mod_bgupload_section_enables(folder.conf)) {
        for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
            checks[i](&folder, pool);
        }
    }
}

static void check_server(server_rec *s, apr_hash_t *seen, apr_pool_t *pool)
{
    const core_server_config *server = ap_get_core_module_config(s->module_config);

    for (int i = 0; i < server->sec_dir->nelts; i++) {
        const ap_conf_vector_t *section = mod_bgupload_section_at(server->sec_dir, i);
        if (mod_bgupload_section_enables(section) && !mod_bgupload_section_is_pattern(section)) {
            check_folder(s, mod_bgupload_section_core(section)->d, seen, pool);
        }
    }
    if (mod_bgupload_section_enables(s->lookup_defaults) && server->ap_document_root) {
        check_folder(s, server->ap_document_root, seen, pool);
    }
}

/* Received files, and whose they are, are nobody else's business. */
static void check_permissions(server_rec *s, const char *directive, const char *path, mode_t closed)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & closed) != 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     BGULOGNO(0030) "%s: %s is open to others (mode %04o); try: chmod %04o %s",
                     directive, path, (unsigned)(st.st_mode & 07777),
                     (unsigned)(st.st_mode & 07777 & ~closed), path);
    }
}

/* Whoever can change the names in a folder of ours can put files of their own, or links to files of
 * others, in the place of ours. Returns whether nobody can. */
static int check_private(server_rec *s, const char *directive, const char *folder)
{
    struct stat st;
    const char *fault = NULL;

    if (stat(folder, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        fault = "can be changed by others";
    } else if (stat(folder, &st) == 0 && st.st_uid != geteuid() && st.st_uid != 0) {
        fault = "belongs to another user than the server's";
    }
    if (fault) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     BGULOGNO(0037) "%s: the folder %s %s (mode %04o, user id %ld), who can put "
                                    "something else in the place of the server's files; it should "
                                    "be the server's alone, mode 0700",
                     directive, folder, fault, (unsigned)(st.st_mode & 07777), (long)st.st_uid);
    }
    return fault == NULL;
}

void mod_bgupload_selfcheck(server_rec *s, apr_pool_t *pool)
{
    const mod_bgupload_server_t *conf = mod_bgupload_server();
    apr_hash_t *seen = apr_hash_make(pool), *told = apr_hash_make(pool);

    if (!conf->enabled) {
        return;
    }
    (void)check_private(s, "BGUploadStore", bare(ap_make_dirstr_parent(pool, conf->store), pool));
    check_permissions(s, "BGUploadStore", conf->store, STORE_CLOSED);
    check_above(s, conf->store, pool);
    for (int i = 0; i < conf->spools->nelts; i++) {
        const char *spool = APR_ARRAY_IDX(conf->spools, i, const char *);
        if (check_private(s, "BGUploadSpool", spool)) {
            check_permissions(s, "BGUploadSpool", spool, SPOOL_CLOSED);
        }
        check_above(s, spool, pool);
    }
    for (server_rec *each = s; each; each = each->next) {
        check_server(each, seen, pool);
        if (mod_bgupload_server_is_reached(s, each)) {
            mod_bgupload_selfcheck_notify(each, told, pool);
        }
    }
    mod_bgupload_selfcheck_timeouts(s, pool);
}
