/* SPDX-License-Identifier: Apache-2.0 */

/* The folder of a private httpd and its configuration. */

#include "httpd_env_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "files.h"
#include "server_user.h"

const char *httpd_env_setting(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL || *value == '\0') {
        REQUIRE_FAIL("%s is not set; run the tests with make check", name);
    }
    return value;
}

int httpd_env_is_instrumented(void)
{
    const char *preload = getenv("BGUPLOAD_PRELOAD");

    return preload != NULL && *preload != '\0';
}

/** The modules that are compiled into httpd, as "httpd -l" lists them. Asked once. */
static const char *compiled_in(void)
{
    static char list[4096];
    const char *output;
    const char *argv[] = {httpd_env_setting("BGUPLOAD_HTTPD"), "-l", NULL};

    if (list[0] == '\0') {
        REQUIRE(program_run(argv, &output, httpd_env_pool()) == 0);
        apr_cpystrn(list, output, sizeof(list));
    }
    return list;
}

static int is_compiled_in(const char *name)
{
    const char *core = apr_pstrcat(httpd_env_pool(), " ", name, ".c\n", NULL);
    const char *other = apr_pstrcat(httpd_env_pool(), " mod_", name, ".c\n", NULL);

    return strstr(compiled_in(), core) != NULL || strstr(compiled_in(), other) != NULL;
}

static const char *module_file(const char *name)
{
    return apr_pstrcat(httpd_env_pool(), httpd_env_setting("BGUPLOAD_HTTPD_MODULES"), "/mod_", name,
                       ".so", NULL);
}

int httpd_env_has_module(const char *name)
{
    return is_compiled_in(name) || files_exists(module_file(name));
}

/** LoadModule lines for a list of names split by spaces, without those compiled in. */
static const char *load_modules(const char *names)
{
    apr_pool_t *pool = httpd_env_pool();
    const char *lines = "";
    char *rest = apr_pstrdup(pool, names);
    char *name;

    for (name = strsep(&rest, " "); name != NULL; name = strsep(&rest, " ")) {
        if (*name != '\0' && !is_compiled_in(name)) {
            lines =
                httpd_env_format("%sLoadModule %s_module \"%s\"\n", lines, name, module_file(name));
        }
    }
    return lines;
}

/** Replace every occurrence of one text by another. */
static const char *replace(const char *text, const char *from, const char *to)
{
    apr_pool_t *pool = httpd_env_pool();
    const char *result = "";
    const char *found;

    for (found = strstr(text, from); found != NULL; found = strstr(text, from)) {
        result = apr_pstrcat(pool, result, apr_pstrmemdup(pool, text, (apr_size_t)(found - text)),
                             to, NULL);
        text = found + strlen(from);
    }
    return apr_pstrcat(pool, result, text, NULL);
}

const char *httpd_env_expand(const httpd_env_t *env, const char *text)
{
    text = replace(text, "{ROOT}", env->root);
    text = replace(text, "{DOCROOT}", env->docroot);
    text = replace(text, "{SPOOL}", env->spool);
    text = replace(text, "{STORE}", env->store);
    return replace(text, "{PORT}", apr_itoa(httpd_env_pool(), env->port));
}

/** The lines that every server has. Few workers and two processes, so that tests cross processes.
 */
static const char base_conf[] = "ServerRoot \"{ROOT}\"\n"
                                "DefaultRuntimeDir \"{ROOT}/run\"\n"
                                "PidFile \"{ROOT}/run/httpd.pid\"\n"
                                "Listen 127.0.0.1:{PORT}\n"
                                "AcceptFilter http none\n"
                                "AcceptFilter https none\n"
                                "ErrorLog \"{ROOT}/logs/error.log\"\n"
                                "LogLevel info\n"
                                "LogFormat \"%h %l %u %t \\\"%r\\\" %>s %b \\\"%{Referer}i\\\" "
                                "\\\"%{User-Agent}i\\\"\" combined\n"
                                "CustomLog \"{ROOT}/logs/access.log\" combined\n"
                                "TypesConfig \"{ROOT}/conf/mime.types\"\n"
                                "Timeout 60\n"
                                "StartServers 2\n"
                                "MaxRequestWorkers 32\n"
                                "MaxConnectionsPerChild 0\n"
                                "MaxKeepAliveRequests 0\n"
                                "<IfModule !mpm_prefork_module>\n"
                                "ThreadsPerChild 16\n"
                                "MinSpareThreads 1\n"
                                "MaxSpareThreads 32\n"
                                "</IfModule>\n"
                                "DocumentRoot \"{DOCROOT}\"\n"
                                "<Directory \"{DOCROOT}\">\n"
                                "Require all granted\n"
                                "</Directory>\n";

/** A certificate for localhost, made here and trusted by nobody else. */
static void make_certificate(httpd_env_t *env)
{
    const char *key = apr_pstrcat(env->pool, env->root, "/conf/key.pem", NULL);
    const char *cert = apr_pstrcat(env->pool, env->root, "/conf/cert.pem", NULL);
    const char *output;
    const char *argv[] = {"openssl",  "req",
                          "-x509",    "-newkey",
                          "rsa:2048", "-nodes",
                          "-days",    "2",
                          "-subj",    "/CN=localhost",
                          "-addext",  "subjectAltName=DNS:localhost,IP:127.0.0.1",
                          "-keyout",  key,
                          "-out",     cert,
                          NULL};

    env->ca = cert;
    if (program_run(argv, &output, env->pool) != 0) {
        REQUIRE_FAIL("openssl made no certificate: %s", output);
    }
}

static const char *tls_conf(const httpd_env_t *env)
{
    return apr_pstrcat(env->pool, load_modules("ssl"),
                       "SSLEngine on\n"
                       "SSLCertificateFile \"{ROOT}/conf/cert.pem\"\n"
                       "SSLCertificateKeyFile \"{ROOT}/conf/key.pem\"\n",
                       NULL);
}

/** The lines that concern the module itself. */
static const char *module_conf(const httpd_env_t *env)
{
    const httpd_env_options_t *options = &env->priv->options;
    const char *build = httpd_env_setting("BGUPLOAD_BUILD");
    const char *state = options->no_store ? ""
                                          : "BGUploadStore sqlite \"{STORE}\"\n"
                                            "BGUploadSpool \"{SPOOL}\"\n";

    return httpd_env_format("LoadModule bgupload_module \"%s/mod_bgupload.so\"\n"
                            "%s"
                            "<Directory \"{DOCROOT}/upload\">\n"
                            "BGUpload On\n"
                            "%s"
                            "</Directory>\n",
                            build, state, options->directory != NULL ? options->directory : "");
}

void httpd_env_write_conf(httpd_env_t *env)
{
    const httpd_env_options_t *options = &env->priv->options;
    const char *mpm = options->mpm != NULL ? options->mpm : "event";
    const char *user = server_user_name();
    const char *who = "";
    const char *text;

    if (user != NULL) {
        who = httpd_env_format("User %s\nGroup %s\n", user, server_user_group());
    }
    text =
        apr_pstrcat(env->pool, load_modules(apr_pstrcat(env->pool, "mpm_", mpm, NULL)),
                    load_modules("unixd log_config watchdog authn_core authz_core dir mime"),
                    load_modules(options->modules != NULL ? options->modules : ""), who,
                    "ServerName ", options->tls ? "localhost" : "127.0.0.1", ":{PORT}\n", base_conf,
                    options->tls ? tls_conf(env) : "", options->stock ? "" : module_conf(env),
                    options->server != NULL ? options->server : "", "\n", NULL);
    text = httpd_env_expand(env, text);
    files_write(env->conf, text, strlen(text));
}

void httpd_env_add_lines(httpd_env_t *env, const char *lines)
{
    const char *text =
        apr_pstrcat(env->pool, files_read(env->conf).data, httpd_env_expand(env, lines), NULL);

    files_write(env->conf, text, strlen(text));
}

void httpd_env_prepare(httpd_env_t *env)
{
    static const char *const folders[] = {"conf",           "logs",          "run",   "docroot",
                                          "docroot/upload", "docroot/plain", "state", "spool"};
    const char *barred = server_user_barred(env->root);
    size_t i;

    if (barred != NULL) {
        REQUIRE_FAIL("%s is closed to user %s, set TMPDIR to a folder that is open", barred,
                     server_user_name());
    }
    for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        files_mkdir(apr_pstrcat(env->pool, env->root, "/", folders[i], NULL),
                    strcmp(folders[i], "spool") == 0 ? 0700 : 0755);
    }
    files_write(apr_pstrcat(env->pool, env->root, "/conf/mime.types", NULL), "", 0);
    if (env->priv->options.tls) {
        make_certificate(env);
    }
}
