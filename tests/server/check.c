/* SPDX-License-Identifier: Apache-2.0 */

#include "check.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/** Longest message of a failed assertion; what is longer is cut. */
#define MESSAGE_MAX 4000

void check_true(int holds, const char *condition, int fatal, const char *file, int line)
{
    CU_assertImplementation(holds ? CU_TRUE : CU_FALSE, (unsigned)line, condition, file, "",
                            fatal ? CU_TRUE : CU_FALSE);
}

void check_fail(int fatal, const char *file, int line, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    check_true(0, message, fatal, file, line);
}

void check_int(long long actual, long long expected, const char *what, const char *file, int line)
{
    if (actual == expected) {
        check_true(1, what, 0, file, line);
        return;
    }
    check_fail(0, file, line, "%s is %lld, expected %lld", what, actual, expected);
}

void check_str(const char *actual, const char *expected, const char *what, const char *file,
               int line)
{
    if (actual == expected ||
        (actual != NULL && expected != NULL && strcmp(actual, expected) == 0)) {
        check_true(1, what, 0, file, line);
        return;
    }
    check_fail(0, file, line, "%s is \"%s\", expected \"%s\"", what,
               actual != NULL ? actual : "(none)", expected != NULL ? expected : "(none)");
}

void check_has(const char *text, const char *part, const char *what, const char *file, int line)
{
    if (text != NULL && strstr(text, part) != NULL) {
        check_true(1, what, 0, file, line);
        return;
    }
    check_fail(0, file, line, "%s has no \"%s\": \"%s\"", what, part,
               text != NULL ? text : "(none)");
}

int check_wait(int (*done)(void *baton), void *baton, int seconds)
{
    const struct timespec pause = {0, 5 * 1000 * 1000};
    struct timespec now;
    time_t end;

    clock_gettime(CLOCK_MONOTONIC, &now);
    end = now.tv_sec + seconds;
    while (!done(baton)) {
        if (now.tv_sec > end) {
            return 0;
        }
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return 1;
}

void check_skip(const char *reason)
{
    printf("skipped: %s ... ", reason);
    CU_PASS("skipped");
}
