/* SPDX-License-Identifier: Apache-2.0 */

/* The directives: what is refused, and what holds where. */

#include "suites.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "files.h"
#include "server_user.h"
#include "upload.h"
#include "wire.h"

/** A line that must be refused, and what the message has to say beside the directive's name. */
struct wrong_line {
    const char *line;
    const char *expectation;
};

/** Put each line inside the upload folder's section (or at server level) and see it refused. */
static void refuse_all(const struct wrong_line *lines, size_t count, int at_server_level)
{
    size_t i;

    for (i = 0; i < count; i++) {
        httpd_env_options_t options = {0};
        const char *line = apr_pstrcat(httpd_env_pool(), lines[i].line, "\n", NULL);
        char *name = apr_pstrmemdup(httpd_env_pool(), line, strcspn(line, " \n"));
        const char *message;

        if (at_server_level) {
            options.server = line;
        } else {
            options.directory = line;
        }
        message = httpd_env_refused(&options);
        CHECK_HAS(message, name);
        CHECK_HAS(message, lines[i].expectation);
        CHECK_HAS(message, "httpd.conf");
    }
}

static void wrong_values(void)
{
    static const struct wrong_line lines[] = {
        {"BGUpload Maybe", "On or Off"},
        {"BGUpload", "On or Off"},
        {"BGUploadAllowOverwrites 2", "On or Off"},
        {"BGUploadMethodOverride POST", "On or Off"},
        {"BGUploadMaxSize many", "size"},
        {"BGUploadMaxSize -1", "size"},
        {"BGUploadMaxSize 12X", "size"},
        {"BGUploadMaxSize 99999999999999999999", "size"},
        {"BGUploadMaxSize 9223372036854775807T", "size"},
        {"BGUploadMaxFragment 1MB", "size"},
        {"BGUploadReceiveBuffer large", "size"},
        {"BGUploadReceiveBuffer 63K", "64K"},
        {"BGUploadReceiveBuffer 65M", "64M"},
        {"BGUploadSessionTimeout soon", "time"},
    };

    refuse_all(lines, sizeof(lines) / sizeof(lines[0]), 0);
}

static void more_wrong_values(void)
{
    static const struct wrong_line lines[] = {
        {"BGUploadSessionTimeout 5w", "time"},
        {"BGUploadSessionTimeout 3000000000000000d", "time"},
        {"BGUploadQuota all", "size"},
        {"BGUploadHostId \"two words\"", "host"},
        {"BGUploadHostIdFallbackTimeout -5", "time"},
        {"BGUploadCommit Sometimes", "OnClose or OnLastFragment"},
        {"BGUploadSync Always", "Off, Commit or Fragment"},
        {"BGUploadMaxSessionsPerUser few", "number"},
        {"BGUploadMaxSessionsPerUser -1", "number"},
        {"BGUploadFileMode rw", "octal"},
        {"BGUploadFileMode 0689", "octal"},
        {"BGUploadFileMode 07777777777", "octal"},
        {"BGUploadCleanupInterval 1h", "not allowed"},
        {"BGUploadTombstone 1h", "not allowed"},
        {"BGUploadMaxSessions 5", "not allowed"},
        {"BGUploadStore sqlite x.db", "not allowed"},
    };

    refuse_all(lines, sizeof(lines) / sizeof(lines[0]), 0);
}

static void wrong_at_server_level(void)
{
    static const struct wrong_line lines[] = {
        {"BGUploadCleanupInterval often", "time"},     {"BGUploadTombstone -1", "time"},
        {"BGUploadMaxSessions 99999999999", "number"}, {"BGUploadStore mysql x", "sqlite"},
        {"BGUploadStore sqlite", "BGUploadStore"},
    };
    static const struct wrong_line in_host[] = {
        {"BGUploadStore sqlite x.db", "<VirtualHost>"},
        {"BGUploadCleanupInterval 1h", "<VirtualHost>"},
        {"BGUploadTombstone 1h", "<VirtualHost>"},
        {"BGUploadMaxSessions 5", "<VirtualHost>"},
    };
    size_t i;

    refuse_all(lines, sizeof(lines) / sizeof(lines[0]), 1);
    for (i = 0; i < sizeof(in_host) / sizeof(in_host[0]); i++) {
        httpd_env_options_t options = {
            .server = apr_pstrcat(httpd_env_pool(), "<VirtualHost 127.0.0.1:{PORT}>\n",
                                  in_host[i].line, "\n</VirtualHost>\n", NULL)};
        const char *message = httpd_env_refused(&options);

        CHECK_HAS(message, "BGUpload");
        CHECK_HAS(message, in_host[i].expectation);
    }
}

/** Start with these store and spool lines, which must fail, and hold the message to both parts. */
static void cannot_start(const char *lines, const char *directive, const char *part)
{
    httpd_env_options_t options = {.no_store = 1, .server = lines};
    const char *message = httpd_env_failed_start(&options);

    CHECK_HAS(message, directive);
    CHECK_HAS(message, part);
}

static void missing_folders(void)
{
    cannot_start("BGUploadStore sqlite \"{STORE}\"\nBGUploadSpool \"{ROOT}/none\"\n",
                 "BGUploadSpool", "/none");
    cannot_start("BGUploadStore sqlite \"{ROOT}/none/sessions.db\"\nBGUploadSpool \"{SPOOL}\"\n",
                 "BGUploadStore", "/none");
    cannot_start("BGUploadStore sqlite \"{STORE}\"\nBGUploadSpool \"{ROOT}/conf/httpd.conf\"\n",
                 "BGUploadSpool", "/conf/httpd.conf");
}

static void closed_folders(void)
{
    const char *tmp = apr_pstrdup(httpd_env_pool(), httpd_env_start(NULL)->root);
    const char *closed = apr_pstrcat(httpd_env_pool(), tmp, "/closed", NULL);

    files_mkdir(closed, 0555);
    cannot_start(apr_pstrcat(httpd_env_pool(), "BGUploadStore sqlite \"{STORE}\"\nBGUploadSpool \"",
                             closed, "\"\n", NULL),
                 "BGUploadSpool", closed);
    cannot_start(apr_pstrcat(httpd_env_pool(), "BGUploadStore sqlite \"", closed,
                             "/sessions.db\"\nBGUploadSpool \"{SPOOL}\"\n", NULL),
                 "BGUploadStore", closed);
}

/** Have the module make its store, then do something to it; the next start must fail. */
static const char *spoiled_store(void (*spoil)(const char *store))
{
    httpd_env_t *env = httpd_env_start(NULL);

    httpd_env_stop(env);
    spoil(env->store);
    return env->store;
}

static void make_newer(const char *store)
{
    sqlite3 *db = NULL;

    REQUIRE(sqlite3_open(store, &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void make_rubbish(const char *store)
{
    const char *text = files_noise(8192, 11, httpd_env_pool());

    files_write(store, text, 8192);
}

static void spoiled_stores(void)
{
    const char *store = spoiled_store(make_newer);
    httpd_env_options_t options = {.no_store = 1};
    const char *message;

    options.server = apr_pstrcat(httpd_env_pool(), "BGUploadStore sqlite \"", store,
                                 "\"\nBGUploadSpool \"{SPOOL}\"\n", NULL);
    message = httpd_env_failed_start(&options);
    CHECK_HAS(message, "BGUploadStore");
    CHECK_HAS(message, store);
    CHECK_HAS(message, "99");
    store = spoiled_store(make_rubbish);
    options.server = apr_pstrcat(httpd_env_pool(), "BGUploadStore sqlite \"", store,
                                 "\"\nBGUploadSpool \"{SPOOL}\"\n", NULL);
    message = httpd_env_failed_start(&options);
    CHECK_HAS(message, "BGUploadStore");
    CHECK_HAS(message, store);
}

/** The host id by which a place can be told; cancels the session it takes. "": refused. */
static const char *place(httpd_env_t *env, const char *host, const char *path)
{
    wire_t *wire = wire_connect(env);
    const wire_answer_t *answer;
    const char *id;
    const char *name;

    wire_send(wire,
              "BITS_POST %s HTTP/1.1\r\nHost: %s\r\nBITS-Packet-Type: Create-Session\r\n"
              "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n\r\n",
              path, host);
    answer = wire_read(wire);
    id = wire_header(answer, "BITS-Session-Id");
    name = wire_header(answer, "BITS-Host-Id");
    if (answer->status != 200 || id == NULL) {
        return "";
    }
    wire_send(wire,
              "BITS_POST %s HTTP/1.1\r\nHost: %s\r\nBITS-Packet-Type: Cancel-Session\r\n"
              "BITS-Session-Id: %s\r\n\r\n",
              path, host, id);
    CHECK_INT(wire_read(wire)->status, 200);
    return name;
}

static void folders(void)
{
    httpd_env_options_t options = {
        .directory = "BGUploadHostId folder\n",
        .server = "BGUploadHostId server\n"
                  "<Directory \"{DOCROOT}/plain\">\nBGUpload On\n</Directory>\n"
                  "<Directory \"{DOCROOT}/upload/inner\">\nBGUploadHostId inner\n</Directory>\n"
                  "<Directory \"{DOCROOT}/upload/off\">\nBGUpload Off\n</Directory>\n"
                  "<Location \"/upload/inner/by-url\">\nBGUploadHostId location\n</Location>\n"};
    httpd_env_t *env = httpd_env_start(&options);

    files_mkdir(httpd_env_path(env, "/upload/inner"), 0755);
    files_mkdir(httpd_env_path(env, "/upload/inner/by-url"), 0755);
    files_mkdir(httpd_env_path(env, "/upload/inner/deep"), 0755);
    files_mkdir(httpd_env_path(env, "/upload/off"), 0755);
    CHECK_STR(place(env, "x", "/plain/a"), "server");
    CHECK_STR(place(env, "x", "/upload/a"), "folder");
    CHECK_STR(place(env, "x", "/upload/inner/a"), "inner");
    CHECK_STR(place(env, "x", "/upload/inner/deep/a"), "inner");
    CHECK_STR(place(env, "x", "/upload/inner/by-url/a"), "location");
    CHECK_STR(place(env, "x", "/upload/off/a"), "");
    CHECK_STR(place(env, "x", "/a"), "");
}

static void virtual_hosts(void)
{
    httpd_env_options_t options = {
        .server = "BGUploadHostId server\n"
                  "<VirtualHost 127.0.0.1:{PORT}>\nServerName one.test\n"
                  "DocumentRoot \"{DOCROOT}\"\nBGUploadHostId one\n</VirtualHost>\n"
                  "<VirtualHost 127.0.0.1:{PORT}>\nServerName two.test\n"
                  "DocumentRoot \"{DOCROOT}\"\n</VirtualHost>\n"
                  "<VirtualHost 127.0.0.1:{PORT}>\nServerName off.test\n"
                  "DocumentRoot \"{DOCROOT}\"\n<Directory \"{DOCROOT}/upload\">\n"
                  "BGUpload Off\n</Directory>\n</VirtualHost>\n"};
    httpd_env_t *env = httpd_env_start(&options);

    CHECK_STR(place(env, "one.test", "/upload/a"), "one");
    CHECK_STR(place(env, "two.test", "/upload/a"), "server");
    CHECK_STR(place(env, "off.test", "/upload/a"), "");
}

static void htaccess(void)
{
    static const char right[] = "BGUpload On\nBGUploadHostId htaccess\n";
    static const char wrong[] = "BGUploadMaxSize much\n";
    httpd_env_options_t options = {.server = "<Directory \"{DOCROOT}/plain\">\n"
                                             "AllowOverride Options\n</Directory>\n"};
    httpd_env_t *env = httpd_env_start(&options);
    wire_t *wire = wire_connect(env);

    CHECK_STR(place(env, "x", "/plain/a"), "");
    files_write(httpd_env_path(env, "/plain/.htaccess"), right, sizeof(right) - 1);
    CHECK_STR(place(env, "x", "/plain/a"), "htaccess");
    files_write(httpd_env_path(env, "/plain/.htaccess"), wrong, sizeof(wrong) - 1);
    httpd_env_expect(env, "BGUploadMaxSize");
    wire_send(wire, "BITS_POST /plain/a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Ping\r\n\r\n");
    CHECK_INT(wire_read_any(wire)->status,
              500); /* httpd's own answer to its administrator's fault */
}

static void spool_of_its_own(void)
{
    httpd_env_options_t options = {.directory = "BGUploadSpool \"{ROOT}/state\"\n"};
    upload_t up = upload_begin(&options, "/upload/a.txt");
    /* The file bears the id without its braces. */
    char *spooled = apr_pstrcat(up.env->pool, up.env->root, "/state/", up.id + 1, NULL);

    spooled[strlen(spooled) - 1] = '\0';
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, "1234567890", 0, 5, 10), 200, 5);
    CHECK_INT(httpd_env_spool_count(up.env), 0);
    CHECK_INT(files_size(spooled), 5);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, "1234567890", 5, 5, 10), 200, 10);
    upload_finish(&up, "1234567890", 10);
}

static void fragment_sizes(void)
{
    httpd_env_options_t options = {.directory = "BGUploadMaxFragment 1k\nBGUploadMaxSize 0\n"};
    upload_t up = upload_begin(&options, "/upload/a.bin");
    const char *file = files_noise(1025, 12, httpd_env_pool());

    CHECK_ANSWER(wire_fragment(up.wire, up.path, up.id, file, 0, 1025, 1025), 413, "0x80200020");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, 1024, 1025), 200, 1024);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 1024, 1, 1025), 200, 1025);
    upload_finish(&up, file, 1025);
}

static void sync_levels(void)
{
    static const char *const lines[] = {"BGUploadSync Off\n", "BGUploadSync Commit\n",
                                        "BGUploadSync Fragment\n"};
    size_t i;

    for (i = 0; i < 3; i++) {
        httpd_env_options_t options = {.directory = lines[i]};
        httpd_env_t *env = httpd_env_start(&options);
        const char *file = files_noise(5000, 13, httpd_env_pool());
        upload_t up = {env, wire_connect(env), "/upload/a.bin", NULL};

        wire_upload(up.wire, up.path, file, 5000, 1700);
        upload_check_file(&up, file, 5000);
    }
}

/** What stands in a virtual host is looked at as well. */
static void virtual_host(void)
{
    const httpd_env_options_t options = {
        .server = "<VirtualHost 127.0.0.1:{PORT}>\n<Directory \"{DOCROOT}/upload\">\n"
                  "BGUploadSpool \"{ROOT}/missing\"\n</Directory>\n</VirtualHost>\n"};
    const char *said = httpd_env_refused(&options);

    CHECK_HAS(said, "BGUploadSpool: the folder ");
    CHECK_HAS(said, "/missing does not exist");
}

void suite_config(void)
{
    static const suite_test_t tests[] = {
        {"a virtual host", virtual_host},
        {"wrong values are refused", wrong_values},
        {"more wrong values are refused", more_wrong_values},
        {"wrong values and places at server level", wrong_at_server_level},
        {"no spool or store folder", missing_folders},
        {"folders that cannot be written", closed_folders},
        {"a newer store, and what is no store", spoiled_stores},
        {"folders and locations inherit and override", folders},
        {"virtual hosts inherit and override", virtual_hosts},
        {".htaccess", htaccess},
        {"a spool of its own for a folder", spool_of_its_own},
        {"sizes with units, and 0 for no limit", fragment_sizes},
        {"every BGUploadSync", sync_levels},
    };

    SUITE_ADD("config", tests);
}
