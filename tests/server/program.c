/* SPDX-License-Identifier: Apache-2.0 */

#include "files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "httpd_env.h"

/** Pool cleanup: nobody waited for it. */
static apr_status_t program_end(void *baton)
{
    program_t *program = baton;

    if (program->pid > 0) {
        kill(-program->pid, SIGKILL);
        waitpid(program->pid, NULL, 0);
        program->pid = 0;
    }
    return APR_SUCCESS;
}

program_t *program_start(const char *const argv[], const char *output, apr_pool_t *pool)
{
    program_t *program = apr_pcalloc(pool, sizeof(*program));
    int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    REQUIRE(fd >= 0 && null >= 0);
    program->output = apr_pstrdup(pool, output);
    program->pid = fork();
    REQUIRE(program->pid >= 0);
    if (program->pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, STDIN_FILENO);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        /* execvp() does not write to argv; its type only lacks the const. */
        execvp(argv[0], (char *const *)(apr_uintptr_t)argv);
        _exit(127);
    }
    setpgid(program->pid, program->pid);
    close(fd);
    close(null);
    apr_pool_cleanup_register(pool, program, program_end, apr_pool_cleanup_null);
    return program;
}

void program_pause(const program_t *program)
{
    REQUIRE(kill(program->pid, SIGSTOP) == 0);
}

/** What program_wait() waits for. */
struct ending {
    pid_t pid;
    int status;
};

static int has_ended(void *baton)
{
    struct ending *ending = baton;

    return waitpid(ending->pid, &ending->status, WNOHANG) == ending->pid;
}

int program_wait(program_t *program, int seconds)
{
    struct ending ending = {program->pid, 0};

    if (!check_wait(has_ended, &ending, seconds)) {
        program_end(program);
        CHECK_FAIL("program did not end in %d seconds, it printed: %s", seconds,
                   files_read(program->output).data);
        return 128 + SIGKILL;
    }
    program->pid = 0;
    return WIFSIGNALED(ending.status) ? 128 + WTERMSIG(ending.status) : WEXITSTATUS(ending.status);
}

int program_run(const char *const argv[], const char **output, apr_pool_t *pool)
{
    const char *tmp = getenv("TMPDIR");
    char *path = apr_pstrcat(pool, tmp != NULL ? tmp : "/tmp", "/bgupload-output-XXXXXX", NULL);
    int fd = mkstemp(path);
    program_t *program;
    int code;

    REQUIRE(fd >= 0);
    close(fd);
    program = program_start(argv, path, pool);
    code = program_wait(program, PROGRAM_DEADLINE);
    if (output != NULL) {
        *output = apr_pstrdup(pool, files_read(path).data);
    }
    unlink(path);
    return code;
}
