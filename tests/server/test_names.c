/* SPDX-License-Identifier: Apache-2.0 */

/* Names of destinations that mean something to httpd, to shells, or to some file system. */

#include "suites.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"
#include "reply.h"
#include "server_user.h"

#define LOG_LINES                                                                                  \
    "LogFormat \"<%{BGUPLOAD_PACKET}e %{BGUPLOAD_EVENT}e %U %f %{Content-Name}i>\" names\n"        \
    "CustomLog \"{ROOT}/logs/names.log\" names\n"

/** A name as it stands in a URL and in the folder. */
static const struct {
    const char *url, *name;
} names[] = {
    {"-rf", "-rf"},
    {"$(id)", "$(id)"},
    {"%60id%60;id%7Cid&", "`id`;id|id&"},
    {"'%22%5C", "'\"\\"},
    {"*", "*"},
    {"a%0Ab%0D%0A", "a\nb\r\n"},
    {"%01%1B%5B31m%7F", "\001\033[31m\177"},
    {"%FF%FE%C3", "\xff\xfe\xc3"},
    {"%20%20", "  "},
    {"%25s%25n%25%7Bx%7De", "%s%n%{x}e"},
    {"...", "..."},
    {"~root", "~root"},
    {".bgupload", ".bgupload"},
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

/** Whether a text has a byte that does something to a terminal, or could fake a line. */
static int has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text < ' ' && *text != '\n' && *text != '\t') || *text == 0x7f) {
            return 1;
        }
    }
    return 0;
}

static const char *url_of(const char *name)
{
    return apr_pstrcat(httpd_env_pool(), "/upload/", name, NULL);
}

/** A file of five bytes, up to its last one. */
static upload_t sent(httpd_env_t *env, const char *url)
{
    upload_t up = upload_another(env, url);

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, "12345", 0, 5, 5), 200, 5);
    return up;
}

/** They are names like any other, and come out of logs and listings harmless. */
static void odd(void)
{
    httpd_env_options_t options = {.server = "LogLevel bgupload:debug\n" LOG_LINES};
    httpd_env_t *env = httpd_env_start(&options);
    const char *log, *list;
    size_t i;

    for (i = 0; i < NAMES; i++) {
        upload_t up = sent(env, url_of(names[i].url));

        CHECK_INT(admin(env, "list --json", &list), 0);
        CHECK(strstr(list, up.id) == NULL || admin_json(list, "$[0].id") != NULL);
        CHECK(!has_control(list));
        CHECK_INT(admin(env, "list", &list), 0);
        CHECK(!has_control(list));
        CHECK_INT(admin_lines(list), (int)i + 2);
        CHECK_INT(admin(env, apr_pstrcat(env->pool, "show ", up.id, NULL), &list), 0);
        CHECK(!has_control(list));
        CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
        CHECK_STR(files_read(httpd_env_path(env, url_of(names[i].name))).data, "12345");
    }
    CHECK_INT(files_count(httpd_env_path(env, "/upload")), NAMES);
    httpd_env_stop(env);
    log = httpd_env_log(env, 0);
    CHECK(!has_control(log));
    CHECK(strstr(log, "\nb") == NULL);
    log = files_read(apr_pstrcat(env->pool, env->root, "/logs/names.log", NULL)).data;
    CHECK(!has_control(log));
    CHECK_INT(admin_lines(log), 3 * NAMES);
}

/** The application is told a URL, in which nothing has to be quoted. */
static void to_the_application(void)
{
    reply_t reply = reply_begin("Reference", NULL);
    int i;

    CHECK_ANSWER(wire_cancel(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
    for (i = 0; i < NAMES; i++) {
        upload_t up = upload_another(reply.up.env, url_of(names[i].url));
        const char *original;

        CHECK_NEXT(reply_send(&up, "12345", 5), 200, 5);
        original = backend_header(backend_request(reply.backend, i), "BITS-Original-Request-URL");
        REQUIRE(original != NULL);
        CHECK_HAS(original, "/upload/");
        CHECK(strpbrk(original, " \"<>\\`{}|") == NULL && !has_control(original));
        CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
    }
}

static void longest(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    char name[257];
    upload_t up;

    memset(name, 'n', 256);
    name[256] = '\0';
    CHECK_INT(wire_packet(wire_connect(env), url_of(name), "Create-Session", NULL,
                          "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0)
                      ->status /
                  100,
              4);
    httpd_env_expect(env, "File name too long");
    name[255] = '\0';
    up = sent(env, url_of(name));
    upload_finish(&up, "12345", 5);
}

/** Hold a name to being refused, and what the log says of it. */
static void refused(httpd_env_t *env, const char *url, const char *reason)
{
    long mark = httpd_env_log_mark(env);

    CHECK_ANSWER(wire_packet(wire_connect(env), url, "Create-Session", NULL,
                             "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0),
                 403, "0x80070005");
    CHECK_HAS(httpd_env_log(env, mark), reason);
    CHECK_INT(files_count(httpd_env_path(env, "/upload")), 0);
}

/** Whoever could upload one would make the rules of the folder. */
static void access_files(void)
{
    static const char *const cases[] = {".htaccess", ".HTACCESS", ".htAccess", "%2ehtacces%73"};
    httpd_env_t *env = httpd_env_start(NULL);
    httpd_env_options_t options = {.server = "AccessFileName .acl \"two words\"\n",
                                   .directory = "BGUploadAllowOverwrites On\n"};
    upload_t up;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refused(env, url_of(cases[i]), "AccessFileName");
    }
    env = httpd_env_start(&options);
    refused(env, "/upload/.ACL", "AccessFileName");
    refused(env, "/upload/two%20words", "AccessFileName");
    up = sent(env, "/upload/.htaccess");
    upload_finish(&up, "12345", 5);
    up = sent(env, "/upload/words");
    upload_finish(&up, "12345", 5);
}

/** A session that began before the name became one is not finished either. */
static void access_file_meanwhile(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    upload_t up = sent(env, "/upload/rules");

    httpd_env_add_lines(env, "AccessFileName rules\n");
    httpd_env_stop(env);
    httpd_env_resume(env);
    CHECK_ANSWER(wire_close(wire_connect(env), up.path, up.id), 403, "0x80070005");
    CHECK_INT(files_count(httpd_env_path(env, "/upload")), 0);
    httpd_env_expect_spool(env, 1);
}

/** What the sample configuration forbids, and what we keep for ourselves. */
static void kept(void)
{
    httpd_env_options_t options = {
        .directory = "<FilesMatch \"^\\.ht\">\nRequire all denied\n</FilesMatch>\n"};
    httpd_env_t *env = httpd_env_start(&options);

    refused(env, "/upload/.htpasswd", "authz_core");
    httpd_env_expect(env, ".htpasswd");
    refused(env, "/upload/.bgupload-1234", "the server's own");
    refused(env, "/upload/.BGUpload-", "the server's own");
}

/** Names that look alike are those of different files, where the file system thinks so. */
static void alike(void)
{
    static const char *const cases[] = {"a.txt",   "A.TXT",    "%C3%A9",
                                        "e%CC%81", "a.txt%20", "a.txt."};
    httpd_env_t *env = httpd_env_start(NULL);
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        upload_t up = sent(env, url_of(cases[i]));

        CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
    }
    CHECK_INT(files_count(httpd_env_path(env, "/upload")), i);
}

static apr_status_t unmount(void *folder)
{
    umount2(folder, MNT_DETACH);
    return APR_SUCCESS;
}

/** Make /upload/fold a folder in which upper and lower case are the same. */
static int make_folding(const httpd_env_t *env)
{
    const char *folder = httpd_env_path(env, "/upload/fold");
    const char *script =
        httpd_env_format("truncate -s 16M '%s/image' && mkfs.ext4 -q -O casefold '%s/image' && "
                         "mount -o loop '%s/image' '%s' && mkdir '%s/in' && chattr +F '%s/in'",
                         env->root, env->root, env->root, folder, folder, folder);
    const char *argv[] = {"sh", "-c", script, NULL};
    const char *output;

    files_mkdir(folder, 0755);
    apr_pool_cleanup_register(env->pool, folder, unmount, apr_pool_cleanup_null);
    if (program_run(argv, &output, env->pool) != 0) {
        return 0;
    }
    server_user_own(httpd_env_path(env, "/upload/fold/in"));
    return 1;
}

static void folded(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    upload_t one, other;

    if (geteuid() != 0 || !make_folding(env)) {
        check_skip("cannot make and mount a file system that folds case (ext4 with casefold)");
        return;
    }
    one = sent(env, "/upload/fold/in/a.txt");
    other = sent(env, "/upload/fold/in/A.TXT");
    upload_finish(&one, "12345", 5);
    CHECK_ANSWER(wire_close(other.wire, other.path, other.id), 403, "0x80070005");
    CHECK_ANSWER(wire_cancel(wire_connect(env), other.path, other.id), 200, NULL);
    CHECK_INT(files_count(httpd_env_path(env, "/upload/fold/in")), 1);
}

void suite_names(void)
{
    static const suite_test_t tests[] = {
        {"special to shells, terminals and logs", odd},
        {"the same, to the application", to_the_application},
        {"255 and 256 bytes", longest},
        {"AccessFileName", access_files},
        {"AccessFileName, changed meanwhile", access_file_meanwhile},
        {"kept from clients", kept},
        {"alike", alike},
        {"alike on a file system that folds case", folded},
    };

    SUITE_ADD("names", tests);
}
