/* SPDX-License-Identifier: Apache-2.0 */

/* Assertions that tell both values, on top of CUnit.
 *
 * A CHECK that fails is counted and the test goes on; a REQUIRE that fails ends the test (its
 * servers are stopped all the same, see httpd_env_teardown()). */

#ifndef CHECK_H
#define CHECK_H

#include <apr_pools.h>

/** Where an assertion stands; passed by the macros below. */
#define CHECK_HERE __FILE__, __LINE__

/** The condition holds. */
#define CHECK(condition) check_true((condition) ? 1 : 0, #condition, 0, CHECK_HERE)

/** The condition holds, or the test ends here. */
#define REQUIRE(condition) check_true((condition) ? 1 : 0, #condition, 1, CHECK_HERE)

/** Two whole numbers are the same. */
#define CHECK_INT(actual, expected)                                                                \
    check_int((long long)(actual), (long long)(expected), #actual, CHECK_HERE)

/** Two strings are the same; a NULL only equals NULL. */
#define CHECK_STR(actual, expected) check_str((actual), (expected), #actual, CHECK_HERE)

/** A string contains another. */
#define CHECK_HAS(text, part) check_has((text), (part), #text, CHECK_HERE)

/** Report a failure with a message of printf's form and go on. */
#define CHECK_FAIL(...) check_fail(0, CHECK_HERE, __VA_ARGS__)

/** Report a failure with a message of printf's form and end the test. */
#define REQUIRE_FAIL(...) check_fail(1, CHECK_HERE, __VA_ARGS__)

/** Behind the macros: report a failure (of what, with both values) at file and line. */
void check_true(int holds, const char *condition, int fatal, const char *file, int line);
void check_int(long long actual, long long expected, const char *what, const char *file, int line);
void check_str(const char *actual, const char *expected, const char *what, const char *file,
               int line);
void check_has(const char *text, const char *part, const char *what, const char *file, int line);
void check_fail(int fatal, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Wait until done(baton) is not 0, asking every few milliseconds.
 * @return 1, or 0 when the seconds are over */
int check_wait(int (*done)(void *baton), void *baton, int seconds);

/** Print that the running test was left out, and why. It counts as passed. */
void check_skip(const char *reason);

#endif
