/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-report: on the log of a real server in the sample's LogFormat, and on odd ones. */

#include "suites.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"
#include "upload.h"

static const char file[] = "1234567890";
enum { LENGTH = 10 };

/** Run a shell's command line in which $0 is bgupload-report and $1 is path. */
static int report(const char *command, const char *path, const char **output)
{
    const char *script = apr_pstrcat(httpd_env_pool(), httpd_env_setting("BGUPLOAD_SRC"),
                                     "/scripts/bgupload-report", NULL);
    const char *argv[] = {"sh", "-c", command, script, path, NULL};

    return program_run(argv, output, httpd_env_pool());
}

/** A file of the test's with this text. */
static const char *write_log(const char *text)
{
    const char *path = httpd_env_format("%s/uploads.log", httpd_env_start(NULL)->root);

    files_write(path, text, strlen(text));
    return path;
}

/** A session on a server, sent in two fragments. */
static upload_t send_halves(httpd_env_t *env, const char *path, int gap)
{
    upload_t up = upload_another(env, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, 4, LENGTH), 200, 4);
    if (gap) {
        CHECK_INT(upload_next(&up, LENGTH), 4);
    }
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 4, 6, LENGTH), 200, LENGTH);
    return up;
}

/** Make a log with one session of each kind; the server is stopped, so that it is whole. */
static const char *real_log(void)
{
    const char *conf = httpd_env_format("Include \"%s/conf/bgupload.conf\"\n"
                                        "GlobalLog \"{ROOT}/logs/uploads.log\" bgupload "
                                        "env=BGUPLOAD_PACKET\n",
                                        httpd_env_setting("BGUPLOAD_SRC"));
    httpd_env_options_t options = {.server = conf};
    httpd_env_t *env = httpd_env_start(&options);
    upload_t plain = send_halves(env, "/upload/a.bin", 0);
    upload_t resumed = send_halves(env, "/upload/b.bin", 1);
    upload_t cancelled = send_halves(env, "/upload/c.bin", 0);
    upload_t early = upload_another(env, "/upload/d.bin");

    upload_another(env, "/upload/open.bin");
    CHECK_NEXT(wire_fragment(early.wire, early.path, early.id, file, 0, 4, LENGTH), 200, 4);
    upload_finish(&plain, file, LENGTH);
    upload_finish(&resumed, file, LENGTH);
    CHECK_ANSWER(wire_cancel(cancelled.wire, cancelled.path, cancelled.id), 200, NULL);
    CHECK_ANSWER(wire_close(early.wire, early.path, early.id), 200, NULL);
    /* The answer was lost: what is over is not counted twice. */
    CHECK_ANSWER(wire_close(plain.wire, plain.path, plain.id), 200, NULL);
    CHECK_ANSWER(wire_fragment(early.wire, early.path, "{00000000-0000-0000-0000-00000000AAAA}",
                               file, 0, LENGTH, LENGTH),
                 500, "0x8020001F");
    early.wire = wire_connect(env);
    wire_send(early.wire, "BITS_POST /upload/none/x HTTP/1.1\r\nHost: localhost\r\n"
                          "BITS-Packet-Type: Create-Session\r\nBITS-Supported-Protocols: "
                          "{7df0354d-249b-430f-820d-3d2a9bef4931}\r\nContent-Length: 0\r\n\r\n");
    CHECK_INT(wire_read(early.wire)->status, 404);
    httpd_env_stop(env);
    return httpd_env_format("%s/logs/uploads.log", env->root);
}

static void check_json(const char *output, const char *where, const char *expected)
{
    const char *found = admin_json(output, where);

    if (found == NULL || strcmp(found, expected) != 0) {
        CHECK_FAIL("%s is %s, expected %s", where, found != NULL ? found : "null", expected);
    }
}

static void real_as_json(void)
{
    static const char *const facts[][2] = {
        {"$.broken_lines", "0"},
        {"$.sessions", "7"},
        {"$.committed", "2"},
        {"$.bytes", "20"},
        {"$.resumed", "1"},
        {"$.failed", "4"},
        {"$.outcomes.committed.sessions", "2"},
        {"$.outcomes.committed.bytes", "20"},
        {"$.outcomes.cancelled.sessions", "1"},
        {"$.outcomes.discarded.sessions", "1"},
        {"$.outcomes.refused.sessions", "1"},
        {"$.outcomes.lost.sessions", "1"},
        {"$.outcomes.open.sessions", "1"},
        {"$.users[0].user", "-"},
        {"$.users[0].sessions", "7"},
        {"$.days[0].sessions", "7"},
        {"$.reasons.\"0x80070003 no such folder\"", "1"},
        {"$.reasons.\"0x8020001F no such session\"", "1"},
        {"$.reasons.cancelled", "1"},
        {"$.reasons.discarded", "1"},
    };
    const char *log = real_log();
    const char *output, *again;
    size_t i;

    CHECK_INT(report("\"$0\" --json \"$1\"", log, &output), 0);
    for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        check_json(output, facts[i][0], facts[i][1]);
    }
    CHECK(strtod(admin_json(output, "$.median_rate"), NULL) > 0);
    CHECK_STR(admin_json(output, "$.from"), admin_json(output, "$.days[0].day"));
    /* However the log comes. */
    CHECK_INT(report("\"$0\" --json <\"$1\"", log, &again), 0);
    CHECK_STR(again, output);
    CHECK_INT(report("gzip -c <\"$1\" >\"$1.gz\" && \"$0\" --json \"$1.gz\"", log, &again), 0);
    CHECK_STR(again, output);
}

static void real_as_text(void)
{
    const char *log = real_log();
    const char *output;

    CHECK_INT(report("\"$0\" \"$1\"", log, &output), 0);
    CHECK_HAS(output, "\ncommitted                       2        20\n");
    CHECK_HAS(output, "\nUSER  ");
    CHECK_HAS(output, "\nDAY   ");
    CHECK_HAS(output, "\n1        0x80070003 no such folder\n");
    CHECK_INT(report("\"$0\" --until 2001-01-01 \"$1\"", log, &output), 0);
    CHECK_STR(output, "no uploads\n");
    CHECK_INT(report("\"$0\" --since 2001-01-01 --user=- \"$1\"", log, &output), 0);
    CHECK_HAS(output, "\ncommitted                       2 ");
    CHECK_INT(report("\"$0\" --user ann \"$1\"", log, &output), 0);
    CHECK_STR(output, "no uploads\n");
}

#define TIME   "2026-02-28T23:59:59.500+0100 10.0.0.1 "
#define LATER  "2026-03-01T00:00:01.500+0100 10.0.0.1 "
#define ID     "00000000-0000-0000-0000-00000000000"
#define REST   " 200 1000 "
#define URL    " \"BITS_POST /upload/x\"\n"
#define FINE   "0x00000000"
#define CREATE " -/- receiving created " FINE REST

/** Times, rates, and a month's end in between. */
static void rates(void)
{
    const char *log = write_log(
        TIME "Create-Session " ID "1" CREATE "\"ann\"" URL LATER "Close-Session " ID
             "1 -/4000000 closed committed " FINE " 200 0 \"ann\"" URL TIME "Create-Session " ID
             "2" CREATE "\"ann\"" URL LATER "Close-Session " ID "2 -/2000 closed committed " FINE
             " 200 0 \"ann\"" URL TIME "Create-Session " ID "3" CREATE "\"bob\"" URL LATER
             "Fragment " ID "3 -/2000 receiving - 0x80200020 500 0 \"bob\"" URL LATER
             "Cancel-Session " ID "3 -/2000 cancelled discarded " FINE " 200 0 \"bob\"" URL);
    const char *output;

    CHECK_INT(report("\"$0\" --json \"$1\"", log, &output), 0);
    check_json(output, "$.slowest_rate", "1000");
    check_json(output, "$.users[0].bytes", "4002000");
    check_json(output, "$.users[1].failed", "1");
    check_json(output, "$.reasons.\"0x80200020 too large\"", "1");
    check_json(output, "$.days[0].day", "2026-02-28");
    CHECK(admin_json(output, "$.days[1]") == NULL);
}

static void broken_lines(void)
{
    const char *log =
        write_log("no line of ours\n\n"
                  "2026-02-28T23:59:59.500+0100 10.0.0.1 Create-Se\n"
                  "\x1b[2J\x07 control\n" TIME "Create-Session " ID "1" CREATE "\"ann\"" URL);
    const char *output;

    CHECK_INT(report("\"$0\" --json \"$1\" 2>\"$1.err\"", log, &output), 1);
    check_json(output, "$.broken_lines", "4");
    check_json(output, "$.sessions", "1");
    output = files_read(apr_pstrcat(httpd_env_pool(), log, ".err", NULL)).data;
    CHECK_HAS(output, "line 1 cannot be read: no line of ours");
    CHECK_HAS(output, "4 lines could not be read");
    CHECK(strchr(output, '\x1b') == NULL && strchr(output, '\x07') == NULL);
}

/** What a client chose goes to terminals, JSON and the shell as text. */
static void hostile_lines(void)
{
    const char *log = write_log(TIME "Create-Session " ID "1" CREATE
                                     "\"a\\\"b\\\\ $(touch /tmp/x) `id` \\x1b[2J%s%n\"" URL);
    const char *output;

    CHECK_INT(report("\"$0\" --json \"$1\"", log, &output), 0);
    check_json(output, "$.users[0].user", "a\\\"b\\\\ $(touch /tmp/x) `id` \\x1b[2J%s%n");
    CHECK_INT(
        report("\"$0\" --user 'a\\\"b\\\\ $(touch /tmp/x) `id` \\x1b[2J%s%n' \"$1\"", log, &output),
        0);
    CHECK_HAS(output, "\nopen                            1 ");
    CHECK_INT(report("awk 'BEGIN { for (i = 0; i < 200000; i++) printf \"xxxxxxxxxx\" }' >\"$1\"; "
                     "\"$0\" \"$1\"",
                     log, &output),
              1);
    CHECK(strlen(output) < 1000);
}

/** 120,000 sessions that never end, in limited memory. */
static void many_sessions(void)
{
    const char *log = write_log("");
    const char *output;

    CHECK_INT(
        report("awk 'BEGIN { for (i = 0; i < 120000; i++) printf \"2026-02-28T%02d:%02d:%02d.000"
               "+0000 ::1 Create-Session %08d-0000-0000-0000-000000000000 -/- receiving created "
               "0x00000000 200 9 \\\"u%d\\\" \\\"BITS_POST /x\\\"\\n\", i / 36000, i / 600 % 60, "
               "i / 10 % 60, i, i }' >\"$1\"; ulimit -v 400000; \"$0\" --json \"$1\"",
               log, &output),
        0);
    check_json(output, "$.sessions", "120000");
    CHECK(strtol(admin_json(output, "$.outcomes.abandoned.sessions"), NULL, 10) >= 70000);
    check_json(output, "$.users[0].user", "(others)");
}

static void usage(void)
{
    const char *output;

    CHECK_INT(report("\"$0\" --help", "", &output), 0);
    CHECK_HAS(output, "Usage: bgupload-report");
    CHECK_INT(report("\"$0\" --bogus", "", &output), 2);
    CHECK_INT(report("\"$0\" --since", "", &output), 2);
    CHECK_INT(report("\"$0\" --since yesterday", "", &output), 2);
    CHECK_HAS(output, "yesterday");
    CHECK_INT(report("\"$0\" \"$1\"", "/none.log", &output), 3);
    CHECK_HAS(output, "cannot read /none.log");
    CHECK_INT(report("\"$0\" </dev/null", "", &output), 0);
    CHECK_STR(output, "no uploads\n");
}

void suite_report(void)
{
    static const suite_test_t tests[] = {
        {"a real log as JSON", real_as_json},
        {"a real log as text", real_as_text},
        {"rates and days", rates},
        {"broken lines", broken_lines},
        {"hostile lines", hostile_lines},
        {"many sessions", many_sessions},
        {"usage", usage},
    };

    SUITE_ADD("report", tests);
}
