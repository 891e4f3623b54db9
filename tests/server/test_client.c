/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload: what it does when nothing goes wrong, and how it is called. */

#include "suites.h"

#include <apr_strings.h>

#include "client_run.h"

/** Upload a file of so many bytes; returns what bgupload printed. */
static void put(long long length)
{
    client_t client = client_open(NULL, length);
    const char *output;

    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 0);
    CHECK_HAS(output, client.url);
    CHECK(files_same(client.file, client.dest));
    client_check_remembered(&client, 0);
}

static void put_empty(void)
{
    put(0);
}

static void put_one_byte(void)
{
    put(1);
}

static void put_two_fragments(void)
{
    put(13 * 1024 * 1024 + 1);
}

/** The file's name goes behind a URL that ends in a slash, whatever characters it has. */
static void put_into_folder(void)
{
    client_t client = client_open(NULL, 10);
    const char *name = "/a b%41#?&\xc3\xa4.txt";
    const char *file = apr_pstrcat(client.env->pool, client.env->root, name, NULL);
    const char *folder = apr_pstrcat(client.env->pool, client.env->url, "/upload/", NULL);
    const char *dest =
        httpd_env_path(client.env, apr_pstrcat(client.env->pool, "/upload", name, NULL));

    files_write(file, "hello", 5);
    CHECK_INT(client_run(&client, NULL, "put", file, folder, NULL), 0);
    CHECK(files_exists(dest) && files_same(file, dest));
}

static void as_json(void)
{
    client_t client = client_open(NULL, 100);
    const char *output;

    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, "--json", NULL), 0);
    CHECK_HAS(output, "\"bytes\": 100, \"total\": 100, ");
    CHECK_HAS(output, "\"resumed\": false, \"status\": \"done\", \"exit_code\": 0}\n");
    CHECK_INT(client_run(&client, &output, "--json", "put", client.file, client.url, NULL), 1);
    CHECK_HAS(output, "\"http_status\": 403, \"hresult\": \"0x80070005\", ");
    CHECK_HAS(output, "\"status\": \"refused\", \"exit_code\": 1}\n");
}

static void quiet(void)
{
    client_t client = client_open(NULL, 100);
    const char *output;

    CHECK_INT(client_run(&client, &output, "-q", "put", client.file, client.url, NULL), 0);
    CHECK_STR(output, "");
}

static void ping(void)
{
    client_t client = client_open(NULL, 0);
    const char *plain = apr_pstrcat(client.env->pool, client.env->url, "/plain/a", NULL);

    CHECK_INT(client_run(&client, NULL, "ping", client.url, NULL), 0);
    CHECK_INT(client_run(&client, NULL, "ping", plain, NULL), 1);
}

/** Calls that make no sense, and what is printed. */
static const struct {
    const char *arguments[6];
    int code;
    const char *output;
} calls[] = {
    {{"--help"}, 0, "Exit codes: 0 done"},
    {{"--version"}, 0, "bgupload "},
    {{NULL}, 2, "no command"},
    {{"fetch"}, 2, "\"fetch\" is no command"},
    {{"put"}, 2, "put takes 2 arguments"},
    {{"put", "a"}, 2, "put takes 2 arguments"},
    {{"put", "a", "b", "c"}, 2, "put takes 2 arguments"},
    {{"put", "/dev/null", "http://127.0.0.1/a", "--nonsense"}, 2, "nonsense"},
    {{"put", "/etc/passwd", "ftp://127.0.0.1/a"}, 2, "http:// or https://"},
    {{"put", "/etc/passwd", "http://bob:secret@127.0.0.1/"}, 2, "--user"},
    {{"put", "a", "http://127.0.0.1/a", "--fragment", "4K"}, 2, "at least 5K"},
    {{"put", "a", "http://127.0.0.1/a", "--fragment=x"}, 2, "at least 5K"},
    {{"put", "a", "http://127.0.0.1/a", "--retry-for", "soon"}, 2, "no time such as"},
    {{"put", "a", "http://127.0.0.1/a", "--timeout", "0"}, 2, "no time such as"},
    {{"put", "/no/such/file", "http://127.0.0.1/a"}, 4, "/no/such/file: No such file"},
    {{"put", "/dev/null", "http://127.0.0.1/a"}, 4, "not a regular file"},
    {{"put", "/etc", "http://127.0.0.1/a"}, 4, "not a regular file"},
    {{"put", "a", "https://127.0.0.1/a", "--ca", "/no/ca"}, 4, "/no/ca"},
    {{"cancel", "http://127.0.0.1:1/a"}, 1, "no unfinished upload"},
};

static void usage(void)
{
    client_t client = client_open(NULL, 0);

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        const char *const *a = calls[i].arguments;
        const char *output;
        int code = client_run(&client, &output, a[0], a[1], a[2], a[3], a[4], a[5], NULL);

        CHECK_INT(code, calls[i].code);
        CHECK_HAS(output, calls[i].output);
    }
}

static void over_tls(void)
{
    httpd_env_options_t options = {.tls = 1};
    client_t client = client_open(&options, 100000);
    const char *output;

    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 1);
    CHECK_HAS(output, "--ca");
    CHECK_INT(client_run(&client, NULL, "ping", client.url, "--insecure", NULL), 0);
    CHECK_INT(
        client_run(&client, NULL, "put", client.file, client.url, "--ca", client.env->ca, NULL), 0);
    CHECK(files_same(client.file, client.dest));
}

/** The later requests go to the host that the server names. */
static void host_id(void)
{
    httpd_env_options_t options = {.directory = "BGUploadHostId localhost:{PORT}\n"};
    client_t client = client_open(&options, 100);
    const char *output;
    const char *other =
        apr_psprintf(client.env->pool, "http://localhost:%d/upload/data.bin", client.env->port);

    CHECK_INT(client_run(&client, &output, "put", "-v", client.file, client.url, NULL), 0);
    CHECK_HAS(output, apr_pstrcat(client.env->pool, "Create-Session ", client.url, NULL));
    CHECK_HAS(output, apr_pstrcat(client.env->pool, "Fragment ", other, NULL));
    CHECK_HAS(output, apr_pstrcat(client.env->pool, "Close-Session ", other, NULL));
    CHECK(files_same(client.file, client.dest));
}

/** A host that does not answer is given up for the URL's own after the time that the server set. */
static void host_id_fallback(void)
{
    httpd_env_options_t options = {.directory = "BGUploadHostId 127.0.0.1:1\n"
                                                "BGUploadHostIdFallbackTimeout 1s\n"};
    client_t client = client_open(&options, 100);
    const char *output;

    CHECK_INT(client_run(&client, &output, "put", client.file, client.url, NULL), 0);
    CHECK_HAS(output, "falling back");
    CHECK(files_same(client.file, client.dest));
}

static const suite_test_t tests[] = {
    {"an empty file", put_empty},
    {"one byte", put_one_byte},
    {"one byte more than a fragment", put_two_fragments},
    {"a URL that ends in a slash", put_into_folder},
    {"results as JSON", as_json},
    {"--quiet", quiet},
    {"ping", ping},
    {"wrong calls", usage},
    {"over TLS, verified", over_tls},
    {"BITS-Host-Id", host_id},
    {"BITS-Host-Id with fallback", host_id_fallback},
};

void suite_client(void)
{
    SUITE_ADD("client", tests);
    suite_client_resume();
    suite_client_trouble();
}
