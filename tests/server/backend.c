/* SPDX-License-Identifier: Apache-2.0 */

#include "backend_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "httpd_env.h"
#include "server_user.h"

/** Connections that wait to be accepted. */
#define BACKLOG 128

/** Descriptors that the process may have got from us. */
#define DESCRIPTORS_MAX 1024

static int listen_on(int port)
{
    struct sockaddr_in address = {0};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)port);
    REQUIRE(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    REQUIRE(listen(fd, BACKLOG) == 0);
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof(address);

    REQUIRE(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    return ntohs(address.sin_port);
}

/** The child's side of launching: keep nothing of the test's, least of all its connections. */
static void become_backend(const backend_t *backend, int listener)
{
    const struct backend_private_t *priv = backend->priv;
    int fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (fd = 3; fd < DESCRIPTORS_MAX; fd++) {
        if (fd != listener) {
            close(fd);
        }
    }
    if (priv->user != NULL) {
        const struct passwd *user = getpwnam(priv->user);
        const struct group *group = getgrnam(priv->group);

        if (user == NULL || group == NULL || setgroups(0, NULL) != 0 ||
            setgid(group->gr_gid) != 0 || setuid(user->pw_uid) != 0) {
            _exit(127);
        }
    }
    backend_serve(priv->shared, listener);
}

static void launch(backend_t *backend, int listener)
{
    fflush(NULL);
    backend->priv->pid = fork();
    REQUIRE(backend->priv->pid >= 0);
    if (backend->priv->pid == 0) {
        become_backend(backend, listener);
    }
    close(listener);
}

void backend_stop(backend_t *backend)
{
    if (backend->priv->pid > 0) {
        kill(backend->priv->pid, SIGKILL);
        waitpid(backend->priv->pid, NULL, 0);
    }
    backend->priv->pid = 0;
}

void backend_resume(backend_t *backend)
{
    REQUIRE(backend->priv->pid == 0);
    launch(backend, listen_on(backend->port));
}

/** Pool cleanup. */
static apr_status_t backend_end(void *baton)
{
    backend_t *backend = baton;

    backend_stop(backend);
    munmap(backend->priv->shared, sizeof(backend_shared_t));
    return APR_SUCCESS;
}

backend_t *backend_start(void)
{
    return backend_start_as(server_user_name(), server_user_group());
}

backend_t *backend_start_as(const char *user, const char *group)
{
    apr_pool_t *pool = httpd_env_pool();
    backend_t *backend = apr_pcalloc(pool, sizeof(*backend));
    struct backend_private_t *priv = apr_pcalloc(pool, sizeof(*priv));
    int listener = listen_on(0);

    backend->priv = priv;
    backend->port = port_of(listener);
    backend->url = httpd_env_format("http://127.0.0.1:%d", backend->port);
    priv->user = user;
    priv->group = group;
    priv->shared = mmap(NULL, sizeof(backend_shared_t), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(priv->shared != MAP_FAILED);
    apr_pool_cleanup_register(pool, backend, backend_end, apr_pool_cleanup_null);
    backend_tell(backend, &(backend_plan_t){0});
    launch(backend, listener);
    return backend;
}

void backend_tell(backend_t *backend, const backend_plan_t *plan)
{
    backend_order_t *order = &backend->priv->shared->order;
    const char *answer = plan->answer != NULL ? plan->answer : "HTTP/1.1 200 OK\n";
    const char *target = plan->target != NULL ? plan->target : "";

    REQUIRE(strlen(answer) < sizeof(order->answer) && strlen(target) < sizeof(order->target));
    order->plan = *plan;
    apr_cpystrn(order->answer, answer, sizeof(order->answer));
    apr_cpystrn(order->target, target, sizeof(order->target));
    backend->priv->shared->released = 0;
}

void backend_release(backend_t *backend)
{
    backend->priv->shared->released = 1;
}

int backend_count(const backend_t *backend)
{
    const backend_shared_t *shared = backend->priv->shared;
    int count = 0;

    while (count < BACKEND_REQUESTS_MAX &&
           __atomic_load_n(&shared->requests[count].ready, __ATOMIC_ACQUIRE)) {
        count++;
    }
    return count;
}

/** What the waiting functions wait for. */
struct awaited {
    backend_t *backend;
    int number;
};

static int has_count(void *baton)
{
    const struct awaited *awaited = baton;

    return backend_count(awaited->backend) >= awaited->number;
}

void backend_await(backend_t *backend, int count)
{
    struct awaited awaited = {backend, count};

    if (!check_wait(has_count, &awaited, HTTPD_ENV_DEADLINE)) {
        REQUIRE_FAIL("the application was asked %d times, expected %d", backend_count(backend),
                     count);
    }
}

static int is_answered(void *baton)
{
    const struct awaited *awaited = baton;
    const backend_request_t *request = backend_request(awaited->backend, awaited->number);

    return __atomic_load_n(&request->answered, __ATOMIC_ACQUIRE) != 0;
}

void backend_await_answered(backend_t *backend, int number)
{
    struct awaited awaited = {backend, number};

    if (!check_wait(is_answered, &awaited, HTTPD_ENV_DEADLINE)) {
        CHECK_FAIL("the application did not answer request %d", number);
    }
}

const backend_request_t *backend_request(const backend_t *backend, int number)
{
    REQUIRE(number >= 0 && number < backend_count(backend));
    return &backend->priv->shared->requests[number];
}

const char *backend_header(const backend_request_t *request, const char *name)
{
    char *rest = apr_pstrdup(httpd_env_pool(), request->head);
    size_t length = strlen(name);
    const char *line;

    for (line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            line += strspn(line, " ");
            return apr_pstrmemdup(httpd_env_pool(), line, strcspn(line, "\r"));
        }
    }
    return NULL;
}

char *backend_bytes(size_t length, apr_pool_t *pool)
{
    char *data = apr_palloc(pool, length + 1);

    backend_fill(data, 0, length);
    data[length] = '\0';
    return data;
}
