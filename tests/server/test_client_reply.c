/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload put --reply: fetching what a server application answers. The applications are CGI
 * programs in the same httpd; the first is the sample that is installed. */

#include "suites.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "client_run.h"

/** Bytes of a reply that takes a few seconds at BRAKE. */
#define LONG_REPLY       "8388608"
#define LONG_REPLY_BYTES 8388608

/** KiB a second at which replies are sent where they shall be interrupted. */
#define BRAKE "2048"

/** What applications do, as shell text behind "#!/bin/sh". */
#define ANSWER(status) "printf 'Status: " status "\\nContent-Type: text/plain\\n\\n'\n"
#define NOISE(bytes)                                                                               \
    "[ -e \"$HTTP_BITS_RESPONSE_DATAFILE_NAME\" ] || head -c " bytes                               \
    " /dev/urandom >\"$HTTP_BITS_RESPONSE_DATAFILE_NAME\"\n"                                       \
    "cat \"$HTTP_BITS_RESPONSE_DATAFILE_NAME\" >{ROOT}/run/sent\n" ANSWER("200 OK")

/** A client and its server, whose uploads go to an application. */
typedef struct reply_t {
    client_t client;
    const char *out; /**< where replies are saved to */
} reply_t;

static const char *modules(void)
{
    return "cgi alias env ratelimit";
}

/** The lines of a server whose uploads go to {ROOT}/app.cgi. */
static httpd_env_options_t options_for(const char *directory)
{
    httpd_env_options_t options = {.modules = modules()};

    options.directory = apr_pstrcat(httpd_env_pool(),
                                    "BGUploadNotify Reference\n"
                                    "BGUploadNotifyURL http://127.0.0.1:{PORT}/app\n",
                                    directory, NULL);
    options.server = "ScriptAlias /app {ROOT}/app.cgi\n"
                     "<Directory {ROOT}>\n"
                     "Require all granted\n"
                     "SetEnv BGUPLOAD_SPOOL {SPOOL}\n"
                     "</Directory>\n";
    return options;
}

static void install(const reply_t *reply, const char *text)
{
    const httpd_env_t *env = reply->client.env;
    const char *path = apr_pstrcat(env->pool, env->root, "/app.cgi", NULL);

    text = httpd_env_expand(env, text);
    files_write(path, text, strlen(text));
    REQUIRE(chmod(path, 0755) == 0);
}

/** Start a server with an application.
 * @param script its text, or NULL for the sample
 * @param directory more lines for the folder of the uploads */
static reply_t open_reply(const char *script, const char *directory, long long length)
{
    httpd_env_options_t options = options_for(directory);
    reply_t reply = {.client = client_open(&options, length)};
    const httpd_env_t *env = reply.client.env;

    reply.out = apr_pstrcat(env->pool, env->root, "/reply.bin", NULL);
    if (script == NULL) {
        script = files_read(apr_pstrcat(env->pool, httpd_env_setting("BGUPLOAD_SRC"),
                                        "/conf/sample-application.cgi", NULL))
                     .data;
        REQUIRE(script != NULL);
        install(&reply, script);
    } else {
        install(&reply, apr_pstrcat(env->pool, "#!/bin/sh\n", script, NULL));
    }
    return reply;
}

static int put(const reply_t *reply, const char **output)
{
    const client_t *client = &reply->client;

    return client_run(client, output, "put", client->file, client->url, "--reply", reply->out,
                      "--json", "--verbose", "--retry-for", "5s", NULL);
}

static const char *sent(const reply_t *reply)
{
    return apr_pstrcat(httpd_env_pool(), reply->client.env->root, "/run/sent", NULL);
}

static const char *part(const reply_t *reply)
{
    return apr_pstrcat(httpd_env_pool(), reply->out, ".bgupload-part", NULL);
}

/** Nothing is left of the session, on either side. */
static void check_over(const reply_t *reply)
{
    client_check_remembered(&reply->client, 0);
    CHECK_INT(httpd_env_spool_count(reply->client.env), 0);
    CHECK(!files_exists(part(reply)));
}

static void sample_application(void)
{
    reply_t reply = open_reply(NULL, "", 300 * 1024);
    const char *argv[] = {"sha256sum", reply.client.file, NULL};
    const char *output, *digest;

    REQUIRE(program_run(argv, &digest, httpd_env_pool()) == 0);
    digest = apr_psprintf(httpd_env_pool(), "%.64s  307200 bytes\n", digest);
    CHECK_INT(put(&reply, &output), 0);
    CHECK_STR(files_read(reply.out).data, digest);
    CHECK_HAS(output, httpd_env_format("\"reply\": \"%s\"", reply.out));
    CHECK_HAS(output, "/upload/BITS-Sessions/Replies/{");
    /* It did not ask for it to be published. */
    CHECK(!files_exists(reply.client.dest));
    check_over(&reply);
}

/** The sample trusts no path that it is given. */
static void sample_refuses(void)
{
    static const char *const bad[] = {
        "/etc/passwd", "{SPOOL}/../conf/httpd.conf", "{SPOOL}", "{SPOOL}/none", "", "{SPOOL}x/a"};
    reply_t reply = open_reply(NULL, "", 1);
    const httpd_env_t *env = reply.client.env;
    const char *script = apr_pstrcat(env->pool, env->root, "/app.cgi", NULL);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *path = httpd_env_expand(env, bad[i]);
        const char *data = apr_pstrcat(env->pool, "HTTP_BITS_REQUEST_DATAFILE_NAME=", path, NULL);
        const char *out = apr_pstrcat(env->pool, "HTTP_BITS_RESPONSE_DATAFILE_NAME=", env->spool,
                                      "/answer", NULL);
        const char *spool = apr_pstrcat(env->pool, "BGUPLOAD_SPOOL=", env->spool, NULL);
        const char *argv[] = {"env", "REQUEST_METHOD=POST", data, out, spool, script, NULL};
        const char *output;

        CHECK_INT(program_run(argv, &output, env->pool), 0);
        CHECK_HAS(output, "Status: 500");
        CHECK_HAS(output, "sample-application: the ");
        CHECK_INT(httpd_env_spool_count(env), 0);
    }
}

static void empty_reply(void)
{
    reply_t reply =
        open_reply(": >\"$HTTP_BITS_RESPONSE_DATAFILE_NAME\"\n" ANSWER("200 OK"), "", 0);

    CHECK_INT(put(&reply, NULL), 0);
    CHECK_INT(files_size(reply.out), 0);
    check_over(&reply);
}

static void no_reply(void)
{
    reply_t reply =
        open_reply("printf 'BITS-Copy-File-To-Destination: 1\\n'\n" ANSWER("200 OK"), "", 1000);
    const char *output;

    CHECK_INT(put(&reply, &output), 0);
    CHECK_HAS(output, "the server sent no reply");
    CHECK_HAS(output, "\"reply\": null, \"reply_url\": null");
    CHECK(!files_exists(reply.out));
    CHECK(files_same(reply.client.file, reply.client.dest));
    check_over(&reply);
}

static void not_wanted(void)
{
    reply_t reply = open_reply(NULL, "", 1000);
    const client_t *client = &reply.client;
    const char *output;

    CHECK_INT(client_run(client, &output, "put", client->file, client->url, "--json", "-v", NULL),
              0);
    CHECK_HAS(output, "not fetched without --reply");
    CHECK_HAS(output, "\"reply\": null, \"reply_url\": \"http://");
    CHECK(strstr(output, "GET ") == NULL);
    check_over(&reply);
}

static int has_part(void *baton)
{
    return files_size(part(baton)) > 100000;
}

/** Start put against a slow reply, wait until some of it is there, but not all, and stop it there:
 * it goes on with client_end(). */
static program_t *begin(reply_t *reply)
{
    const client_t *client = &reply->client;
    const char *program =
        apr_pstrcat(client->env->pool, httpd_env_setting("BGUPLOAD_BUILD"), "/bgupload", NULL);
    const char *argv[] = {program,   "put",      client->file, client->url,
                          "--reply", reply->out, "--verbose",  NULL};
    const char *output = apr_pstrcat(client->env->pool, client->env->root, "/output", NULL);
    program_t *started = program_start(argv, output, client->env->pool);

    REQUIRE(check_wait(has_part, reply, HTTPD_ENV_DEADLINE));
    program_pause(started);
    REQUIRE(!files_exists(reply->out));
    return started;
}

#define SLOW "SetOutputFilter RATE_LIMIT\nSetEnv rate-limit " BRAKE "\n"

/** Only what was missing was sent again. */
static void check_resumed(const reply_t *reply)
{
    CHECK_HAS(files_read(reply->client.env->access_log).data, "responsefile.bin HTTP/1.1\" 206 ");
}

/** The last download went on where this many bytes were there, and brought the whole reply. */
static void check_went_on(const reply_t *reply, const char *output, long long there)
{
    CHECK_HAS(output, httpd_env_format(" from %lld: whole", there));
    CHECK(files_same(sent(reply), reply->out));
    check_resumed(reply);
    check_over(reply);
}

static void client_killed(void)
{
    reply_t reply = open_reply(NOISE(LONG_REPLY), SLOW, 1000);
    program_t *started = begin(&reply);
    const char *output;

    REQUIRE(kill(started->pid, SIGKILL) == 0);
    REQUIRE(client_end(started, NULL) == 128 + SIGKILL);
    long long there = files_size(part(&reply));
    CHECK(there > 0 && there < LONG_REPLY_BYTES);
    CHECK_INT(put(&reply, &output), 0);
    CHECK_HAS(output, "\"resumed\": true");
    check_went_on(&reply, output, there);
}

static void server_killed(void)
{
    reply_t reply = open_reply(NOISE(LONG_REPLY), SLOW, 1000);
    program_t *started = begin(&reply);
    const char *output;

    httpd_env_kill(reply.client.env);
    httpd_env_resume(reply.client.env);
    CHECK_INT(client_end(started, &output), 0);
    CHECK(strstr(output, " from 0: whole") == NULL);
    CHECK(files_same(sent(&reply), reply.out));
    check_resumed(&reply);
    check_over(&reply);
}

static void interrupted(void)
{
    reply_t reply = open_reply(NOISE(LONG_REPLY), SLOW, 1000);
    program_t *started = begin(&reply);
    const char *output;

    REQUIRE(kill(started->pid, SIGTERM) == 0);
    CHECK_INT(client_end(started, &output), 3);
    CHECK_HAS(output, "interrupted; call again");
    client_check_remembered(&reply.client, 1);
    /* Whoever does not want it any more leaves nothing behind. */
    CHECK_INT(client_run(&reply.client, NULL, "cancel", reply.client.url, NULL), 0);
    check_over(&reply);
    CHECK(!files_exists(reply.out));
}

/** A disk that is full, as a limit of the size of files. */
static void disk_full(void)
{
    reply_t reply = open_reply(NOISE("3000000"), "", 1000);
    const client_t *client = &reply.client;
    const char *command =
        httpd_env_format("ulimit -f 2000; exec %s/bgupload put '%s' '%s' --reply '%s'",
                         httpd_env_setting("BGUPLOAD_BUILD"), client->file, client->url, reply.out);
    const char *argv[] = {"bash", "-c", command, NULL};
    const char *output;

    CHECK_INT(program_run(argv, &output, httpd_env_pool()), 4);
    CHECK_HAS(output, "cannot save the reply");
    CHECK(!files_exists(reply.out));
    CHECK_INT(files_size(part(&reply)), 2000 * 1024);
    client_check_remembered(client, 1);
    CHECK_INT(put(&reply, &output), 0);
    check_went_on(&reply, output, 2000 * 1024);
}

static void bad_out(void)
{
    reply_t reply = open_reply(NULL, "", 1000);
    const client_t *client = &reply.client;
    const char *root = client->env->root;
    const char *const outs[] = {"/dev/null", root,
                                apr_pstrcat(client->env->pool, root, "/no/x", NULL)};
    const char *output;

    for (size_t i = 0; i < sizeof(outs) / sizeof(outs[0]); i++) {
        reply.out = outs[i];
        CHECK_INT(put(&reply, &output), 4);
        CHECK_HAS(output, "cannot save the reply");
        /* It is known before anything is sent. */
        CHECK(strstr(output, "Create-Session") == NULL);
    }
    reply.out = client->file;
    CHECK_INT(put(&reply, NULL), 2);
    CHECK_INT(client_run(client, NULL, "ping", client->url, "--reply", "x", NULL), 2);
}

/** A file that is in the way of the part is not touched, and the session stays. */
static void part_in_the_way(void)
{
    reply_t reply = open_reply(NULL, "", 1000);
    const char *other = apr_pstrcat(httpd_env_pool(), reply.client.env->root, "/other", NULL);

    files_write(other, "precious", 8);
    REQUIRE(symlink(other, part(&reply)) == 0);
    CHECK_INT(put(&reply, NULL), 4);
    CHECK_STR(files_read(other).data, "precious");
    client_check_remembered(&reply.client, 1);
    REQUIRE(unlink(part(&reply)) == 0);
    CHECK_INT(put(&reply, NULL), 0);
    check_over(&reply);
}

/** The application's errors: which of them end the upload, and what the user reads. */
static void refused_by_application(void)
{
    static const struct {
        const char *script;
        int code;
        const char *text;
        int remembered;
    } cases[] = {
        {ANSWER("404 Not Found"), 1, "the server application refused the file", 1},
        {ANSWER("422 No"), 1, "the server application refused the file", 1},
        {ANSWER("503 Later"), 3, "the server application did not take the file", 1},
        {ANSWER("408 Slow"), 3, "the server application did not take the file", 1},
        {ANSWER("403 Forbidden"), 1, "the server application refused the file", 0},
    };
    reply_t reply = open_reply(cases[0].script, "", 1000);
    const client_t *client = &reply.client;
    const char *output;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        install(&reply, apr_pstrcat(httpd_env_pool(), "#!/bin/sh\n", cases[i].script, NULL));
        CHECK_INT(client_run(client, &output, "put", client->file, client->url, "--reply",
                             reply.out, "--retry-for", "1s", NULL),
                  cases[i].code);
        CHECK_HAS(output, cases[i].text);
        client_check_remembered(client, cases[i].remembered);
    }
    CHECK(!files_exists(reply.out));
    check_over(&reply);
}

/** The log of the names that a server was given. */
#define LOG_NAMES "LogFormat \"<%{Authorization}i>\" names\nCustomLog {ROOT}/logs/names.log names\n"

#define AUTH                                                                                       \
    "AuthType Basic\nAuthName x\nAuthBasicProvider file\nAuthUserFile {ROOT}/users\n"              \
    "Require valid-user\n"

/** A reply at another server, which must never hear the password. */
static void other_host(void)
{
    httpd_env_options_t there = {.stock = 1, .server = LOG_NAMES};
    httpd_env_t *other = httpd_env_start(&there);
    const char *script, *output;

    files_write(httpd_env_path(other, "/reply"), "elsewhere", 9);
    script = httpd_env_format("printf 'BITS-Static-Response-URL: %s/reply\\n'\n" ANSWER("200 OK"),
                              other->url);
    reply_t reply = open_reply(script, "", 1000);
    const client_t *client = &reply.client;
    CHECK_INT(client_run(client, &output, "put", client->file, client->url, "--reply", reply.out,
                         "--user", "bob:secret", NULL),
              0);
    CHECK_STR(files_read(reply.out).data, "elsewhere");
    httpd_env_stop(other);
    CHECK_STR(files_read(apr_pstrcat(other->pool, other->root, "/logs/names.log", NULL)).data,
              "<->\n");
    check_over(&reply);
}

/** There, whatever it asks, it gets no password; and redirects lead nowhere. */
static void other_host_refuses(void)
{
    httpd_env_options_t there = {.stock = 1, .modules = "auth_basic authn_file authz_user alias"};
    there.server = LOG_NAMES "<Location /closed>\n" AUTH "</Location>\n"
                             "RedirectTemp /moved http://127.0.0.1:{PORT}/reply\n";
    httpd_env_t *other = httpd_env_start(&there);
    static const char *const paths[] = {"closed", "moved", "none"};
    static const char *const texts[] = {"gets no name and password", "redirects are not followed",
                                        "the server answered 404"};

    files_write(httpd_env_path(other, "/reply"), "elsewhere", 9);
    reply_t reply = open_reply(":\n", "", 1000);
    for (size_t i = 0; i < 3; i++) {
        const client_t *client = &reply.client;
        const char *output;

        install(&reply,
                httpd_env_format(
                    "#!/bin/sh\nprintf 'BITS-Static-Response-URL: %s/%s\\n'\n" ANSWER("200 OK"),
                    other->url, paths[i]));
        CHECK_INT(client_run(client, &output, "put", client->file, client->url, "--reply",
                             reply.out, "--user", "bob:secret", NULL),
                  1);
        CHECK_HAS(output, texts[i]);
        CHECK(!files_exists(reply.out));
        CHECK_INT(client_run(client, NULL, "cancel", client->url, NULL), 0);
    }
    httpd_env_stop(other);
    CHECK(strstr(files_read(apr_pstrcat(other->pool, other->root, "/logs/names.log", NULL)).data,
                 "Basic") == NULL);
    check_over(&reply);
}

/** On the upload's own server the reply needs the name and password of the upload. */
static void with_password(void)
{
    httpd_env_options_t options = options_for(AUTH);
    const char *output;

    options.modules =
        apr_pstrcat(httpd_env_pool(), modules(), " auth_basic authn_file authz_user", NULL);
    reply_t reply = {.client = client_open(&options, 1000)};
    const client_t *client = &reply.client;
    reply.out = apr_pstrcat(client->env->pool, client->env->root, "/reply.bin", NULL);
    install(&reply, "#!/bin/sh\n" NOISE("100"));
    const char *users = apr_pstrcat(client->env->pool, client->env->root, "/users", NULL);
    files_write(users, "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", 38);
    CHECK_INT(client_run(client, &output, "put", client->file, client->url, "--reply", reply.out,
                         "--user", "bob:secret", NULL),
              0);
    CHECK(files_same(sent(&reply), reply.out));
    check_over(&reply);
}

/** Without any validator there is no way to go on, but one to begin again. */
static void without_etag(void)
{
    httpd_env_options_t there = {.stock = 1, .modules = "ratelimit env"};
    there.server = "<Directory {DOCROOT}>\nFileETag None\n" SLOW "</Directory>\n";
    httpd_env_t *other = httpd_env_start(&there);
    const char *file = httpd_env_path(other, "/reply");

    files_write_noise(file, LONG_REPLY_BYTES, 9);
    reply_t reply = open_reply(
        httpd_env_format("printf 'BITS-Static-Response-URL: %s/reply\\n'\n" ANSWER("200 OK"),
                         other->url),
        "", 1000);
    program_t *started = begin(&reply);
    httpd_env_kill(other);
    httpd_env_resume(other);
    CHECK_INT(client_end(started, NULL), 0);
    CHECK(files_same(file, reply.out));
    check_over(&reply);
}

static const suite_test_t tests[] = {
    {"the sample application", sample_application},
    {"the sample application trusts no path", sample_refuses},
    {"an empty reply", empty_reply},
    {"no reply", no_reply},
    {"a reply that nobody wants", not_wanted},
    {"the client is killed while it fetches", client_killed},
    {"the server is killed while it sends", server_killed},
    {"interrupted, then cancelled", interrupted},
    {"the disk is full", disk_full},
    {"a place where nothing can be saved", bad_out},
    {"something is in the way of the part", part_in_the_way},
    {"errors of the application", refused_by_application},
    {"a reply elsewhere", other_host},
    {"a reply elsewhere that cannot be had", other_host_refuses},
    {"a reply that needs a password", with_password},
    {"a reply without an entity tag", without_etag},
};

void suite_client_reply(void)
{
    SUITE_ADD("client_reply", tests);
}
