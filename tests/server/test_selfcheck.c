/* SPDX-License-Identifier: Apache-2.0 */

/* What httpd -t and the start tell of a configuration that works, but not as its author thinks. */

#include "suites.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "files.h"
#include "upload.h"

/** Lines, and the line of the log that they lead to. */
typedef struct selfcheck_case_t {
    const char *directory; /**< in the upload folder's section */
    const char *server;    /**< outside of it */
    const char *modules;   /**< that the lines need */
    const char *tag;       /**< of the log line; NULL: none may come */
    const char *parts[3];  /**< what else it has to say */
} selfcheck_case_t;

static int count_of(const char *text, const char *part)
{
    int count = 0;

    for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part)) {
        count++;
    }
    return count;
}

/** Hold what was said to what is expected: once, and nothing else. */
static void check_said(const selfcheck_case_t *each, const char *said)
{
    size_t i;

    CHECK_INT(count_of(said, "BGU003"), each->tag == NULL ? 0 : 1);
    if (each->tag != NULL) {
        CHECK_HAS(said, each->tag);
    }
    for (i = 0; i < 3 && each->parts[i] != NULL; i++) {
        CHECK_HAS(said, each->parts[i]);
    }
}

static void run(const selfcheck_case_t *each)
{
    unsigned before = CU_get_number_of_failures();
    httpd_env_options_t options = {
        .directory = each->directory, .server = each->server, .modules = each->modules};
    httpd_env_t *env;

    check_said(each, httpd_env_accepted(&options));
    env = httpd_env_start(&options);
    check_said(each, httpd_env_log(env, 0));
    httpd_env_stop(env);
    if (CU_get_number_of_failures() > before) {
        CHECK_FAIL("... with: %s %s", each->directory != NULL ? each->directory : "",
                   each->server != NULL ? each->server : "");
    }
}

#define RUN(cases)                                                                                 \
    for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++) {                              \
        run(&(cases)[i]);                                                                          \
    }

static void request_body(void)
{
    static const selfcheck_case_t cases[] = {
        {.directory = "LimitRequestBody 1000000\n",
         .tag = "BGU0032",
         .parts = {"LimitRequestBody 1000000", "docroot/upload", "13631488"}},
        {.server = "LimitRequestBody 1000000\n", .tag = "BGU0032"},
        {.directory = "LimitRequestBody 1000000\nBGUploadMaxFragment 2M\n",
         .tag = "BGU0032",
         .parts = {"2097152"}},
        {.directory = "LimitRequestBody 1000000\nBGUploadMaxFragment 1000000\n"},
        {.directory = "LimitRequestBody 0\n"},
        {.server = "<Directory \"{DOCROOT}/plain\">\nLimitRequestBody 1000\n</Directory>\n"},
        {.directory = "LimitRequestBody 0\n", .server = "LimitRequestBody 1000\n"},
    };

    RUN(cases);
}

static void handlers(void)
{
    static const selfcheck_case_t cases[] = {
        {.directory = "SetHandler cgi-script\nOptions ExecCGI\n",
         .tag = "BGU0033",
         .parts = {"could be executed", "cgi-script", "docroot/upload"}},
        {.directory = "SetHandler cgi-script\nOptions None\n"},
        {.directory = "SetHandler default-handler\nOptions ExecCGI\n"},
        {.server = "<FilesMatch \"\\.ph(p|tml)$\">\nSetHandler application/x-httpd-php\n"
                   "</FilesMatch>\n",
         .tag = "BGU0033",
         .parts = {"application/x-httpd-php", "upload.php"}},
        {.server = "<FilesMatch \"\\.ph(p|tml)$\">\nSetHandler application/x-httpd-php\n"
                   "</FilesMatch>\n",
         .directory = "<Files \"*\">\nSetHandler default-handler\n</Files>\n"},
        {.server = "<Directory \"{DOCROOT}/plain\">\nSetHandler server-info\n</Directory>\n"},
    };

    RUN(cases);
}

static void added_handlers(void)
{
    static const selfcheck_case_t cases[] = {
        {.server = "AddHandler cgi-script .cgi\n",
         .directory = "Options ExecCGI\n",
         .modules = "mime",
         .tag = "BGU0033",
         .parts = {"cgi-script (", "httpd.conf:", "upload.cgi"}},
        {.server = "<IfModule mod_mime.c>\nAddHandler application/x-httpd-php .php\n</IfModule>\n",
         .modules = "mime",
         .tag = "BGU0033"},
        {.directory = "addhandler application/x-httpd-php php\n",
         .modules = "mime",
         .tag = "BGU0033",
         .parts = {"upload.php"}},
        {.server = "AddHandler cgi-script .cgi\n",
         .directory = "Options ExecCGI\nSetHandler default-handler\n",
         .modules = "mime"},
        {.server = "AddHandler cgi-script .cgi\n", .modules = "mime"},
        {.server = "<Directory \"{DOCROOT}/plain\">\nAddHandler x-run .run\n</Directory>\n",
         .modules = "mime"},
    };

    RUN(cases);
}

static void timeouts(void)
{
    static const selfcheck_case_t cases[] = {
        {.server = "RequestReadTimeout header=20-40,MinRate=500 body=20\n",
         .modules = "reqtimeout",
         .tag = "BGU0034",
         .parts = {"RequestReadTimeout body=20 ", "httpd.conf:", "body=60,MinRate=100"}},
        {.server = "RequestReadTimeout body=10-30,MinRate=500\n",
         .modules = "reqtimeout",
         .tag = "BGU0034"},
        {.server = "<IfModule mod_reqtimeout.c>\nRequestReadTimeout body=10,MinRate=100000\n"
                   "</IfModule>\n",
         .modules = "reqtimeout",
         .tag = "BGU0034",
         .parts = {"slow lines"}},
        {.server = "RequestReadTimeout header=20-40,MinRate=500 body=20,MinRate=500\n",
         .modules = "reqtimeout"},
        {.server = "RequestReadTimeout header=5 body=0\n", .modules = "reqtimeout"},
        {.server = "RequestReadTimeout header=5\n", .modules = "reqtimeout"},
        {.modules = "reqtimeout"},
    };

    RUN(cases);
}

static void missing_folder(void)
{
    static const selfcheck_case_t cases[] = {
        {.server = "<Directory \"{DOCROOT}/none\">\nBGUpload On\n</Directory>\n",
         .tag = "BGU0035",
         .parts = {"docroot/none", "does not exist", "install -d"}},
        {.server = "<Directory \"{DOCROOT}/upload/inner\">\nBGUpload Off\n</Directory>\n"},
        {.server = "<VirtualHost *:{PORT}>\nDocumentRoot \"{DOCROOT}/gone\"\nBGUpload On\n"
                   "</VirtualHost>\n",
         .tag = "BGU0035",
         .parts = {"docroot/gone"}},
    };

    RUN(cases);
}

/** A folder that is there, but not the server's. */
static void closed_folder(void)
{
    httpd_env_t *env = httpd_env_start(NULL);

    REQUIRE(chmod(httpd_env_path(env, "/upload"), 0555) == 0);
    httpd_env_graceful(env);
    CHECK_HAS(httpd_env_log(env, 0), "BGU0035");
    CHECK_HAS(httpd_env_log(env, 0), "/upload, which the server's user cannot write to");
}

static void file_systems(void)
{
    const char *spool = files_other_file_system(httpd_env_pool());
    selfcheck_case_t other = {.tag = "BGU0031", .parts = {"is copied", spool, "docroot/upload"}};
    struct stat here, there;

    if (spool == NULL || stat(spool, &there) != 0 || stat("/tmp", &here) != 0 ||
        here.st_dev == there.st_dev) {
        check_skip("/dev/shm is no file system of its own");
        return;
    }
    other.directory = apr_pstrcat(httpd_env_pool(), "BGUploadSpool \"", spool, "\"\n", NULL);
    run(&other);
}

/** Permissions of the spool and what is said of them. */
static void spool_permissions(void)
{
    static const struct {
        mode_t mode;
        const char *advice; /**< NULL: nothing is wrong */
    } cases[] = {{0700, NULL},         {02710, NULL},        {0710, NULL},
                 {0755, "chmod 0710"}, {0750, "chmod 0710"}, {0711, "chmod 0710"}};
    httpd_env_t *env = httpd_env_start(NULL);
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        long mark = httpd_env_log_mark(env);
        const char *said;

        REQUIRE(chmod(env->spool, cases[i].mode) == 0);
        httpd_env_graceful(env);
        said = httpd_env_log(env, mark);
        CHECK_INT(count_of(said, "BGU0030"), cases[i].advice == NULL ? 0 : 1);
        if (cases[i].advice != NULL) {
            CHECK_HAS(said, "BGUploadSpool: ");
            CHECK_HAS(said, cases[i].advice);
        }
    }
}

/** What the start says of a folder of the store and the spool that is not the server's alone. */
static void check_told(httpd_env_t *env, const char *fault)
{
    long mark = httpd_env_log_mark(env);
    const char *said;

    httpd_env_graceful(env);
    said = httpd_env_log(env, mark);
    CHECK_HAS(said,
              httpd_env_format("BGU0037: BGUploadSpool: the folder %s %s", env->spool, fault));
    CHECK_HAS(said,
              httpd_env_format("BGU0037: BGUploadStore: the folder %s/state %s", env->root, fault));
}

static void exposed_folders(void)
{
    static const int modes[] = {0777, 0770, 02770, 01777};
    httpd_env_t *env = httpd_env_start(NULL);
    const char *state = apr_pstrcat(env->pool, env->root, "/state", NULL);
    size_t i;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        REQUIRE(chmod(env->spool, (mode_t)modes[i]) == 0 && chmod(state, (mode_t)modes[i]) == 0);
        check_told(env, "can be changed by others");
    }
}

/** The database tells of sessions and users. */
static void store_permissions(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    long mark = httpd_env_log_mark(env);

    REQUIRE(chmod(env->store, 0640) == 0);
    httpd_env_graceful(env);
    CHECK_HAS(httpd_env_log(env, mark), "BGU0030: BGUploadStore: ");
    CHECK_HAS(httpd_env_log(env, mark), "chmod 0600");
}

/** Folders above that let others put something else in the place of spool, store or uploads. */
static void folders_above(void)
{
    static const struct {
        int mode;
        int told;
    } cases[] = {{0755, 0}, {01777, 0}, {0777, 1}, {0775, 1}};
    httpd_env_t *env = httpd_env_start(NULL);
    const char *above = httpd_env_path(env, "/plain");
    size_t i;

    files_mkdir(httpd_env_path(env, "/plain/inner"), 0755);
    files_mkdir(httpd_env_path(env, "/plain/inner/spool"), 0700);
    httpd_env_add_lines(env, "<Directory \"{DOCROOT}/upload\">\n"
                             "BGUploadSpool \"{DOCROOT}/plain/inner/spool\"\n</Directory>\n"
                             "<Directory \"{DOCROOT}/plain/inner\">\nBGUpload On\n"
                             "BGUploadSpool \"{DOCROOT}/plain/inner/spool\"\n</Directory>\n");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        long mark = httpd_env_log_mark(env);
        const char *said;

        REQUIRE(chmod(above, (mode_t)cases[i].mode) == 0);
        httpd_env_graceful(env);
        said = httpd_env_log(env, mark);
        /* Of the spool, once though it is named twice, and of the folder that takes uploads. */
        CHECK_INT(count_of(said, "BGU0036"), 2 * cases[i].told);
        if (cases[i].told) {
            CHECK_HAS(said, above);
            CHECK_HAS(said, "chmod go-w");
        }
    }
}

void suite_selfcheck(void)
{
    static const suite_test_t tests[] = {
        {"LimitRequestBody", request_body},
        {"SetHandler", handlers},
        {"AddHandler", added_handlers},
        {"RequestReadTimeout", timeouts},
        {"a folder that is not there", missing_folder},
        {"a folder that is closed to the server", closed_folder},
        {"spool and destination on two file systems", file_systems},
        {"permissions of the spool", spool_permissions},
        {"folders that others can change", exposed_folders},
        {"permissions of the store", store_permissions},
        {"permissions of folders above", folders_above},
    };

    SUITE_ADD("selfcheck", tests);
}
