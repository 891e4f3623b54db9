/* SPDX-License-Identifier: Apache-2.0 */

/* list and show: which sessions there are, and all about one. */

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "admin.h"
#include "admin_print.h"
#include "admin_store.h"
#include "admin_table.h"
#include "text.h"

/* A session that is listed. */
typedef struct entry_t {
    bgu_session_t *session;
    apr_off_t received; /* bytes, -1: none */
    apr_time_t active;
} entry_t;

/* What a walk gathers. */
typedef struct gathering_t {
    const admin_t *admin;
    apr_time_t now;
    apr_array_header_t *entries; /* entry_t */
} gathering_t;

/* Whether a path begins with the text asked for or, with * or ? in it, matches it. */
static int is_at(const char *path, const char *url)
{
    return strpbrk(url, "*?") != NULL ? fnmatch(url, path, 0) == 0
                                      : strncmp(path, url, strlen(url)) == 0;
}

static int is_wanted(const gathering_t *gathering, const bgu_session_t *session)
{
    const admin_t *admin = gathering->admin;
    apr_interval_time_t age = gathering->now - session->created;

    return (admin->states == 0 || (admin->states & 1u << session->state) != 0) &&
           (admin->user == NULL || strcmp(admin->user, session->user) == 0) &&
           (admin->url == NULL || is_at(session->path, admin->url)) &&
           (admin->older_than == ADMIN_UNSET || age > admin->older_than) &&
           (admin->younger_than == ADMIN_UNSET || age <= admin->younger_than);
}

static bgu_session_t *copy_of(const bgu_session_t *session, apr_pool_t *pool)
{
    bgu_session_t *copy = apr_pmemdup(pool, session, sizeof(*session));

    copy->id = apr_pstrdup(pool, session->id);
    copy->user = apr_pstrdup(pool, session->user);
    copy->client = apr_pstrdup(pool, session->client);
    copy->path = apr_pstrdup(pool, session->path);
    copy->query = apr_pstrdup(pool, session->query);
    copy->dest = apr_pstrdup(pool, session->dest);
    copy->spool = apr_pstrdup(pool, session->spool);
    copy->reply.url = apr_pstrdup(pool, session->reply.url);
    return copy;
}

static void gather(void *baton, bgu_session_t *session, apr_pool_t *pool)
{
    gathering_t *gathering = baton;
    entry_t *entry;

    if (is_wanted(gathering, session)) {
        entry = apr_array_push(gathering->entries);
        entry->session = copy_of(session, gathering->entries->pool);
        entry->received = admin_received(session, pool);
        entry->active = admin_last_activity(session, pool);
    }
}

static int compare_numbers(apr_int64_t one, apr_int64_t other)
{
    return (one > other) - (one < other);
}

static int by_id(const void *one, const void *other)
{
    return strcmp(((const entry_t *)one)->session->id, ((const entry_t *)other)->session->id);
}

/* Comparisons for qsort() of one field, by id where it is the same. */
#define BY(name, comparison)                                                                       \
    static int by_##name(const void *one, const void *other)                                       \
    {                                                                                              \
        const entry_t *a = one, *b = other;                                                        \
        int order = (comparison);                                                                  \
        return order != 0 ? order : by_id(one, other);                                             \
    }

BY(age, compare_numbers(b->session->created, a->session->created))
BY(active, compare_numbers(a->active, b->active))
BY(received, compare_numbers(a->received, b->received))
BY(total, compare_numbers(a->session->total, b->session->total))
BY(user, strcmp(a->session->user, b->session->user))
BY(state, compare_numbers(a->session->state, b->session->state))
BY(url, strcmp(a->session->path, b->session->path))

static void sort(const admin_t *admin, apr_array_header_t *entries)
{
    static const struct {
        const char *key;
        int (*compare)(const void *one, const void *other);
    } orders[] = {
        {"id", by_id},       {"age", by_age},   {"active", by_active}, {"received", by_received},
        {"total", by_total}, {"user", by_user}, {"state", by_state},   {"url", by_url}};

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (strcmp(orders[i].key, admin->sort) == 0 && entries->nelts > 1) {
            qsort(entries->elts, (size_t)entries->nelts, sizeof(entry_t), orders[i].compare);
        }
    }
    for (int i = 0, j = entries->nelts - 1; admin->reverse && i < j; i++, j--) {
        entry_t entry = APR_ARRAY_IDX(entries, i, entry_t);

        APR_ARRAY_IDX(entries, i, entry_t) = APR_ARRAY_IDX(entries, j, entry_t);
        APR_ARRAY_IDX(entries, j, entry_t) = entry;
    }
}

/* A number of bytes: exact, or short where there is little room. */
static const char *bytes_text(apr_off_t bytes, const char *none, int brief, apr_pool_t *pool)
{
    char text[5];
    const char *start;

    if (bytes < 0) {
        return none;
    }
    if (!brief) {
        return apr_psprintf(pool, "%" APR_OFF_T_FMT, bytes);
    }
    start = apr_strfsize(bytes, text);
    start += strspn(start, " ");
    return apr_pstrmemdup(pool, start, strcspn(start, " "));
}

/* A length of time in its largest unit. */
static const char *age_text(apr_interval_time_t age, apr_pool_t *pool)
{
    static const struct {
        int seconds;
        char name;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    apr_int64_t seconds = age > 0 ? apr_time_sec(age) : 0;
    size_t u = 0;

    while (units[u].seconds > 1 && seconds < units[u].seconds) {
        u++;
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT "%c", seconds / units[u].seconds, units[u].name);
}

/* A text of a stranger, safe for a terminal. */
static const char *plain(const char *text, apr_pool_t *pool)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);
    const char *copy;

    if (out == NULL) {
        return "?";
    }
    (void)text_plain(out, text);
    copy = fclose(out) == 0 ? apr_pstrdup(pool, result) : "?";
    free(result);
    return copy;
}

static void print_table(const gathering_t *gathering, apr_pool_t *pool)
{
    static const admin_column_t columns[] = {
        {"ID", 0, 0},  {"STATE", 0, 0}, {"RECEIVED/TOTAL", 1, 0},
        {"AGE", 1, 0}, {"USER", 0, 6},  {"PATH", 0, 8},
    };
    const int count = sizeof(columns) / sizeof(columns[0]);
    int width = admin_terminal_width();
    apr_array_header_t *cells =
        apr_array_make(pool, count * (gathering->entries->nelts + 1), sizeof(const char *));

    for (int i = 0; i < gathering->entries->nelts; i++) {
        const entry_t *entry = &APR_ARRAY_IDX(gathering->entries, i, entry_t);
        const bgu_session_t *session = entry->session;
        const char *row[] = {
            session->id,
            bgu_state_name(session->state),
            apr_pstrcat(pool, bytes_text(entry->received, "-", width > 0, pool), "/",
                        bytes_text(session->total, "?", width > 0, pool), NULL),
            age_text(gathering->now - session->created, pool),
            *session->user != '\0' ? plain(session->user, pool) : "-",
            plain(session->path, pool),
        };

        for (int c = 0; c < count; c++) {
            APR_ARRAY_PUSH(cells, const char *) = row[c];
        }
    }
    admin_table_print(columns, count, cells, width);
}

static void print_json(const apr_array_header_t *entries, apr_pool_t *pool)
{
    apr_pool_t *each;

    apr_pool_create(&each, pool);
    (void)fputs("[", stdout);
    for (int i = 0; i < entries->nelts; i++) {
        apr_pool_clear(each);
        (void)fputs(i > 0 ? ",\n" : "\n", stdout);
        admin_print_json(APR_ARRAY_IDX(entries, i, entry_t).session, each);
    }
    (void)fputs("\n]\n", stdout);
    apr_pool_destroy(each);
}

int admin_list(admin_t *admin)
{
    gathering_t gathering = {.admin = admin,
                             .now = apr_time_now(),
                             .entries = apr_array_make(admin->pool, 64, sizeof(entry_t))};
    int code = admin_walk(admin, gather, &gathering);

    if (code == ADMIN_DONE) {
        sort(admin, gathering.entries);
        if (admin->json) {
            print_json(gathering.entries, admin->pool);
        } else {
            print_table(&gathering, admin->pool);
        }
    }
    return code;
}

int admin_show(admin_t *admin)
{
    const bgu_session_t *session = admin_find(admin, admin->args[0]);

    if (session == NULL) {
        return ADMIN_NOT_DONE;
    }
    if (admin->json) {
        admin_print_json(session, admin->pool);
        (void)fputc('\n', stdout);
    } else {
        admin_print_fields(session, admin->pool);
    }
    return ADMIN_DONE;
}
