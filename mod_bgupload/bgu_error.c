/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_error.h"

#include <errno.h>

#include <apr_strings.h>
#include <sqlite3.h>

/* HRESULTs by the names that Windows gives them. */
#define E_INVALIDARG                   0x80070057u
#define E_ACCESSDENIED                 0x80070005u
#define E_FILE_NOT_FOUND               0x80070002u
#define E_PATH_NOT_FOUND               0x80070003u
#define E_SHARING_VIOLATION            0x80070020u
#define E_DISK_FULL                    0x80070070u
#define E_TIMEOUT                      0x80070112u
#define E_IO_DEVICE                    0x8007045Du
#define BG_E_SESSION_NOT_FOUND         0x8020001Fu
#define BG_E_TOO_LARGE                 0x80200020u
#define BG_E_TOO_MANY_JOBS_PER_USER    0x80200049u
#define BG_E_TOO_MANY_JOBS_PER_MACHINE 0x80200050u

/* HRESULT of an HTTP status, less the status: 0x80190194 is 404. */
#define HTTP_HRESULT 0x80190000u

/* The status decides what a Windows client does: 4xx (but 408, 409, 413, 416), 501 and 505 end its
 * job for good, other 5xx make it try again for days. */
static const bgu_error_t results[BGU_RESULT_COUNT] = {
    [BGU_OK] = {200, 0, BGU_CONTEXT_SERVER, "ok"},
    [BGU_BAD_REQUEST] = {400, E_INVALIDARG, BGU_CONTEXT_SERVER, "bad request"},
    [BGU_LENGTH_REQUIRED] = {411, E_INVALIDARG, BGU_CONTEXT_SERVER, "length required"},
    [BGU_ACCESS_DENIED] = {403, E_ACCESSDENIED, BGU_CONTEXT_SERVER, "access denied"},
    [BGU_NO_FOLDER] = {404, E_PATH_NOT_FOUND, BGU_CONTEXT_SERVER, "no such folder"},
    [BGU_BYTES_LOST] = {404, E_FILE_NOT_FOUND, BGU_CONTEXT_SERVER, "bytes lost"},
    [BGU_FRAGMENT_TOO_LARGE] = {413, BG_E_TOO_LARGE, BGU_CONTEXT_SERVER, "fragment too large"},
    [BGU_RANGE] = {416, 0, BGU_CONTEXT_SERVER, "range not wanted"},
    [BGU_SESSION_NOT_FOUND] = {500, BG_E_SESSION_NOT_FOUND, BGU_CONTEXT_SERVER, "no such session"},
    [BGU_UPLOAD_TOO_LARGE] = {500, BG_E_TOO_LARGE, BGU_CONTEXT_SERVER, "upload too large"},
    [BGU_DISK_FULL] = {500, E_DISK_FULL, BGU_CONTEXT_SERVER, "disk full"},
    [BGU_IO_ERROR] = {500, E_IO_DEVICE, BGU_CONTEXT_SERVER, "I/O error"},
    [BGU_NOT_ENABLED] = {501, E_ACCESSDENIED, BGU_CONTEXT_SERVER, "not enabled"},
    [BGU_QUOTA] = {500, E_DISK_FULL, BGU_CONTEXT_SERVER, "quota exceeded"},
    [BGU_USER_LIMIT] = {503, BG_E_TOO_MANY_JOBS_PER_USER, BGU_CONTEXT_SERVER,
                        "too many sessions of the user"},
    [BGU_TOTAL_LIMIT] = {503, BG_E_TOO_MANY_JOBS_PER_MACHINE, BGU_CONTEXT_SERVER,
                         "too many sessions"},
    [BGU_BUSY] = {503, E_SHARING_VIOLATION, BGU_CONTEXT_SERVER, "session busy"},
    [BGU_STORE_BUSY] = {503, E_SHARING_VIOLATION, BGU_CONTEXT_SERVER, "store busy"},
    [BGU_NOTIFYING] = {503, E_SHARING_VIOLATION, BGU_CONTEXT_SERVER, "application being asked"},
    [BGU_APP_REFUSED] = {500, HTTP_HRESULT + 500, BGU_CONTEXT_APPLICATION, "application refused"},
    [BGU_APP_BROKEN] = {502, HTTP_HRESULT + 502, BGU_CONTEXT_APPLICATION, "application broken"},
    [BGU_APP_UNREACHABLE] = {503, HTTP_HRESULT + 503, BGU_CONTEXT_APPLICATION,
                             "application unreachable"},
    [BGU_APP_TIMEOUT] = {408, E_TIMEOUT, BGU_CONTEXT_APPLICATION, "application timed out"},
    [BGU_APP_BAD_URL] = {400, E_INVALIDARG, BGU_CONTEXT_APPLICATION, "bad reply URL"},
    [BGU_DISCONNECTED] = {0, 0, BGU_CONTEXT_SERVER, "client gone"},
};

const bgu_error_t *bgu_error(bgu_result_e result)
{
    if ((unsigned)result >= BGU_RESULT_COUNT) {
        result = BGU_IO_ERROR;
    }
    return &results[result];
}

bgu_error_t bgu_error_of_application(bgu_result_e result, int app_status)
{
    bgu_error_t error = *bgu_error(result);

    if (app_status && result == BGU_APP_REFUSED) {
        error.status = app_status;
    }
    if (app_status && (result == BGU_APP_REFUSED || result == BGU_APP_BROKEN)) {
        error.hresult = HTTP_HRESULT + (apr_uint32_t)app_status;
    }
    return error;
}

int bgu_error_retry_after(bgu_result_e result)
{
    return result == BGU_BUSY || result == BGU_STORE_BUSY || result == BGU_NOTIFYING;
}

bgu_result_e bgu_result_of(apr_status_t status)
{
    if (status == APR_SUCCESS) {
        return BGU_OK;
    }
    if (APR_STATUS_IS_ENOSPC(status) || status == EDQUOT || status == EFBIG ||
        status == BGU_SQLITE_STATUS + SQLITE_FULL) {
        return BGU_DISK_FULL;
    }
    if (status == BGU_SQLITE_STATUS + SQLITE_BUSY || status == BGU_SQLITE_STATUS + SQLITE_LOCKED) {
        return BGU_STORE_BUSY;
    }
    return BGU_IO_ERROR;
}

/* What an administrator can do about a database that SQLite does not like. */
static const char *advice(int rc)
{
    switch (rc) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return "it is damaged or no session database: restore it, or move it away and restart the "
               "server to start afresh";
    case SQLITE_CANTOPEN:
        return "put the file back, or restart the server to start afresh; file and folder must be "
               "writable by the server's user";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "the file and its folder must be writable by the server's user";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program keeps it locked: end that program";
    default:
        return "see whether its disk is full or failing";
    }
}

char *bgu_strerror(apr_status_t status, char *buf, apr_size_t size)
{
    if (status >= BGU_SQLITE_STATUS && status < APR_OS_START_EAIERR) {
        int rc = status - BGU_SQLITE_STATUS;
        apr_snprintf(buf, size, "SQLite: %s; %s", sqlite3_errstr(rc), advice(rc));
        return buf;
    }
    return apr_strerror(status, buf, size);
}
