/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload: servers that refuse, ask who it is, or are not there. */

#include "suites.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "client_run.h"

static void unreachable(void)
{
    client_t client = client_open(NULL, 10);
    const char *output;

    httpd_env_stop(client.env);
    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, "--retry-for=1s", NULL),
              3);
    CHECK_HAS(output, "trying again");
    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, "--retry-for=0", NULL),
              3);
    CHECK(strstr(output, "trying again") == NULL);
    client_check_remembered(&client, 0);
    httpd_env_resume(client.env);
}

/** Fragments are halved until the server takes them. */
static void smaller_fragments(void)
{
    httpd_env_options_t options = {.directory = "BGUploadMaxFragment 20K\n"};
    client_t client = client_open(&options, 300 * 1024 + 1);
    const char *output;

    CHECK_INT(client_run(&client, &output, "-v", "put", client.file, client.url, NULL), 0);
    CHECK_HAS(output, "413");
    CHECK(files_same(client.file, client.dest));
}

/** Refusals that no later call can change leave nothing behind, here or there. */
static void refused_for_good(const char *directive, const char *status)
{
    httpd_env_options_t options = {.directory = directive};
    client_t client = client_open(&options, 300 * 1024);
    const char *output;

    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 1);
    CHECK_HAS(output, status);
    client_check_remembered(&client, 0);
    CHECK_INT(httpd_env_spool_count(client.env), 0);
    CHECK(!files_exists(client.dest));
}

static void smallest_fragment(void)
{
    refused_for_good("BGUploadMaxFragment 5119\n", "413 (0x80200020 BG_E_TOO_LARGE)");
}

static void file_too_large(void)
{
    refused_for_good("BGUploadMaxSize 200K\n", "500 (0x80200020 BG_E_TOO_LARGE)");
}

static void not_enabled(void)
{
    refused_for_good("BGUpload Off\n", "501 (0x80070005 E_ACCESSDENIED)");
}

static void destination_exists(void)
{
    client_t client = client_open(NULL, 10);
    const char *output;

    files_write(client.dest, "old", 3);
    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 1);
    CHECK_HAS(output, "403 (0x80070005 E_ACCESSDENIED); the file exists there already");
    CHECK_STR(files_read(client.dest).data, "old");
}

/** What is in the way of the commit can be removed, and then the upload goes on. */
static void destination_appears(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    const char *output;

    client_break(&client);
    files_write(client.dest, "new", 3);
    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 1);
    CHECK_HAS(output, "403");
    client_check_remembered(&client, 1);
    CHECK_INT(remove(client.dest), 0);
    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, "--json", NULL), 0);
    CHECK_HAS(output, "\"resumed\": true");
    CHECK(files_same(client.file, client.dest));
}

/** A server that is httpd, but without the module. */
static void no_bits_server(void)
{
    httpd_env_options_t options = {.stock = 1};
    client_t client = client_open(&options, 10);

    httpd_env_expect(client.env, "AH00135: Invalid method");
    CHECK_INT(client_run(&client, NULL, "put", client.file, client.url, NULL), 1);
    client_check_remembered(&client, 0);
}

/** Count the requests that httpd logged. */
static int requests(const httpd_env_t *env)
{
    const char *log = files_read(env->access_log).data;
    int lines = 0;

    for (; log != NULL && *log; log++) {
        lines += *log == '\n';
    }
    return lines;
}

/** With one scheme: a name and password, wrong ones, and none. Only the first request is sent
 * without them. */
static void authenticate(const char *modules, const char *lines, const char *users)
{
    httpd_env_options_t options = {.modules = modules, .directory = lines};
    client_t client = client_open(&options, 300 * 1024);
    const char *file = apr_pstrcat(client.env->pool, client.env->root, "/conf/users", NULL);
    const char *output;

    httpd_env_expect(client.env, "user bob: ");
    files_write(file, users, strlen(users));
    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 1);
    CHECK_HAS(output, "401; give the right name and password");
    CHECK_INT(client_run(&client, NULL, "put", client.file, client.url, "--user", "bob:no", NULL),
              1);
    int before = requests(client.env);
    CHECK_INT(client_run(&client, NULL, "put", client.file, client.url, "--user", "bob:secret",
                         "--fragment", "100K", NULL),
              0);
    CHECK(files_same(client.file, client.dest));
    /* A challenge, then Create-Session, three fragments and Close-Session. */
    CHECK_INT(requests(client.env) - before, 6);
}

static void basic(void)
{
    authenticate("auth_basic authn_file authz_user",
                 "AuthType Basic\nAuthName test\nAuthBasicProvider file\n"
                 "AuthUserFile {ROOT}/conf/users\nRequire valid-user\n",
                 "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
}

static void digest(void)
{
    authenticate("auth_digest authn_file authz_user",
                 "AuthType Digest\nAuthName test\nAuthDigestProvider file\n"
                 "AuthUserFile {ROOT}/conf/users\nRequire valid-user\n",
                 "bob:test:8188297b4891906ee827bd7dcf6be228\n");
}

/** The password cannot be read in the list of processes. */
static void password_hidden(void)
{
    client_t client = client_open(NULL, CLIENT_LONG);
    program_t *put = client_begin(&client, "--user=bob:geheim");
    FILE *file = fopen(httpd_env_format("/proc/%ld/cmdline", (long)put->pid), "r");
    char line[4096];

    REQUIRE(file != NULL);
    size_t length = fread(line, 1, sizeof(line), file);
    (void)fclose(file);
    CHECK(memmem(line, length, "--user=bob", 10) != NULL);
    CHECK(memmem(line, length, "geheim", 6) == NULL);
    CHECK_INT(client_end(put, NULL), 0);
}

static const suite_test_t tests[] = {
    {"nobody answers", unreachable},
    {"413: smaller fragments", smaller_fragments},
    {"413: even the smallest is too large", smallest_fragment},
    {"the file is too large", file_too_large},
    {"uploads are not enabled", not_enabled},
    {"the destination exists", destination_exists},
    {"the destination appears during the upload", destination_appears},
    {"a server without the module", no_bits_server},
    {"Basic authentication", basic},
    {"Digest authentication", digest},
    {"the password is hidden", password_hidden},
};

void suite_client_trouble(void)
{
    SUITE_ADD("client_trouble", tests);
}
