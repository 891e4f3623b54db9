/* SPDX-License-Identifier: Apache-2.0 */

#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Time between two drawings. */
#define REDRAW (apr_time_from_sec(1) / 5)

/* Seconds after which a change of rate shows by half. */
#define MEMORY 5.0

#define BAR_MAX 60

const char *progress_size(char text[32], double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;

    while (bytes >= 1024.0 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1024.0;
        unit++;
    }
    (void)snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

static const char *time_left(char text[32], double seconds)
{
    long whole = seconds < 359999.0 ? (long)seconds : 359999L;

    if (whole >= 3600) {
        (void)snprintf(text, 32, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        (void)snprintf(text, 32, "%ld:%02ld", whole / 60, whole % 60);
    }
    return text;
}

const char *progress_line(char line[PROGRESS_LINE_SIZE], int columns, apr_off_t bytes,
                          apr_off_t total, double rate)
{
    char have[32], all[32], fast[32], left[32], bar[BAR_MAX + 1], numbers[160];
    double part = total > 0 ? (double)bytes / (double)total : 1.0;
    int used, room;

    used = snprintf(numbers, sizeof(numbers), "%s of %s", progress_size(have, (double)bytes),
                    progress_size(all, (double)total));
    if (rate > 0) {
        (void)snprintf(numbers + used, sizeof(numbers) - (size_t)used, "  %s/s  %s left",
                       progress_size(fast, rate), time_left(left, (double)(total - bytes) / rate));
    }
    /* "100% [] " and a column to spare: a full line would wrap. */
    room = columns - (int)strlen(numbers) - 9;
    room = room > BAR_MAX ? BAR_MAX : room;
    if (room < 5) {
        (void)snprintf(line, PROGRESS_LINE_SIZE, "%3d%% %s", (int)(part * 100), numbers);
        if (columns > 0 && columns < PROGRESS_LINE_SIZE) {
            line[columns - 1] = '\0';
        }
        return line;
    }
    memset(bar, ' ', (size_t)room);
    memset(bar, '#', (size_t)(part * room));
    bar[room] = '\0';
    (void)snprintf(line, PROGRESS_LINE_SIZE, "%3d%% [%s] %s", (int)(part * 100), bar, numbers);
    return line;
}

static void draw(progress_t *progress, apr_off_t bytes, apr_off_t total)
{
    char line[PROGRESS_LINE_SIZE], text[PROGRESS_LINE_SIZE + 8];
    struct winsize size;
    int columns = 80, len;

    if (ioctl(progress->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        columns = size.ws_col;
    }
    len = snprintf(text, sizeof(text), "\r%s\033[K",
                   progress_line(line, columns, bytes, total, progress->rate));
    progress->shown = write(progress->fd, text, (size_t)len) == len;
}

void progress_update(progress_t *progress, apr_off_t bytes, apr_off_t total, apr_time_t now)
{
    double seconds = (double)(now - progress->since) / (double)apr_time_from_sec(1);

    if (progress->since == 0 || bytes < progress->bytes) {
        /* The start, or the server wants bytes again: no rate can be taken from that. */
        progress->rate = progress->since == 0 ? -1.0 : progress->rate;
    } else if (now - progress->since < REDRAW && (bytes < total || bytes == progress->bytes)) {
        return;
    } else if (seconds > 0) {
        double latest = (double)(bytes - progress->bytes) / seconds;
        double weight = progress->rate < 0 ? 1.0 : seconds / (seconds + MEMORY);
        progress->rate =
            (progress->rate < 0 ? 0.0 : progress->rate * (1.0 - weight)) + latest * weight;
    }
    progress->since = now;
    progress->bytes = bytes;
    draw(progress, bytes, total);
}

void progress_clear(progress_t *progress)
{
    static const char wipe[] = "\r\033[K";

    if (progress->shown) {
        progress->shown = write(progress->fd, wipe, sizeof(wipe) - 1) < 0;
    }
}
