/* SPDX-License-Identifier: Apache-2.0 */

#include "admin_config.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "../mod_bgupload/bgu_units.h"

/* How deep files may include each other; httpd's own limit is 128. */
#define DEPTH_MAX 128

/* Longest line, with what belongs to it and its variables replaced. Without a limit a Define that
 * is made of itself would double with each line. */
#define LINE_LENGTH_MAX 65536

/* Words of a line that are looked at. */
#define WORDS_MAX 3

/* The reading of a configuration. */
typedef struct reader_t {
    admin_config_t *config;
    const char *root;     /* that relative paths begin at */
    apr_table_t *defines; /* of Define, by name */
    const char *error;    /* what is wrong, NULL: nothing yet */
    int depth;            /* of the file that is being read */
    apr_pool_t *pool;
} reader_t;

/* Where a line stands. */
typedef struct place_t {
    const char *file;
    int line;
    int skipped; /* sections open around it that do not hold, and those in them */
} place_t;

static void read_file(reader_t *reader, const char *file);

static void fault(reader_t *reader, const place_t *place, const char *what, const char *value)
{
    if (reader->error == NULL) {
        reader->error =
            apr_psprintf(reader->pool, "%s line %d: %s %s", place->file, place->line, what, value);
    }
}

static const char *absolute(const reader_t *reader, const char *path)
{
    return *path == '/' ? path : apr_pstrcat(reader->pool, reader->root, "/", path, NULL);
}

/* Replace ${NAME} by what Define or the environment says; unknown names stay, as in httpd. */
static const char *expand(const reader_t *reader, const char *text)
{
    const char *done = "";
    const char *start;

    for (start = strstr(text, "${"); start != NULL; start = strstr(text, "${")) {
        const char *end = strchr(start, '}');
        const char *name, *value;

        if (end == NULL || strlen(done) > LINE_LENGTH_MAX) {
            break;
        }
        name = apr_pstrmemdup(reader->pool, start + 2, (apr_size_t)(end - start - 2));
        value = apr_table_get(reader->defines, name);
        value = value != NULL ? value : getenv(name);
        done = apr_pstrcat(
            reader->pool, done, apr_pstrmemdup(reader->pool, text, (apr_size_t)(start - text)),
            value != NULL ? value : apr_pstrcat(reader->pool, "${", name, "}", NULL), NULL);
        text = end + 1;
    }
    return apr_pstrcat(reader->pool, done, text, NULL);
}

/* Take the next word of a line, with or without quotes, in which a backslash keeps a quote. "" at
 * the end of the line. */
static const char *next_word(char **rest, apr_pool_t *pool)
{
    char *at = *rest + strspn(*rest, " \t");
    char quote = *at == '"' || *at == '\'' ? *at++ : '\0';
    char *word = apr_pstrdup(pool, at);
    char *to = word;

    while (*at != '\0' && (quote ? *at != quote : !apr_isspace(*at))) {
        if (quote && *at == '\\' && (at[1] == quote || at[1] == '\\')) {
            at++;
        }
        *to++ = *at++;
    }
    *to = '\0';
    *rest = *at != '\0' ? at + 1 : at;
    return word;
}

static int may_go_deeper(reader_t *reader, const char *path)
{
    if (reader->depth >= DEPTH_MAX) {
        reader->error = apr_psprintf(reader->pool, "%s: files include each other too deeply", path);
    }
    return reader->depth < DEPTH_MAX;
}

/* Read a file, or all files of a folder. */
static void read_path(reader_t *reader, const char *path)
{
    glob_t found;
    struct stat st;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        read_file(reader, path);
        return;
    }
    if (!may_go_deeper(reader, path)) {
        return;
    }
    if (glob(apr_pstrcat(reader->pool, path, "/*", NULL), 0, NULL, &found) == 0) {
        reader->depth++;
        for (size_t i = 0; i < found.gl_pathc && reader->error == NULL; i++) {
            read_path(reader, found.gl_pathv[i]);
        }
        reader->depth--;
        globfree(&found);
    }
}

static void include(reader_t *reader, const place_t *place, const char *pattern, int optional)
{
    const char *path = absolute(reader, pattern);
    glob_t found;

    switch (glob(path, 0, NULL, &found)) {
    case 0:
        for (size_t i = 0; i < found.gl_pathc && reader->error == NULL; i++) {
            read_path(reader, found.gl_pathv[i]);
        }
        globfree(&found);
        return;
    case GLOB_NOMATCH:
        if (!optional) {
            fault(reader, place, "Include finds no file", path);
        }
        return;
    default:
        fault(reader, place, "cannot look for", path);
    }
}

static void take_store(reader_t *reader, const place_t *place, const char *provider,
                       const char *where)
{
    if (strcmp(provider, "sqlite") != 0) {
        fault(reader, place, "BGUploadStore: only sqlite can be used here, not", provider);
    } else if (*where == '\0') {
        fault(reader, place, "BGUploadStore names no file", "");
    } else {
        reader->config->store = absolute(reader, where);
    }
}

/* Take one directive that has a meaning here. */
static void take_directive(reader_t *reader, const place_t *place, const char *name,
                           const char *const words[WORDS_MAX])
{
    if (strcasecmp(name, "ServerRoot") == 0) {
        reader->root = absolute(reader, words[0]);
    } else if (strcasecmp(name, "Define") == 0) {
        apr_table_set(reader->defines, words[0], words[1]);
    } else if (strcasecmp(name, "UnDefine") == 0) {
        apr_table_unset(reader->defines, words[0]);
    } else if (strcasecmp(name, "Include") == 0) {
        include(reader, place, words[0], 0);
    } else if (strcasecmp(name, "IncludeOptional") == 0) {
        include(reader, place, words[0], 1);
    } else if (strcasecmp(name, "BGUploadStore") == 0) {
        take_store(reader, place, words[0], words[1]);
    } else if (strcasecmp(name, "BGUploadSpool") == 0) {
        APR_ARRAY_PUSH(reader->config->spools, const char *) = absolute(reader, words[0]);
    } else if (strcasecmp(name, "BGUploadTombstone") == 0 &&
               !bgu_interval_parse(&reader->config->tombstone, words[0])) {
        fault(reader, place, "BGUploadTombstone: not a time:", words[0]);
    }
}

/* Whether the section that a line begins holds. */
static int holds(const reader_t *reader, const char *section, const char *condition)
{
    int negated = *condition == '!';
    int is;

    condition += negated;
    if (strcasecmp(section, "<IfDefine") == 0) {
        is = apr_table_get(reader->defines, condition) != NULL;
        return is != negated;
    }
    is = strcasecmp(condition, "bgupload_module") == 0 ||
         strcasecmp(condition, "mod_bgupload.c") == 0;
    return !(is && negated);
}

/* Take a line that begins with <, the begin or the end of a section. */
static void take_section(const reader_t *reader, place_t *place, const char *name, char *rest)
{
    int conditional = strcasecmp(name, "<IfDefine") == 0 || strcasecmp(name, "<IfModule") == 0;
    char *end = strrchr(rest, '>');

    if (strncasecmp(name, "</IfDefine", 10) == 0 || strncasecmp(name, "</IfModule", 10) == 0) {
        place->skipped -= place->skipped > 0;
        return;
    }
    if (end != NULL) {
        *end = '\0';
    }
    if (conditional &&
        (place->skipped > 0 || !holds(reader, name, next_word(&rest, reader->pool)))) {
        place->skipped++;
    }
}

static void take_line(reader_t *reader, place_t *place, const char *line)
{
    char *rest = apr_pstrdup(reader->pool, expand(reader, line));
    const char *words[WORDS_MAX];
    const char *name;

    if (strlen(rest) > LINE_LENGTH_MAX) {
        fault(reader, place, "the line is too long", "");
        return;
    }
    rest += strspn(rest, " \t");
    if (*rest == '#' || *rest == '\0') {
        return;
    }
    name = next_word(&rest, reader->pool);
    if (*name == '<') {
        take_section(reader, place, name, rest);
        return;
    }
    if (place->skipped > 0) {
        return;
    }
    for (int i = 0; i < WORDS_MAX; i++) {
        words[i] = next_word(&rest, reader->pool);
    }
    take_directive(reader, place, name, words);
}

/* Add to a line what belongs to it; of one that is too long only so much that this is seen. */
static void add(apr_array_header_t *whole, const char *text)
{
    while (*text != '\0' && whole->nelts <= LINE_LENGTH_MAX) {
        APR_ARRAY_PUSH(whole, char) = *text++;
    }
}

/* Take a line that is whole, and begin the next. */
static void end_line(reader_t *reader, place_t *place, apr_array_header_t *whole)
{
    APR_ARRAY_PUSH(whole, char) = '\0';
    take_line(reader, place, whole->elts);
    whole->nelts = 0;
}

/* Read the lines of an open file; one that ends with a backslash goes on in the next. */
static void read_lines(reader_t *reader, FILE *in, const char *file)
{
    place_t place = {.file = file};
    apr_array_header_t *whole = apr_array_make(reader->pool, 256, sizeof(char));
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while (reader->error == NULL && (length = getline(&line, &size, in)) >= 0) {
        place.line++;
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) {
            line[--length] = '\0';
        }
        if (length > 0 && line[length - 1] == '\\') {
            line[length - 1] = '\0';
            add(whole, line);
        } else {
            add(whole, line);
            end_line(reader, &place, whole);
        }
    }
    end_line(reader, &place, whole);
    free(line);
}

static void read_file(reader_t *reader, const char *file)
{
    struct stat st;
    FILE *in = fopen(file, "re");

    if (in == NULL || fstat(fileno(in), &st) != 0 || !S_ISREG(st.st_mode)) {
        reader->error = apr_psprintf(reader->pool, "cannot read the configuration %s: %s", file,
                                     in == NULL ? strerror(errno) : "it is no file");
    } else if (may_go_deeper(reader, file)) {
        reader->depth++;
        read_lines(reader, in, file);
        reader->depth--;
    }
    if (in != NULL) {
        (void)fclose(in);
    }
}

const char *admin_config_read(admin_config_t *config, const char *file, apr_pool_t *pool)
{
    const char *slash = strrchr(file, '/');
    reader_t reader = {.config = config, .defines = apr_table_make(pool, 16), .pool = pool};

    /* Where it matters, httpd's built-in root is the folder of its main file (Debian). */
    reader.root = slash != NULL ? apr_pstrmemdup(pool, file, (apr_size_t)(slash - file)) : ".";
    read_file(&reader, file);
    return reader.error;
}
