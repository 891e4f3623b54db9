/* SPDX-License-Identifier: Apache-2.0 */

/* Cases told as text. */

#include "wire.h"

#include <string.h>

#include <CUnit/TestRun.h>
#include <apr_strings.h>

/** A case's text as it goes over the wire. */
static const char *wire_text(const httpd_env_t *env, const char *text, const char *session)
{
    apr_pool_t *pool = httpd_env_pool();
    const char *result = "";
    char *rest = apr_pstrdup(pool, httpd_env_expand(env, text));
    char *line;
    char *mark;

    /* The last piece is what stands behind the last newline: a body, or nothing. */
    for (line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        mark = strstr(line, "{SESSION}");
        if (mark != NULL) {
            *mark = '\0';
            line = apr_pstrcat(pool, line, session, mark + strlen("{SESSION}"), NULL);
        }
        result = apr_pstrcat(pool, result, line, rest != NULL ? "\r\n" : "", NULL);
    }
    return result;
}

/** Hold an answer to one line of wire_case_t.headers. */
static void check_header(const wire_answer_t *answer, char *line)
{
    char *colon = strstr(line, ": ");

    if (*line == '!') {
        CHECK_STR(wire_header(answer, line + 1), NULL);
        return;
    }
    REQUIRE(colon != NULL);
    *colon = '\0';
    check_str(wire_header(answer, line), colon + 2, line, CHECK_HERE);
}

static void run_case(httpd_env_t *env, const wire_case_t *each)
{
    apr_pool_t *pool = httpd_env_pool();
    wire_t *wire = wire_connect(env);
    wire_t *other = wire_connect(env);
    const char *session = NULL;
    const char *request;
    const wire_answer_t *answer;
    char *rest;
    char *line;

    if (strstr(each->request, "{SESSION}") != NULL) {
        session = wire_create(other, WIRE_CASE_PATH);
    }
    request = wire_text(env, each->request, session);
    wire_send_bytes(wire, request, strlen(request));
    answer = wire_read(wire);
    CHECK_INT(answer->status, each->status);
    rest = apr_pstrdup(pool, each->headers != NULL ? wire_text(env, each->headers, session) : "");
    for (line = apr_strtok(rest, "\r\n", &rest); line != NULL;
         line = apr_strtok(NULL, "\r\n", &rest)) {
        check_header(answer, line);
    }
    wire_after(wire, WIRE_CASE_PATH, each->after);
    wire_disconnect(wire);
    if (session != NULL) {
        CHECK_INT(wire_cancel(other, WIRE_CASE_PATH, session)->status, 200);
    }
    wire_disconnect(other);
}

void wire_run(httpd_env_t *env, const wire_case_t *cases, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        unsigned before = CU_get_number_of_failures();

        run_case(env, &cases[i]);
        if (CU_get_number_of_failures() > before) {
            CHECK_FAIL("... in the case: %s", cases[i].name);
        }
    }
}
