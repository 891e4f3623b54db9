/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "../../mod_bgupload/bgu_error.h"
#include "fixture.h"
#include "suites.h"

/** A row of the protocol's error table. */
struct error_case {
    const char *name;
    bgu_result_e result;
    int status;
    unsigned hresult;
};

static const struct error_case rows[] = {
    {"bad request", BGU_BAD_REQUEST, 400, 0x80070057},
    {"length required", BGU_LENGTH_REQUIRED, 411, 0x80070057},
    {"access denied", BGU_ACCESS_DENIED, 403, 0x80070005},
    {"no folder", BGU_NO_FOLDER, 404, 0x80070003},
    {"bytes lost", BGU_BYTES_LOST, 404, 0x80070002},
    {"fragment too large", BGU_FRAGMENT_TOO_LARGE, 413, 0x80200020},
    {"range", BGU_RANGE, 416, 0},
    {"session not found", BGU_SESSION_NOT_FOUND, 500, 0x8020001F},
    {"upload too large", BGU_UPLOAD_TOO_LARGE, 500, 0x80200020},
    {"disk full", BGU_DISK_FULL, 500, 0x80070070},
    {"not enabled", BGU_NOT_ENABLED, 501, 0x80070005},
    {"busy", BGU_BUSY, 503, 0x80070020},
    {"store busy", BGU_STORE_BUSY, 503, 0x80070020},
};

static void test_table(void)
{
    size_t i;

    CHECK_INT(bgu_error(BGU_OK)->status, 200);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const bgu_error_t *error = bgu_error(rows[i].result);

        CASE_INT(rows[i].name, error->status, rows[i].status);
        CASE_INT(rows[i].name, error->hresult, rows[i].hresult);
        CASE_INT(rows[i].name, error->context, 0x5);
    }
}

/** A client that is told of trouble of the disk or the store must try again, not give up. */
static void test_io_error_is_transient(void)
{
    const bgu_error_t *error = bgu_error(BGU_IO_ERROR);

    CHECK(error->status >= 500 && error->status <= 599);
    CHECK(error->status != 501 && error->status != 505);
    CHECK((error->hresult & 0x80000000u) != 0);
    CHECK(error->hresult != bgu_error(BGU_SESSION_NOT_FOUND)->hresult);
    CHECK(error->hresult != bgu_error(BGU_UPLOAD_TOO_LARGE)->hresult);
    CHECK_INT(error->context, 0x5);
}

static void test_disconnected_has_no_answer(void)
{
    CHECK_INT(bgu_error(BGU_DISCONNECTED)->status, 0);
}

static void test_names(void)
{
    int i;
    int k;

    for (i = 0; i < BGU_RESULT_COUNT; i++) {
        const char *name = bgu_error((bgu_result_e)i)->name;

        REQUIRE(name != NULL && *name != '\0');
        for (k = 0; k < i; k++) {
            CASE(name, strcmp(name, bgu_error((bgu_result_e)k)->name) != 0);
        }
    }
}

/** A failure of the system, and what the client hears. */
struct status_case {
    const char *name;
    apr_status_t status;
    bgu_result_e result;
};

static const struct status_case statuses[] = {
    {"success", APR_SUCCESS, BGU_OK},
    {"ENOSPC", ENOSPC, BGU_DISK_FULL},
    {"EDQUOT", EDQUOT, BGU_DISK_FULL},
    {"EFBIG", EFBIG, BGU_DISK_FULL},
    {"SQLITE_FULL", BGU_SQLITE_STATUS + SQLITE_FULL, BGU_DISK_FULL},
    {"EIO", EIO, BGU_IO_ERROR},
    {"EACCES", EACCES, BGU_IO_ERROR},
    {"ENOENT", ENOENT, BGU_IO_ERROR},
    {"EMFILE", EMFILE, BGU_IO_ERROR},
    {"APR_EOF", APR_EOF, BGU_IO_ERROR},
    {"SQLITE_BUSY", BGU_SQLITE_STATUS + SQLITE_BUSY, BGU_STORE_BUSY},
    {"SQLITE_CORRUPT", BGU_SQLITE_STATUS + SQLITE_CORRUPT, BGU_IO_ERROR},
};

static void test_result_of(void)
{
    size_t i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        CASE_INT(statuses[i].name, bgu_result_of(statuses[i].status), statuses[i].result);
    }
}

static void test_strerror(void)
{
    char buf[200];
    char expected[200];
    char tiny[5];

    CHECK(bgu_strerror(ENOENT, buf, sizeof(buf)) == buf);
    CHECK_STR(buf, apr_strerror(ENOENT, expected, sizeof(expected)));
    CHECK(bgu_strerror(BGU_SQLITE_STATUS + SQLITE_BUSY, buf, sizeof(buf)) == buf);
    CHECK_HAS(buf, sqlite3_errstr(SQLITE_BUSY));
    CHECK(bgu_strerror(BGU_SQLITE_STATUS + SQLITE_NOTADB, buf, sizeof(buf)) == buf);
    CHECK_HAS(buf, sqlite3_errstr(SQLITE_NOTADB));
    memset(tiny, 'x', sizeof(tiny));
    bgu_strerror(BGU_SQLITE_STATUS + SQLITE_BUSY, tiny, sizeof(tiny));
    CHECK(memchr(tiny, '\0', sizeof(tiny)) != NULL);
    memset(tiny, 'x', sizeof(tiny));
    bgu_strerror(ENOENT, tiny, sizeof(tiny));
    CHECK(memchr(tiny, '\0', sizeof(tiny)) != NULL);
}

static const suite_test_t tests[] = {
    {"the result table", test_table},
    {"disk trouble is transient", test_io_error_is_transient},
    {"nobody is left to answer", test_disconnected_has_no_answer},
    {"names differ", test_names},
    {"what the system's failures become", test_result_of},
    {"texts of failures", test_strerror},
};

void suite_error(void)
{
    SUITE_ADD("error", tests);
}
