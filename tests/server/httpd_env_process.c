/* SPDX-License-Identifier: Apache-2.0 */

/* The processes of a private httpd, as /proc shows them. */

#include "httpd_env_private.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "files.h"

/** Most children that are looked at. */
#define CHILDREN_MAX 64

/** Threads of a child: the workers (ThreadsPerChild), the listener and the first one. */
#define CHILD_THREADS (16 + 2)

/** State of a process or thread, and its parent. */
struct process {
    char state; /* as in ps: S sleeps, R runs or would like to, Z is a zombie; 0: there is none */
    long parent;
};

/** Read a file like /proc/1/stat. */
static struct process read_process(const char *path)
{
    struct process process = {0, 0};
    char text[512];
    FILE *file = fopen(path, "r");
    size_t got = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    const char *behind;

    if (file != NULL) {
        fclose(file);
    }
    text[got] = '\0';
    /* "pid (name) state ppid": the name may hold anything, so look from the end. */
    behind = strrchr(text, ')');
    if (behind != NULL && strlen(behind) >= 5) {
        process.state = behind[2];
        process.parent = strtol(behind + 4, NULL, 10);
    }
    return process;
}

int httpd_env_children(const httpd_env_t *env, pid_t *pids, int max)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    REQUIRE(proc != NULL);
    for (entry = readdir(proc); entry != NULL && count < max; entry = readdir(proc)) {
        struct process process;

        if (!isdigit((unsigned char)entry->d_name[0]) || env->pid == 0) {
            continue;
        }
        process = read_process(httpd_env_format("/proc/%s/stat", entry->d_name));
        if (process.parent == env->pid && process.state != 'Z') {
            pids[count++] = (pid_t)strtol(entry->d_name, NULL, 10);
        }
    }
    closedir(proc);
    return count;
}

long httpd_env_rss(pid_t pid)
{
    const char *path = httpd_env_format("/proc/%ld/status", (long)pid);
    char line[256];
    long rss = 0;
    FILE *file = fopen(path, "r");

    REQUIRE(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            rss = strtol(line + 6, NULL, 10);
        }
    }
    fclose(file);
    return rss;
}

int httpd_env_is_staffed(void *baton)
{
    const httpd_env_t *env = baton;
    pid_t children[CHILDREN_MAX];
    int count = httpd_env_children(env, children, CHILDREN_MAX);
    int staffed = count > 0;

    while (count > 0) {
        const char *tasks = httpd_env_format("/proc/%ld/task", (long)children[--count]);

        staffed = staffed && files_count(tasks) >= CHILD_THREADS;
    }
    return staffed;
}

/** Whether a client is connected to the server. */
static int has_connections(const httpd_env_t *env)
{
    const char *local = httpd_env_format("0100007F:%04X", (unsigned)env->port);
    char line[512];
    int count = 0;
    FILE *sockets = fopen("/proc/net/tcp", "r");

    if (sockets == NULL) {
        return 0;
    }
    while (fgets(line, sizeof(line), sockets) != NULL) {
        const char *found = strstr(line, local);

        /* "sl local remote state": 01 is ESTABLISHED, 08 is CLOSE_WAIT. */
        count += found != NULL && found < line + 20 &&
                 (strncmp(found + 28, "01", 2) == 0 || strncmp(found + 28, "08", 2) == 0);
    }
    fclose(sockets);
    return count > 0;
}

/** Whether a thread of a process does something. */
static int is_busy(pid_t pid)
{
    const char *folder = httpd_env_format("/proc/%ld/task", (long)pid);
    DIR *tasks = opendir(folder);
    struct dirent *entry;
    int busy = 0;

    if (tasks == NULL) {
        return 0;
    }
    for (entry = readdir(tasks); entry != NULL; entry = readdir(tasks)) {
        if (entry->d_name[0] != '.') {
            const char *stat = httpd_env_format("%s/%s/stat", folder, entry->d_name);

            busy = busy || read_process(stat).state == 'R' || read_process(stat).state == 'D';
        }
    }
    closedir(tasks);
    return busy;
}

int httpd_env_is_quiet(void *baton)
{
    const httpd_env_t *env = baton;
    pid_t children[CHILDREN_MAX];
    int count;
    int busy = has_connections(env);

    for (count = httpd_env_children(env, children, CHILDREN_MAX); count > 0; count--) {
        busy = busy || is_busy(children[count - 1]);
    }
    return !busy;
}
