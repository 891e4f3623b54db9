/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-report on 50,000 lines that are damaged at random, by every awk there is here. */

#include "suites.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"

enum { LINES = 50000, LINE_MAX_BYTES = 600, SEED = 20261128 };

/** What is damaged. */
static const char *const sound[] = {
    "2026-02-28T23:59:59.500+0100 10.0.0.1 Create-Session %s -/- receiving created 0x00000000 200 "
    "1000 \"ann\" \"BITS_POST /upload/x\"",
    "2026-03-01T00:00:01.500+0100 10.0.0.1 Fragment %s 4000000/8000000 receiving - 0x00000000 200 "
    "250000 \"ann\" \"BITS_POST /upload/x\"",
    "2026-03-01T00:00:02.500-0830 ::1 Fragment %s 8000000/8000000 complete complete 0x00000000 200 "
    "250000 \"bob\" \"BITS_POST /upload/\\\"x\"",
    "2026-03-01T00:00:03.000+0000 ::1 Close-Session %s -/8000000 closed committed 0x00000000 200 "
    "9000 \"bob\" \"BITS_POST /upload/x\"",
    "2026-03-01T00:00:03.000+0000 ::1 Cancel-Session %s 5/80 cancelled discarded 0x00000000 200 "
    "9000 \"a\\\\b\" \"BITS_POST /upload/x\"",
    "2026-03-02T10:20:30.000+0000 ::1 Fragment %s -/- - - 0x8020001F 500 90 \"-\" \"BITS_POST /y\"",
    "2026-03-02T10:20:30.000+0000 ::1 Create-Session - -/- - - 0x80190194 404 90 \"-\" \"X /y\"",
    "2026-03-02T10:20:31.000+0000 ::1 Ping - -/- - - 0x00000000 200 90 \"-\" \"BITS_POST /y\"",
};

/** What comes in place of a field. */
static const char *const odd[] = {
    "-",
    "",
    "\"",
    "\\",
    "\\\"",
    "0",
    "-1",
    "+5",
    "1e308",
    "1e999/1e999",
    "-inf",
    "nan/nan",
    "+nan",
    "0x7fffffffffffffff",
    "99999999999999999999/99999999999999999999",
    "/",
    "-5/-7",
    "%s%n",
    "$(id)",
    "`id`",
    "&",
    "\x1b[2J",
    "\x9b"
    "31m",
    "\xc3\x28",
    "\xff\xfe",
    "\t",
    "0x",
    "0xZZZZZZZZ",
    "9999-99-99T99:99:99.999+9999",
    "0000-00-00T00:00:00.000-0000",
    "Fragment",
    "Close-Session",
    "\"a\tb\"",
    "\"</script>\"",
    "\"\xe2\x80\xae"
    "txt\"",
    "{\"a\":1}",
};

/** A generator of numbers of its own: the same lines everywhere. */
static unsigned number(unsigned below)
{
    static unsigned state = SEED;

    state = state * 1664525u + 1013904223u;
    return (unsigned)(((unsigned long long)(state >> 8) * below) >> 24);
}

/** Put something in place of a field of a line. */
static void replace_field(char *line)
{
    char copy[LINE_MAX_BYTES];
    char *start = line;
    unsigned skip;

    for (skip = number(13); skip > 0 && strchr(start, ' ') != NULL; skip--) {
        start = strchr(start, ' ') + 1;
    }
    apr_cpystrn(copy, start + strcspn(start, " "), sizeof(copy));
    apr_snprintf(start, LINE_MAX_BYTES - (apr_size_t)(start - line), "%s%s",
                 odd[number(sizeof(odd) / sizeof(odd[0]))], copy);
}

/** Cut a line, put a byte into it, or leave a piece out. */
static void damage(char *line)
{
    size_t length = strlen(line);
    unsigned at = number((unsigned)length + 1);
    unsigned piece = number((unsigned)length + 1 - at);

    switch (number(3)) {
    case 0:
        line[at] = '\0';
        break;
    case 1:
        line[at] = at < length ? (char)number(256) : '\0';
        break;
    default:
        memmove(line + at, line + at + piece, length + 1 - at - piece);
        break;
    }
}

/** One line, sound or not, of a few thousand sessions. */
static void write_line(FILE *file)
{
    static const char nothing[32];
    char line[LINE_MAX_BYTES], id[40];
    unsigned times;

    apr_snprintf(id, sizeof(id), "%08X-0000-0000-0000-000000000000", number(4000));
    apr_snprintf(line, sizeof(line), sound[number(sizeof(sound) / sizeof(sound[0]))], id);
    for (times = number(3); times > 0; times--) {
        replace_field(line);
    }
    if (number(4) == 0) {
        damage(line);
    }
    /* As the end of a log may look after a power cut. */
    REQUIRE(number(1000) > 0 || fwrite(nothing, sizeof(nothing), 1, file) == 1);
    REQUIRE(fprintf(file, "%s\n", line) > 0);
}

/** Write the log. */
static const char *write_log(const httpd_env_t *env)
{
    const char *path = apr_pstrcat(env->pool, env->root, "/uploads.log", NULL);
    FILE *file = fopen(path, "w");
    int i;

    REQUIRE(file != NULL);
    for (i = 0; i < LINES; i++) {
        write_line(file);
    }
    REQUIRE(fclose(file) == 0);
    return path;
}

/** Run bgupload-report with an awk.
 * @param tools folder in which it is called awk
 * @param output receives its standard output
 * @param errors receives its standard error
 * @return its exit code */
static int report(const char *tools, const char *option, const char *log, const char **output,
                  const char **errors)
{
    const char *said = apr_pstrcat(httpd_env_pool(), log, ".err", NULL);
    const char *argv[] = {
        "sh",
        "-c",
        "PATH=$1:$PATH; export PATH; exec \"$0\" $2 \"$3\" 2>\"$4\"",
        httpd_env_format("%s/scripts/bgupload-report", httpd_env_setting("BGUPLOAD_SRC")),
        tools,
        option,
        log,
        said,
        NULL};
    int code = program_run(argv, output, httpd_env_pool());

    *errors = files_read(said).data;
    return code;
}

/** What SQL says of a JSON text, ?1. */
static double ask_json(const char *text, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    double result = -1;

    REQUIRE(sqlite3_open(":memory:", &db) == SQLITE_OK);
    REQUIRE(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        result = sqlite3_column_double(statement, 0);
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return result;
}

/** Only what every terminal shows as it is. */
static void check_plain(const char *awk, const char *text)
{
    const char *c = text;

    while ((*c >= ' ' && *c <= '~') || *c == '\n') {
        c++;
    }
    if (*c != '\0') {
        CHECK_FAIL("%s: byte 0x%02X behind \"%.80s\"", awk, (unsigned char)*c,
                   c - text > 80 ? c - 80 : text);
    }
}

/** The report's own words, and no complaint of awk's. */
static void check_errors(const char *awk, const char *errors)
{
    const char *line;

    check_plain(awk, errors);
    for (line = errors; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, "bgupload-report: ", 17) != 0) {
            CHECK_FAIL("%s says: %.200s", awk, line);
            return;
        }
    }
    CHECK_HAS(errors, " lines could not be read\n");
}

/** Sums that must agree, whatever the lines were. Each is one of these, less the other. */
static const char *const sums[] = {
    "json_extract(?1, '$.lines') + json_extract(?1, '$.broken_lines') - ",
    "json_extract(?1, '$.sessions') - (SELECT sum(json_extract(value, '$.sessions')) FROM "
    "json_each(?1, '$.outcomes'))",
    "json_extract(?1, '$.sessions') - (SELECT sum(json_extract(value, '$.sessions')) FROM "
    "json_each(?1, '$.users'))",
    "json_extract(?1, '$.sessions') - (SELECT sum(json_extract(value, '$.sessions')) FROM "
    "json_each(?1, '$.days'))",
    "json_extract(?1, '$.failed') - (SELECT sum(value) FROM json_each(?1, '$.reasons'))",
};

static void check_json(const char *awk, const char *text, int lines)
{
    size_t i;

    if (ask_json(text, "SELECT json_valid(?1)") != 1) {
        CHECK_FAIL("%s: no JSON", awk);
        return;
    }
    for (i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        double left =
            ask_json(text, apr_pstrcat(httpd_env_pool(), "SELECT ", sums[i],
                                       i == 0 ? apr_itoa(httpd_env_pool(), lines) : "", NULL));

        if (left != 0) {
            CHECK_FAIL("%s: %s is %f", awk, sums[i], left);
        }
    }
    CHECK(ask_json(text, "SELECT json_extract(?1, '$.committed')") > 1000);
}

/** The path of a program, or NULL. */
static const char *find_program(const char *name)
{
    char *path = apr_pstrdup(httpd_env_pool(), getenv("PATH"));
    const char *folder;

    while ((folder = strsep(&path, ":")) != NULL) {
        const char *file = apr_pstrcat(httpd_env_pool(), folder, "/", name, NULL);

        if (*folder != '\0' && access(file, X_OK) == 0) {
            return file;
        }
    }
    return NULL;
}

/** The report by one awk. */
static void by_awk(const httpd_env_t *env, const char *name, const char *log, int lines)
{
    const char *awk = find_program(name);
    const char *tools = apr_pstrcat(env->pool, env->root, "/by-", name, NULL);
    const char *output, *errors;

    if (awk == NULL) {
        return;
    }
    files_mkdir(tools, 0755);
    REQUIRE(symlink(awk, apr_pstrcat(env->pool, tools, "/awk", NULL)) == 0);
    CHECK_INT(report(tools, "--json", log, &output, &errors), 1);
    check_errors(name, errors);
    check_plain(name, output);
    check_json(name, output, lines);
    CHECK_INT(report(tools, "--", log, &output, &errors), 1);
    check_errors(name, errors);
    check_plain(name, output);
    CHECK_HAS(output, "\ncommitted ");
}

static void hostile_lines(void)
{
    static const char *const awks[] = {"awk", "mawk", "gawk", "original-awk"};
    httpd_env_t *env = httpd_env_start(NULL);
    const char *log = write_log(env);
    bytes_t whole = files_read(log);
    const char *at = whole.data;
    int lines = 0;
    size_t i;

    for (; (at = memchr(at, '\n', (size_t)(whole.data + whole.length - at))) != NULL; at++) {
        lines++;
    }
    for (i = 0; i < sizeof(awks) / sizeof(awks[0]); i++) {
        by_awk(env, awks[i], log, lines);
    }
}

void suite_report_hostile(void)
{
    static const suite_test_t tests[] = {
        {"damaged lines", hostile_lines},
    };

    SUITE_ADD("report_hostile", tests);
}
