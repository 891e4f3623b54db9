/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin: filters and orders of list, its table on a terminal, and stats. */

#include "suites.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"

/** Most bytes that are read from a terminal. */
#define SCREEN_SIZE 65536

static const admin_row_t rows[] = {
    {"ann", "/upload/a/1.bin", BGU_STATE_RECEIVING, 30, 3000},
    {"ann", "/upload/a/2.bin", BGU_STATE_CANCELLED, 7200, 1000},
    {"bob", "/upload/b/3.bin", BGU_STATE_RECEIVING, 86400 * 2, 2000},
    {"", "/upload/b/4.bin", BGU_STATE_CLOSED, 600, BGU_TOTAL_UNKNOWN},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/** A server with these sessions. */
static httpd_env_t *start(void)
{
    httpd_env_t *env = httpd_env_start(NULL);

    for (size_t i = 0; i < ROWS; i++) {
        admin_row(env, &rows[i]);
    }
    return env;
}

/** Options of list, and the files that are listed, by their digits. */
struct list_case {
    const char *options;
    const char *files;
};

static const struct list_case filters[] = {
    {"--sort url", "1234"},
    {"--sort url --user ann", "12"},
    {"--sort url --user -", "4"},
    {"--sort url --user nobody", ""},
    {"--sort url --state receiving", "13"},
    {"--sort url --state closed,CANCELLED", "24"},
    {"--sort url --state open", "13"},
    {"--sort url --state open,closed", "134"},
    {"--sort url --older-than 1h", "23"},
    {"--sort url --older-than 1d", "3"},
    {"--sort url --younger-than 60m", "14"},
    {"--sort url --older-than 5m --younger-than 1d", "24"},
    {"--sort url --url /upload/b/", "34"},
    {"--sort url --url /upload/a/1", "1"},
    {"--sort url --url */3.*", "3"},
    {"--sort url --url /upload/?/?.bin", "1234"},
    {"--sort url --url *.txt", ""},
    {"--sort url --user ann --state open", "1"},
    {"--sort url --reverse", "4321"},
    {"--sort age", "1423"},
    {"--sort age -r", "3241"},
    {"--sort active", "3241"},
    {"--sort total", "4231"},
    {"--sort user --reverse --user bob", "3"},
    {"--sort state --state receiving,closed --url /upload/b", "34"},
    {"--sort received --state closed,receiving --url /upload/b", "43"},
};

/** The digits of the files in a listing. */
static const char *files_in(const char *listing)
{
    char *files = apr_pcalloc(httpd_env_pool(), 64);
    size_t count = 0;

    for (const char *at = strstr(listing, ".bin"); at && count < 63; at = strstr(at + 1, ".bin")) {
        files[count++] = at[-1];
    }
    return files;
}

static void list_filters(void)
{
    httpd_env_t *env = start();
    const char *output;

    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        const char *words = apr_pstrcat(httpd_env_pool(), "list ", filters[i].options, NULL);
        int code = admin(env, words, &output);

        if (code != 0 || strcmp(files_in(output), filters[i].files) != 0) {
            CHECK_FAIL("%s: exit code %d, lists %s, expected %s", words, code, files_in(output),
                       filters[i].files);
        }
        CHECK_INT(admin(env, apr_pstrcat(httpd_env_pool(), words, " --json", NULL), &output), 0);
        CHECK(admin_json(output, "$") != NULL);
    }
}

/** Run list on a terminal of that many columns; COLUMNS is set to columns_text, or not at all.
 * Returns what appears there, without carriage returns. */
static const char *on_terminal(const httpd_env_t *env, unsigned short width,
                               const char *columns_text)
{
    struct winsize size = {.ws_row = 24, .ws_col = width};
    char *screen = apr_pcalloc(httpd_env_pool(), SCREEN_SIZE);
    const char *program =
        apr_pstrcat(httpd_env_pool(), httpd_env_setting("BGUPLOAD_BUILD"), "/bgupload-admin", NULL);
    struct pollfd terminal = {.events = POLLIN};
    size_t count = 0;
    pid_t pid = forkpty(&terminal.fd, NULL, NULL, &size);
    int status;

    REQUIRE(pid >= 0);
    if (pid == 0) {
        (void)unsetenv("COLUMNS");
        if (columns_text != NULL) {
            (void)setenv("COLUMNS", columns_text, 1);
        }
        execl(program, program, "--store", env->store, "list", "--sort", "url", (char *)NULL);
        _exit(127);
    }
    /* The read fails when the program has ended and all is read. */
    while (poll(&terminal, 1, HTTPD_ENV_DEADLINE * 1000) > 0) {
        ssize_t got = read(terminal.fd, screen + count, 1);

        if (got <= 0 || count == SCREEN_SIZE - 2) {
            break;
        }
        count += screen[count] != '\r';
    }
    screen[count] = '\0';
    close(terminal.fd);
    kill(pid, SIGKILL);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return screen;
}

/** Length of the longest line. */
static size_t widest(const char *text)
{
    size_t most = 0;

    while (*text != '\0') {
        size_t length = strcspn(text, "\n");

        most = length > most ? length : most;
        text += length + (text[length] == '\n');
    }
    return most;
}

static void terminal(void)
{
    static const admin_row_t longest = {"somebody-with-a-long-name",
                                        "/upload/a-folder/with-a-long-name/and-a-long-name.bin",
                                        BGU_STATE_RECEIVING, 30, 5000000000};
    httpd_env_t *env = start();
    const char *output;

    admin_row(env, &longest);
    CHECK_INT(admin(env, "list", &output), 0);
    CHECK_HAS(output, longest.path);
    CHECK_HAS(output, "0/5000000000");
    output = on_terminal(env, 200, NULL);
    CHECK_INT(admin_lines(output), 6);
    CHECK_HAS(output, longest.path);
    CHECK_HAS(output, "0/4.7G");
    output = on_terminal(env, 100, NULL);
    CHECK_INT(admin_lines(output), 6);
    CHECK_INT(widest(output), 100);
    CHECK(strstr(output, longest.path) == NULL);
    CHECK_HAS(output, ">\n");
    CHECK_INT(widest(on_terminal(env, 100, "90")), 90);
    CHECK_INT(widest(on_terminal(env, 100, "many")), 100);
    CHECK_INT(widest(on_terminal(env, 20, NULL)), 20);
    CHECK_HAS(on_terminal(env, 0, NULL), longest.path);
}

static void stats(void)
{
    httpd_env_t *env = start();
    const char *id = admin_row(env, &rows[0]);
    const char *output;

    files_write(apr_pstrcat(httpd_env_pool(), env->spool, "/", id, NULL), "12345", 5);
    CHECK_INT(admin(env, "stats", &output), 0);
    CHECK_HAS(admin_line(output, "receiving"), " 3");
    CHECK_HAS(admin_line(output, "cancelled"), " 1");
    CHECK_HAS(admin_line(output, "spooled"), " 5 bytes");
    CHECK_HAS(admin_line(output, "promised"), " 8000 bytes");
    CHECK_HAS(admin_line(output, "ann"), " 6000  ");
    CHECK_INT(admin(env, "stats --json", &output), 0);
    CHECK_STR(admin_json(output, "$.open"), "3");
    CHECK_STR(admin_json(output, "$.spooled"), "5");
    CHECK_STR(admin_json(output, "$.promised"), "8000");
    CHECK_STR(admin_json(output, "$.states.receiving"), "3");
    CHECK_STR(admin_json(output, "$.states.closed"), "1");
    CHECK_STR(admin_json(output, "$.users[0].user"), "ann");
    CHECK_STR(admin_json(output, "$.users[0].spooled"), "5");
    CHECK_STR(admin_json(output, "$.users[1].promised"), "2000");
    CHECK_STR(admin_json(output, "$.users[2]"), NULL);
    CHECK_INT(strlen(admin_json(output, "$.oldest")), strlen("2000-01-01T00:00:00Z"));
    httpd_env_expect_spool(env, 1);
}

static void stats_of_nothing(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    const char *output;

    CHECK_INT(admin(env, "stats --json", &output), 0);
    CHECK_STR(admin_json(output, "$.open"), "0");
    CHECK_STR(admin_json(output, "$.oldest"), NULL);
    CHECK_STR(admin_json(output, "$.users"), "[]");
    CHECK_INT(admin(env, "stats", &output), 0);
    CHECK_HAS(admin_line(output, "open"), " 0");
}

/** Totals are what clients say. */
static void stats_of_promises(void)
{
    static const admin_row_t vast = {"eve\x1b", "/upload/v.bin", BGU_STATE_RECEIVING, 1,
                                     APR_INT64_MAX};
    httpd_env_t *env = start();
    const char *output;

    admin_row(env, &vast);
    admin_row(env, &vast);
    CHECK_INT(admin(env, "stats --json", &output), 0);
    CHECK_STR(admin_json(output, "$.promised"), "9223372036854775807");
    CHECK_INT(admin(env, "stats", &output), 0);
    CHECK_HAS(output, "eve\\x1B");
}

static const suite_test_t tests[] = {
    {"filters and orders", list_filters},
    {"the table on a terminal", terminal},
    {"stats", stats},
    {"stats of nothing", stats_of_nothing},
    {"stats of vast promises", stats_of_promises},
};

void suite_admin_list(void)
{
    SUITE_ADD("admin_list", tests);
}
