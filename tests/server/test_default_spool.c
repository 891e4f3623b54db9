/* SPDX-License-Identifier: Apache-2.0 */

/* The spool that is used where no BGUploadSpool holds: looked at where the configuration shows that
 * it is used, and left alone where it may be another server's. */

#include "suites.h"

#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_defaults.h"
#include "files.h"

#define STORE  "BGUploadStore sqlite \"{STORE}\"\n"
#define SPOOL  "BGUploadSpool \"{SPOOL}\"\n"
#define ORPHAN "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

/** A section of a folder. */
#define IN(folder, lines) "<Directory \"{DOCROOT}/" folder "\">\n" lines "</Directory>\n"

/** Lines beside the folder /upload, which has a spool of its own. */
typedef struct default_case_t {
    const char *lines;
    const char *user; /**< who uses the default spool; NULL: nobody, or only a request tells */
} default_case_t;

static const default_case_t cases[] = {
    {"", NULL},
    {IN("plain", "BGUpload On\n"), "docroot/plain/"},
    {IN("plain", "BGUpload On\n" SPOOL), NULL},
    {SPOOL IN("plain", "BGUpload On\n"), NULL},
    {IN("plain", "BGUploadMaxSize 1\n"), NULL},
    {IN("upload/a", "BGUpload On\n"), NULL},
    {IN("plain", SPOOL) IN("plain/a", "BGUpload On\n"), NULL},
    {IN("plain", "BGUpload On\n") IN("plain/a", SPOOL), "docroot/plain/"},
    {IN("plain", "BGUpload On\n<Files \"*\">\n" SPOOL "</Files>\n"), NULL},
    {"BGUpload On\n", "docroot"},
    {"<Location /b>\nBGUpload On\n</Location>\n", NULL},
    {IN("plain", "BGUpload On\n") "<Location /plain>\n" SPOOL "</Location>\n", NULL},
    {"<VirtualHost *:{PORT}>\n" IN("plain", "BGUpload On\n") "</VirtualHost>\n", "docroot/plain/"},
    {IN("plain", "BGUpload On\n") "<VirtualHost *:{PORT}>\n" SPOOL "</VirtualHost>\n", NULL},
    {IN("plain", "BGUpload On\n") "<VirtualHost *:9>\n" SPOOL "</VirtualHost>\n", "docroot/plain/"},
    {IN("plain", "BGUpload On\n") "<VirtualHost *:{PORT}>\n</VirtualHost>\n"
                                  "<VirtualHost *:9>\n" SPOOL "</VirtualHost>\n",
     NULL},
};

static void checked(void)
{
    if (access(BGU_SPOOL_DEFAULT, F_OK) == 0) {
        check_skip(BGU_SPOOL_DEFAULT " is there, so nothing is wrong with it");
        return;
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned before = CU_get_number_of_failures();
        httpd_env_options_t options = {
            .no_store = 1,
            .directory = SPOOL,
            .server = apr_pstrcat(httpd_env_pool(), STORE, cases[i].lines, NULL)};

        const char *said = httpd_env_accepted(&options);
        if (cases[i].user == NULL) {
            CHECK(strstr(said, BGU_SPOOL_DEFAULT) == NULL);
        } else {
            CHECK_HAS(said, "BGUploadSpool: the folder " BGU_SPOOL_DEFAULT ", the default that ");
            CHECK_HAS(said, apr_pstrcat(httpd_env_pool(), cases[i].user, " uses,", NULL));
        }
        if (CU_get_number_of_failures() > before) {
            CHECK_FAIL("... with: %s", cases[i].lines);
        }
    }
}

/** Where sections of URLs name all the spools, one that names none has the default. */
static void urls(void)
{
    httpd_env_options_t options = {.no_store = 1,
                                   .directory = "BGUpload Off\n",
                                   .server =
                                       STORE "<Location /a>\nBGUpload On\n" SPOOL "</Location>\n"
                                             "<Location /b>\nBGUpload On\n</Location>\n"};

    if (access(BGU_SPOOL_DEFAULT, F_OK) == 0) {
        check_skip(BGU_SPOOL_DEFAULT " is there, so nothing is wrong with it");
        return;
    }
    CHECK_HAS(httpd_env_accepted(&options), "the default that /b uses,");
}

/** Put a file without a session into a spool, old enough to go. Returns its path. */
static const char *orphan_in(const char *spool)
{
    const char *path = apr_pstrcat(httpd_env_pool(), spool, "/" ORPHAN, NULL);
    const struct timeval old[2] = {{0, 0}, {0, 0}};

    files_write(path, "x", 1);
    REQUIRE(utimes(path, old) == 0);
    return path;
}

static int is_gone(void *path)
{
    return !files_exists(path);
}

/** A shell's words that start httpd where the parent of the state folder is {ROOT}/lib, or NULL if
 * that is not possible. */
static const char *in_namespace(void)
{
    static const char test[] = "unshare --mount true";
    const char *argv[] = {"/bin/sh", "-c", test, NULL};
    const char *folder = apr_pstrmemdup(httpd_env_pool(), BGU_STATE_DIR,
                                        (apr_size_t)(strrchr(BGU_STATE_DIR, '/') - BGU_STATE_DIR));

    if (!files_exists(folder) || program_run(argv, NULL, httpd_env_pool()) != 0) {
        return NULL;
    }
    return httpd_env_format("unshare --mount sh -c 'mkdir -p {ROOT}/lib%s/spool && "
                            "chmod -R 777 {ROOT}/lib && mount --bind {ROOT}/lib %s && exec \"$@\"' "
                            "sh",
                            strrchr(BGU_STATE_DIR, '/'), folder);
}

/** A server that cleans up all the time, with a spool for /upload. */
static httpd_env_t *start(const char *lines)
{
    httpd_env_options_t options = {
        .no_store = 1,
        .directory = SPOOL,
        .server = apr_pstrcat(httpd_env_pool(), STORE "BGUploadCleanupInterval 1s\n", lines, NULL),
        .wrapper = in_namespace()};

    if (options.wrapper == NULL) {
        check_skip("no mount namespace can be had for a default spool");
        return NULL;
    }
    return httpd_env_start(&options);
}

static void searched(void)
{
    httpd_env_t *env = start(IN("plain", "BGUpload On\n"));
    const char *own;

    if (env == NULL) {
        return;
    }
    own = orphan_in(httpd_env_format("%s/lib%s/spool", env->root, strrchr(BGU_STATE_DIR, '/')));
    CHECK(check_wait(is_gone, (void *)(apr_uintptr_t)own, HTTPD_ENV_DEADLINE));
}

static void left_alone(void)
{
    httpd_env_t *env = start("");
    const char *foreign;

    if (env == NULL) {
        return;
    }
    foreign = orphan_in(httpd_env_format("%s/lib%s/spool", env->root, strrchr(BGU_STATE_DIR, '/')));
    /* The second time, the first clean-up is over. */
    for (int i = 0; i < 2; i++) {
        CHECK(
            check_wait(is_gone, (void *)(apr_uintptr_t)orphan_in(env->spool), HTTPD_ENV_DEADLINE));
    }
    CHECK(files_exists(foreign));
}

void suite_default_spool(void)
{
    static const suite_test_t tests[] = {
        {"checked where it is used", checked},
        {"sections of URLs", urls},
        {"searched where it is used", searched},
        {"left alone elsewhere", left_alone},
    };

    SUITE_ADD("default_spool", tests);
}
