/* SPDX-License-Identifier: Apache-2.0 */

/* What the start tells of BGUploadNotify without a BGUploadNotifyURL, where another folder has one:
 * a warning, and none where the URL comes from somewhere else. */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "wire.h"

#define URL "BGUploadNotifyURL http://127.0.0.1:9/app\n"

/** A section of a folder. */
#define IN(folder, lines) "<Directory \"{DOCROOT}/" folder "\">\n" lines "</Directory>\n"

/** Lines at server level, and what is told of them. The folder /upload always has a URL. */
typedef struct notify_case_t {
    const char *lines;
    const char *told; /**< a part of the one warning; NULL: there is none */
    int doubt;        /**< another section may give the URL */
} notify_case_t;

static void run(const notify_case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned before = CU_get_number_of_failures();
        httpd_env_options_t options = {.directory = URL,
                                       .modules = "alias",
                                       .server =
                                           apr_pstrcat(httpd_env_pool(), cases[i].lines, NULL)};
        const char *said = httpd_env_accepted(&options);
        const char *line = strstr(said, "BGU0040");

        if (cases[i].told == NULL) {
            CHECK(line == NULL);
        } else {
            REQUIRE(line != NULL);
            CHECK_HAS(line, cases[i].told);
            CHECK_HAS(line, "httpd.conf:");
            CHECK(strstr(line + 1, "BGU0040") == NULL);
            CHECK_INT(strstr(line, "unless another section") != NULL, cases[i].doubt);
        }
        if (CU_get_number_of_failures() > before) {
            CHECK_FAIL("... with: %s%s", cases[i].lines, said);
        }
    }
}

#define RUN(cases) run((cases), sizeof(cases) / sizeof((cases)[0]))

static void folders(void)
{
    static const notify_case_t cases[] = {
        {IN("plain", "BGUpload On\nBGUploadNotify Reference\n"), "BGUploadNotify Reference (", 0},
        {IN("plain", "BGUpload On\nBGUploadNotify Value\n"), "docroot/plain", 0},
        {IN("plain", "BGUpload On\nBGUploadNotify None\n"), NULL, 0},
        {IN("plain", "BGUpload On\nBGUploadNotify Value\n" URL), NULL, 0},
        {IN("plain", "BGUpload Off\nBGUploadNotify Value\n"), NULL, 0},
        {IN("upload/a", "BGUploadNotify Value\n"), NULL, 0},
        {"BGUploadNotify Value\n" IN("plain", "BGUpload On\n"), "docroot/plain", 0},
        {"BGUploadNotify Value\n" IN("plain", "BGUpload On\n" URL), NULL, 0},
        {URL IN("plain", "BGUpload On\nBGUploadNotify Value\n"), NULL, 0},
        {"BGUploadNotify Value\n" IN("plain", "BGUpload On\nBGUploadNotify None\n"), NULL, 0},
        {"BGUpload On\nBGUploadNotify Value\n", "docroot: uploads", 0},
    };

    RUN(cases);
}

/** What holds for several folders stands above them, without BGUpload. */
static void folders_within(void)
{
    static const notify_case_t cases[] = {
        {IN("plain", "BGUploadNotify Value\n") IN("plain/a", "BGUpload On\n" URL), NULL, 0},
        {IN("plain", "BGUploadNotify Value\n") IN("plain/a", "BGUpload On\n"), "docroot/plain/a",
         0},
        {IN("plain", "AllowOverride Options\nBGUploadNotify Value\n"), "docroot/plain/", 0},
        {IN("plain", "AllowOverride Options\nBGUploadNotify Value\n") IN("plain/a", URL), NULL, 0},
        {IN("plain", "BGUploadNotify Value\n"), NULL, 0},
    };

    RUN(cases);
}

/** Where a URL leads, or a pattern, is not known at the start. */
static void other_sections(void)
{
    static const notify_case_t cases[] = {
        {"<Location /b>\nBGUpload On\nBGUploadNotify Value\n</Location>\n", " /b:", 1},
        {"<Location /b>\nBGUpload On\nBGUploadNotify Value\n" URL "</Location>\n", NULL, 0},
        {"<Location /b>\n" URL "</Location>\n"
         "<Location /b/c>\nBGUpload On\nBGUploadNotify Value\n</Location>\n",
         NULL, 0},
        {IN("plain", "BGUpload On\nBGUploadNotify Value\n") "<Location /plain>\n" URL
                                                            "</Location>\n",
         "docroot/plain", 1},
        {"<DirectoryMatch \"/plain/.*/in\">\nBGUpload On\nBGUploadNotify Value\n"
         "</DirectoryMatch>\n",
         "/plain/.*/in", 1},
        {"<Location /b>\nBGUpload On\n</Location>\n" IN("plain", "BGUploadNotify Value\n"),
         "docroot/plain", 0},
    };

    RUN(cases);
}

/** The main server's sections hold in virtual hosts. */
static void virtual_hosts(void)
{
    static const notify_case_t cases[] = {
        {IN("plain",
            "BGUpload On\nBGUploadNotify Value\n") "<VirtualHost "
                                                   "127.0.0.1:{PORT}>\n</VirtualHost>\n"
                                                   "<VirtualHost 127.0.0.1:{PORT}>\nServerName "
                                                   "other\n</VirtualHost>\n",
         "docroot/plain", 0},
        {IN("plain", "BGUpload On\nBGUploadNotify Value\n") "<VirtualHost *:{PORT}>\n" URL
                                                            "</VirtualHost>\n",
         NULL, 0},
        {IN("plain", "BGUpload On\nBGUploadNotify Value\n") "<VirtualHost *:9>\n" URL
                                                            "</VirtualHost>\n",
         "docroot/plain", 0},
    };

    RUN(cases);
}

/** What it warns of. */
static void answered(void)
{
    httpd_env_options_t options = {.directory = URL,
                                   .server = IN("plain", "BGUpload On\nBGUploadNotify Value\n")};
    httpd_env_t *env = httpd_env_start(&options);

    CHECK_HAS(httpd_env_log(env, 0), "BGU0040");
    httpd_env_expect(env, "BGU0011");
    CHECK_ANSWER(wire_packet(wire_connect(env), "/plain/a", "Create-Session", NULL,
                             "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0),
                 500, "0x8007045D");
}

void suite_selfcheck_notify(void)
{
    static const suite_test_t tests[] = {
        {"folders", folders},
        {"folders within folders", folders_within},
        {"sections of URLs and patterns", other_sections},
        {"virtual hosts", virtual_hosts},
        {"such a folder takes nothing", answered},
    };

    SUITE_ADD("selfcheck_notify", tests);
}
