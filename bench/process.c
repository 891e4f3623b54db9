/* SPDX-License-Identifier: Apache-2.0 */

#include "process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/** Most processes of a machine that are looked at. */
#define MOST 16384

/** One of all processes. */
typedef struct process_t {
    pid_t pid;
    pid_t parent;
    double ended; /**< CPU seconds of its children that have ended */
    int ours;     /**< belongs to the tree */
} process_t;

/** Read a small file of /proc. Returns 0 if that is not possible. */
static int read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    FILE *file;
    size_t length;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    length = fread(text, 1, size - 1, file);
    fclose(file);
    text[length] = '\0';
    return length > 0;
}

/** The fields of /proc/PID/stat behind the name, which may hold blanks: 3 state, 4 ppid, 16 cutime,
 * 17 cstime. */
static int read_stat(process_t *process)
{
    char text[1024];
    char *rest;
    double ticks = 0;
    int field;

    if (!read_proc(process->pid, "stat", text, sizeof(text)) || strrchr(text, ')') == NULL) {
        return 0;
    }
    rest = strrchr(text, ')') + 1;
    for (field = 3; field <= 17 && rest != NULL; field++) {
        if (field == 4) {
            process->parent = (pid_t)strtol(rest, NULL, 10);
        }
        if (field >= 16) {
            ticks += (double)strtoull(rest, NULL, 10);
        }
        rest = strchr(rest + 1, ' ');
    }
    process->ended = ticks / (double)sysconf(_SC_CLK_TCK);
    return 1;
}

/** All processes there are. Returns their number. */
static int list(process_t *processes, pid_t root)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    while (folder != NULL && count < MOST && (entry = readdir(folder)) != NULL) {
        process_t process = {.pid = (pid_t)strtol(entry->d_name, NULL, 10)};

        if (process.pid > 0 && read_stat(&process)) {
            process.ours = process.pid == root;
            processes[count++] = process;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

/** Mark the children of those that are marked. Returns whether there was a new one. */
static int mark(process_t *processes, int count)
{
    int found = 0;
    int i;
    int k;

    for (i = 0; i < count; i++) {
        for (k = 0; !processes[i].ours && k < count; k++) {
            if (processes[k].ours && processes[k].pid == processes[i].parent) {
                processes[i].ours = 1;
                found = 1;
            }
        }
    }
    return found;
}

static double clock_of(pid_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        return 0;
    }
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static uint64_t pss_of(pid_t pid)
{
    char text[4096];
    const char *line;

    if (!read_proc(pid, "smaps_rollup", text, sizeof(text))) {
        return 0;
    }
    line = strstr(text, "\nPss:");
    return line != NULL ? strtoull(line + 5, NULL, 10) : 0;
}

int process_cost(pid_t root, cost_t *cost)
{
    process_t *processes = calloc(MOST, sizeof(*processes));
    int count = processes != NULL ? list(processes, root) : 0;
    int i;

    memset(cost, 0, sizeof(*cost));
    while (mark(processes, count)) {
    }
    for (i = 0; i < count; i++) {
        if (processes[i].ours) {
            cost->cpu += clock_of(processes[i].pid) + processes[i].ended;
            cost->pss += pss_of(processes[i].pid);
            cost->count++;
        }
    }
    free(processes);
    return cost->count > 0 && cost->pss > 0;
}

double process_own_cpu(void)
{
    return clock_of(getpid());
}
