/* SPDX-License-Identifier: Apache-2.0 */

/* How bgupload-admin finds store, spool and tombstones in httpd's configuration. */

#include "suites.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"
#include "upload.h"

static const char path[] = "/upload/a.bin";

/** Write a file below cfg in the server's folder; {STORE} and the like are replaced. */
static void write_conf(const httpd_env_t *env, const char *name, const char *text)
{
    text = httpd_env_expand(env, text);
    files_write(httpd_env_format("%s/cfg/%s", env->root, name), text, strlen(text));
}

static int admin_config(const httpd_env_t *env, const char *words, const char **output)
{
    return admin_plain(httpd_env_format("--config %s/cfg/main.conf %s", env->root, words), output);
}

/** A server with a session, and a folder for configurations. */
static upload_t begin(void)
{
    upload_t up = upload_begin(NULL, path);

    files_mkdir(httpd_env_format("%s/cfg", up.env->root), 0755);
    files_mkdir(httpd_env_format("%s/cfg/sites", up.env->root), 0755);
    return up;
}

/** A configuration that leads to the server's store. */
struct found_case {
    const char *name;
    const char *main;
    const char *site; /**< of sites/one.conf */
};

static const struct found_case found[] = {
    {"plain", "BGUploadStore sqlite {STORE}\n", ""},
    {"quotes and case", "\t bGuPLOADsTORE \"sqlite\"   '{STORE}'  \r\n", ""},
    {"continued", "BGUploadStore \\\n  sqlite \\\n {STORE}", ""},
    {"comments",
     "#BGUploadStore sqlite /a\n # BGUploadStore sqlite \\\n /b\n"
     "BGUploadStore sqlite {STORE}\n",
     ""},
    {"the last one counts", "BGUploadStore sqlite /nowhere/a.db\nBGUploadStore sqlite {STORE}\n",
     ""},
    {"variables",
     "Define STATE {ROOT}\nDefine NAME \"${STATE}/state\"\n"
     "BGUploadStore sqlite ${NAME}/sessions.db\n",
     ""},
    {"the environment", "BGUploadStore sqlite ${BGU_TEST_ROOT}/state/sessions.db\n", ""},
    {"an included file", "Include {ROOT}/cfg/sites/one.conf\n", "BGUploadStore sqlite {STORE}\n"},
    {"a pattern", "IncludeOptional sites/*.conf\n", "BGUploadStore sqlite {STORE}\n"},
    {"patterns of folders", "Include s*s/o?e.conf\n", "BGUploadStore sqlite {STORE}\n"},
    {"a folder", "Include sites\n", "BGUploadStore sqlite {STORE}\n"},
    {"optional and missing", "IncludeOptional none/*.conf\nBGUploadStore sqlite {STORE}\n", ""},
    {"ServerRoot", "ServerRoot {ROOT}\nBGUploadStore sqlite state/sessions.db\n", ""},
    {"ServerRoot and include", "ServerRoot \"{ROOT}\"\nInclude cfg/sites/one.conf\n",
     "BGUploadStore sqlite state/sessions.db\n"},
    {"defined",
     "Define HERE\n<IfDefine HERE>\nBGUploadStore sqlite {STORE}\n</IfDefine>\n"
     "<IfDefine !HERE>\nBGUploadStore sqlite /nowhere/a.db\n</IfDefine>\n",
     ""},
    {"undefined",
     "Define HERE\nUnDefine HERE\nBGUploadStore sqlite {STORE}\n<IfDefine HERE>\n"
     "<IfModule x>\nBGUploadStore sqlite /nowhere/a.db\n</IfModule>\n"
     "BGUploadStore sqlite /nowhere/b.db\n</IfDefine>\n",
     ""},
    {"the module",
     "<IfModule bgupload_module>\nBGUploadStore sqlite {STORE}\n</IfModule>\n"
     "<IfModule !mod_bgupload.c>\nBGUploadStore sqlite /nowhere/a.db\n</IfModule>\n",
     ""},
    {"among others",
     "LoadModule x y\n<VirtualHost *:80>\nServerName \"a b\"\nRewriteRule ^ \"%{X}\""
     "\n</VirtualHost>\nBGUploadStore sqlite {STORE}\nBGUpload\n",
     ""},
};

static void finds_store(void)
{
    upload_t up = begin();
    const char *id = apr_pstrndup(httpd_env_pool(), up.id + 1, strlen(up.id) - 2);
    const char *output;

    REQUIRE(setenv("BGU_TEST_ROOT", up.env->root, 1) == 0);
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        write_conf(up.env, "main.conf", found[i].main);
        write_conf(up.env, "sites/one.conf", found[i].site);
        int code = admin_config(up.env, "list", &output);
        if (code != 0 || strstr(output, id) == NULL) {
            CHECK_FAIL("%s: exit code %d, %s", found[i].name, code, output);
        }
    }
    unsetenv("BGU_TEST_ROOT");
    CHECK_INT(admin_plain(httpd_env_format("list --config %s", up.env->conf), &output), 0);
    CHECK_HAS(output, id);
}

/** 64 times as much as before. */
#define GROW "\nDefine A ${A}${A}${A}${A}\nDefine A ${A}${A}${A}${A}\nDefine A ${A}${A}${A}${A}"

/** A configuration that cannot be used, and what is said of it. */
static const struct found_case bad[] = {
    {"Include finds no file", "Include none.conf\n", ""},
    {"line 2: Include finds no file", "\nInclude none/*.conf\n", ""},
    {"only sqlite", "BGUploadStore dbd sessions\n", ""},
    {"names no file", "BGUploadStore sqlite\n", ""},
    {"not a time: soon", "BGUploadTombstone soon\n", ""},
    {"too deeply", "Include main.conf\n", ""},
    {"too deeply", "Include sites/one.conf\n", "Include sites\nInclude sites\n"},
    {"the line is too long", "Define A 1234567890" GROW GROW GROW GROW "\n", ""},
    {"/nowhere/a.db", "BGUploadStore sqlite /nowhere/a.db\n", ""},
};

static void bad_configurations(void)
{
    upload_t up = begin();
    const char *output;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_conf(up.env, "main.conf", bad[i].main);
        write_conf(up.env, "sites/one.conf", bad[i].site);
        CHECK_INT(admin_config(up.env, "list", &output), 3);
        CHECK_HAS(output, bad[i].name);
        CHECK_INT(admin_lines(output), 1);
    }
    CHECK_INT(admin_plain("list --config /nonexistent/httpd.conf", &output), 3);
    CHECK_HAS(output, "/nonexistent/httpd.conf");
    CHECK_INT(admin_plain(httpd_env_format("list --config %s", up.env->root), &output), 3);
    CHECK_INT(admin_lines(output), 1);
    /* What was given is not looked for. */
    write_conf(up.env, "main.conf", "BGUploadStore sqlite /nowhere/a.db\n");
    CHECK_INT(
        admin(up.env, httpd_env_format("list --config %s/cfg/main.conf", up.env->root), &output),
        0);
}

static void finds_spools(void)
{
    upload_t up = begin();
    const char *output;

    REQUIRE(chmod(up.env->spool, 0755) == 0);
    files_mkdir(httpd_env_format("%s/other", up.env->root), 0755);
    write_conf(up.env, "main.conf",
               "BGUploadStore sqlite {STORE}\nBGUploadSpool {SPOOL}\n"
               "<Directory /x>\nbguploadspool \"{ROOT}/other\"\n</Directory>\n");
    CHECK_INT(admin_config(up.env, "check", &output), 1);
    CHECK_HAS(admin_line(output, up.env->spool), "0700");
    CHECK_HAS(admin_line(output, "/other:"), "0700");
    CHECK_INT(admin_config(up.env, httpd_env_format("check --spool %s", up.env->spool), &output),
              1);
    CHECK(strstr(output, "/other") == NULL);
}

static void finds_tombstone(void)
{
    upload_t up = begin();
    const char *output;

    admin_row(up.env, &(admin_row_t){"ann", "/upload/c.bin", BGU_STATE_CLOSED, 7200, 10});
    write_conf(up.env, "main.conf", "BGUploadStore sqlite {STORE}\n");
    CHECK_INT(admin_config(up.env, "cleanup --dry-run", &output), 0);
    CHECK_HAS(output, "0 to forget");
    write_conf(up.env, "main.conf", "BGUploadStore sqlite {STORE}\nBGUploadTombstone 1h\n");
    CHECK_INT(admin_config(up.env, "cleanup --dry-run", &output), 0);
    CHECK_HAS(output, "1 to forget");
    CHECK_INT(admin_config(up.env, "cleanup --dry-run --tombstone 3h", &output), 0);
    CHECK_HAS(output, "0 to forget");
}

static const suite_test_t tests[] = {
    {"store", finds_store},
    {"configurations that cannot be used", bad_configurations},
    {"spools", finds_spools},
    {"tombstone", finds_tombstone},
};

void suite_admin_config(void)
{
    SUITE_ADD("admin_config", tests);
}
