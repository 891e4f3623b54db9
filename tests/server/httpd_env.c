/* SPDX-License-Identifier: Apache-2.0 */

#include "httpd_env_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/TestRun.h>
#include <apr_strings.h>

#include "fault.h"
#include "files.h"

/** Most servers of one test, failed tries for a free port included. */
#define MOST 16

/** Seconds to wait, before a stop, for the server to close connections. */
#define QUIET_DEADLINE 3

/** Seconds to wait for all threads. A configuration with fewer has to do with that. */
#define STAFF_DEADLINE 3

/** Tries to find a port that nobody takes between looking and starting. */
#define PORT_TRIES 5

static httpd_env_t *servers[MOST];
static int server_count;
static apr_pool_t *test_pool;
static unsigned failures_before;

apr_pool_t *httpd_env_pool(void)
{
    if (test_pool == NULL) {
        apr_pool_create(&test_pool, NULL);
        failures_before = CU_get_number_of_failures();
    }
    return test_pool;
}

/** A port of 127.0.0.1. */
static struct sockaddr_in address_of(int port)
{
    struct sockaddr_in address = {0};

    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)port);
    return address;
}

static int free_port(void)
{
    struct sockaddr_in address = address_of(0);
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static int takes_connections(const httpd_env_t *env)
{
    struct sockaddr_in address = address_of(env->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int connected;

    connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return connected;
}

static void set_port(httpd_env_t *env, int port)
{
    env->port = port;
    env->url = httpd_env_format(
        "%s:%d", env->priv->options.tls ? "https://localhost" : "http://127.0.0.1", port);
    httpd_env_write_conf(env);
}

/** A server with its folder, not yet started. */
static httpd_env_t *env_make(const httpd_env_options_t *options)
{
    const char *tmp = getenv("TMPDIR");
    httpd_env_t *env;
    apr_pool_t *pool;

    REQUIRE(server_count < MOST);
    apr_pool_create(&pool, httpd_env_pool());
    env = apr_pcalloc(pool, sizeof(*env));
    env->pool = pool;
    apr_pool_create(&env->clients, pool);
    env->priv = apr_pcalloc(pool, sizeof(*env->priv));
    env->priv->expected = apr_array_make(pool, 4, sizeof(const char *));
    if (options != NULL) {
        env->priv->options = *options;
    }
    env->root = apr_pstrcat(pool, tmp != NULL ? tmp : "/tmp", "/bgupload-test-XXXXXX", NULL);
    REQUIRE(mkdtemp((char *)(apr_uintptr_t)env->root) != NULL);
    servers[server_count++] = env;
    REQUIRE(chmod(env->root, 0755) == 0);
    env->docroot = apr_pstrcat(pool, env->root, "/docroot", NULL);
    env->spool = apr_pstrcat(pool, env->root, "/spool", NULL);
    env->store = apr_pstrcat(pool, env->root, "/state/sessions.db", NULL);
    env->error_log = apr_pstrcat(pool, env->root, "/logs/error.log", NULL);
    env->access_log = apr_pstrcat(pool, env->root, "/logs/access.log", NULL);
    env->conf = apr_pstrcat(pool, env->root, "/conf/httpd.conf", NULL);
    env->priv->output = apr_pstrcat(pool, env->root, "/logs/output.txt", NULL);
    httpd_env_prepare(env);
    if (env->priv->options.faults) {
        env->faults = fault_block(env);
    }
    set_port(env, free_port());
    return env;
}

/** The child's side of launching: never returns. */
static void become_httpd(const httpd_env_t *env, const char *httpd, const char *preload)
{
    const char *wrapper = env->priv->options.wrapper;
    const char *script = wrapper ? httpd_env_expand(env, wrapper) : "";
    const char *argv[] = {
        "/bin/sh",      "-c",  apr_pstrcat(env->pool, "exec ", script, " \"$@\"", NULL),
        "sh",           httpd, "-d",
        env->root,      "-f",  env->conf,
        "-DFOREGROUND", NULL};
    struct rlimit limit;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_DFL);
    if (freopen(env->priv->output, "a", stdout) == NULL || dup2(1, 2) < 0) {
        _exit(127);
    }
    umask(022);
    if (env->priv->options.file_limit > 0) {
        limit.rlim_cur = (rlim_t)env->priv->options.file_limit;
        limit.rlim_max = RLIM_INFINITY;
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    if (env->priv->options.descriptor_limit > 0) {
        limit.rlim_cur = (rlim_t)env->priv->options.descriptor_limit;
        limit.rlim_max = limit.rlim_cur;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (*preload != '\0') {
        setenv("LD_PRELOAD", preload, 1);
    }
    if (env->faults != NULL) {
        setenv(FAULTS_VARIABLE, fault_file(env), 1);
    }
    /* Without a wrapper, no shell. */
    execv(wrapper ? argv[0] : httpd, (char *const *)(apr_uintptr_t)(wrapper ? argv : argv + 4));
    _exit(127);
}

const char *httpd_env_preload(const httpd_env_t *env)
{
    const char *preload = env->priv->options.preload;

    if (preload == NULL) {
        preload = getenv("BGUPLOAD_PRELOAD");
    }
    preload = preload != NULL ? preload : "";
    if (env->faults == NULL) {
        return preload;
    }
    return apr_pstrcat(env->pool, preload, " ", httpd_env_setting("BGUPLOAD_BUILD"),
                       "/tests/faults/faults.so", NULL);
}

static void launch(httpd_env_t *env)
{
    const char *httpd = httpd_env_setting("BGUPLOAD_HTTPD");
    const char *preload = httpd_env_preload(env);

    /* Its orphans shall come to us, so that we can wait for the last one. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    unlink(apr_pstrcat(env->pool, env->root, "/run/httpd.pid", NULL));
    fflush(NULL);
    env->pid = fork();
    REQUIRE(env->pid >= 0);
    if (env->pid == 0) {
        become_httpd(env, httpd, preload);
    }
    setpgid(env->pid, env->pid);
}

/** Whether the parent has ended by itself; takes note of it. */
static int has_ended(httpd_env_t *env)
{
    if (env->pid > 0 && waitpid(env->pid, &env->priv->status, WNOHANG) == env->pid) {
        kill(-env->pid, SIGKILL);
        env->pid = 0;
    }
    return env->pid == 0;
}

static int is_decided(void *baton)
{
    httpd_env_t *env = baton;
    pid_t child;

    return has_ended(env) ||
           (files_exists(apr_pstrcat(httpd_env_pool(), env->root, "/run/httpd.pid", NULL)) &&
            takes_connections(env) && httpd_env_children(env, &child, 1) > 0);
}

/** Whether all threads are there, or will never be. */
static int is_settled(void *baton)
{
    return has_ended(baton) || httpd_env_is_staffed(baton);
}

/** Wait until the server serves, or has ended. Returns 0 if it does neither. */
static int await_service(httpd_env_t *env)
{
    const char *mpm = env->priv->options.mpm;

    if (!check_wait(is_decided, env, HTTPD_ENV_DEADLINE)) {
        return 0;
    }
    if (env->pid > 0 && (mpm == NULL || strcmp(mpm, "prefork") != 0)) {
        check_wait(is_settled, env, STAFF_DEADLINE);
    }
    return 1;
}

/** Whether it is worth another try: somebody else was first to take the port, or has ended it
 * before it could say anything. */
static int may_start_again(const httpd_env_t *env)
{
    const char *said = httpd_env_words(env);

    if (*said == '\0' && !httpd_env_has_crashed(env)) {
        printf("httpd ended without a word %sand is started again ... ", httpd_env_last_words(env));
        return 1;
    }
    return strstr(said, "could not bind") != NULL;
}

httpd_env_t *httpd_env_start(const httpd_env_options_t *options)
{
    httpd_env_t *env = env_make(options);
    int tries;

    for (tries = 0; tries < PORT_TRIES; tries++) {
        launch(env);
        if (!await_service(env)) {
            REQUIRE_FAIL("httpd takes no connections: %s", httpd_env_words(env));
        }
        if (env->pid > 0) {
            return env;
        }
        if (!may_start_again(env)) {
            break;
        }
        unlink(env->priv->output);
        unlink(env->error_log);
        set_port(env, free_port());
    }
    env->priv->refused = 1;
    REQUIRE_FAIL("httpd did not start: %s", httpd_env_last_words(env));
    return NULL;
}

/** Whether nobody has taken the server's port meanwhile, for a connection to elsewhere say. */
static int has_port(void *baton)
{
    const httpd_env_t *env = baton;
    struct sockaddr_in address = address_of(env->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    int bound;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    bound = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return bound;
}

/** Whether no process of the server's group is left; takes the orphans' ends. */
static int is_gone(void *baton)
{
    const httpd_env_t *env = baton;
    pid_t ended = 1;

    while (ended > 0) {
        ended = waitpid(-env->pid, NULL, WNOHANG);
    }
    return ended < 0 && errno == ECHILD;
}

int httpd_env_try_resume(httpd_env_t *env)
{
    pid_t group;

    REQUIRE(env->pid == 0);
    check_wait(has_port, env, HTTPD_ENV_DEADLINE);
    launch(env);
    group = env->pid;
    REQUIRE(await_service(env));
    if (env->pid == 0) {
        /* Its children still have to go, and with them its port. */
        env->pid = group;
        httpd_env_kill(env);
    }
    return env->pid != 0;
}

void httpd_env_resume(httpd_env_t *env)
{
    if (!httpd_env_try_resume(env)) {
        REQUIRE_FAIL("httpd did not start again: %s", httpd_env_last_words(env));
    }
}

void httpd_env_stop(httpd_env_t *env)
{
    if (env->pid == 0) {
        return;
    }
    /* The event MPM may crash when it is told to stop in the very moment in which a worker closes
     * its connection: let it first end what it does for clients that have gone. */
    check_wait(httpd_env_is_quiet, env, QUIET_DEADLINE);
    kill(env->pid, SIGTERM);
    if (!check_wait(is_gone, env, HTTPD_ENV_DEADLINE)) {
        CHECK_FAIL("httpd did not stop");
        httpd_env_kill(env);
    }
    env->pid = 0;
}

void httpd_env_kill(httpd_env_t *env)
{
    if (env->pid == 0) {
        return;
    }
    kill(-env->pid, SIGKILL);
    if (!check_wait(is_gone, env, HTTPD_ENV_DEADLINE)) {
        CHECK_FAIL("processes of a killed httpd are left");
    }
    env->pid = 0;
}

void httpd_env_graceful(httpd_env_t *env)
{
    long mark = httpd_env_log_mark(env);

    kill(env->pid, SIGUSR1);
    /* "AH00493: SIGUSR1 received", then each MPM's "resuming normal operations". */
    httpd_env_await_log(env, mark, "resuming normal operations");
}

void httpd_env_limit_files(httpd_env_t *env, long bytes)
{
    env->priv->options.file_limit = bytes;
}

/** Run "httpd -t". Returns its exit code. */
static int test_config(const httpd_env_options_t *options, const char **output)
{
    httpd_env_t *env = env_make(options);
    const char *argv[] = {"env",
                          apr_pstrcat(env->pool, "LD_PRELOAD=", httpd_env_preload(env), NULL),
                          httpd_env_setting("BGUPLOAD_HTTPD"),
                          "-d",
                          env->root,
                          "-f",
                          env->conf,
                          "-t",
                          NULL};

    env->priv->refused = 1;
    return program_run(argv, output, httpd_env_pool());
}

const char *httpd_env_refused(const httpd_env_options_t *options)
{
    const char *output;

    CHECK(test_config(options, &output) != 0);
    return output;
}

const char *httpd_env_accepted(const httpd_env_options_t *options)
{
    const char *output;

    CHECK_INT(test_config(options, &output), 0);
    return output;
}

static int ended(void *baton)
{
    return has_ended(baton);
}

const char *httpd_env_failed_start(const httpd_env_options_t *options)
{
    httpd_env_t *env = env_make(options);

    env->priv->refused = 1;
    launch(env);
    if (!check_wait(ended, env, HTTPD_ENV_DEADLINE)) {
        CHECK_FAIL("httpd started, but should not have");
    }
    return httpd_env_words(env);
}

void httpd_env_expect_spool(httpd_env_t *env, int count)
{
    env->priv->spooled = count;
}

int httpd_env_spool_count(const httpd_env_t *env)
{
    return files_count(env->spool);
}

/** What httpd_env_await_spool() waits for. */
struct awaited_spool {
    const httpd_env_t *env;
    int count;
};

static int has_count(void *baton)
{
    const struct awaited_spool *awaited = baton;

    return httpd_env_spool_count(awaited->env) == awaited->count;
}

void httpd_env_await_spool(const httpd_env_t *env, int count)
{
    struct awaited_spool awaited = {env, count};

    if (!check_wait(has_count, &awaited, HTTPD_ENV_DEADLINE)) {
        CHECK_FAIL("the spool holds %d files, expected %d", httpd_env_spool_count(env), count);
    }
}

const char *httpd_env_path(const httpd_env_t *env, const char *name)
{
    return apr_pstrcat(httpd_env_pool(), env->docroot, name, NULL);
}

void httpd_env_teardown(void)
{
    unsigned failed = CU_get_number_of_failures();
    int i;

    for (i = 0; i < server_count; i++) {
        apr_pool_destroy(servers[i]->clients);
        httpd_env_stop(servers[i]);
        if (servers[i]->priv->refused) {
            continue;
        }
        httpd_env_check_log(servers[i]);
        if (httpd_env_spool_count(servers[i]) != servers[i]->priv->spooled) {
            CHECK_FAIL("the spool holds %d files in the end, expected %d",
                       httpd_env_spool_count(servers[i]), servers[i]->priv->spooled);
        }
    }
    for (i = 0; i < server_count; i++) {
        const char *root = apr_pstrdup(test_pool, servers[i]->root);

        if (failed > failures_before) {
            httpd_env_show_log(servers[i]);
        }
        /* First what tests have tied to the pool: connections, programs, mounted folders. */
        apr_pool_destroy(servers[i]->pool);
        files_remove_tree(root);
    }
    server_count = 0;
    if (test_pool != NULL) {
        apr_pool_destroy(test_pool);
        test_pool = NULL;
    }
}
