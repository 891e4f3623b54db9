/* SPDX-License-Identifier: Apache-2.0 */

#include "crash_client.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/** Most packets of one client: what takes more goes round in circles. */
#define PACKETS_MAX 200

static const char create[] = "Create-Session";
static const char fragment[] = "Fragment";

crash_client_t crash_client(httpd_env_t *env, const crash_plan_t *plan)
{
    return (crash_client_t){.plan = *plan, .env = env, .acknowledged = -1};
}

const char *crash_client_next(const crash_client_t *client)
{
    if (client->id == NULL) {
        return create;
    }
    if (client->acknowledged < client->plan.stop) {
        return fragment;
    }
    return client->plan.end == CRASH_CLOSE ? "Close-Session" : "Cancel-Session";
}

static void send_fragment(crash_client_t *client)
{
    const crash_plan_t *plan = &client->plan;
    long long start = client->acknowledged > 0 ? client->acknowledged : 0;
    long long left = plan->length - start;
    long long now = left < plan->fragment ? left : plan->fragment;
    const char *range = plan->length == 0
                            ? "Content-Range: bytes */0\r\n"
                            : httpd_env_format("Content-Range: bytes %lld-%lld/%lld\r\n", start,
                                               start + now - 1, plan->length);

    wire_send_packet(client->wire, plan->path, fragment, client->id, range, plan->file + start,
                     (size_t)now);
    client->sent = start + now > client->sent ? start + now : client->sent;
}

void crash_client_send(crash_client_t *client)
{
    const char *more = NULL;

    if (client->wire == NULL) {
        client->wire = wire_connect(client->env);
    }
    client->number++;
    client->packet = crash_client_next(client);
    if (client->packet == fragment) {
        send_fragment(client);
        return;
    }
    if (client->packet == create) {
        more = "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n";
    }
    wire_send_packet(client->wire, client->plan.path, client->packet, client->id, more, NULL, 0);
}

static void give_up(crash_client_t *client, const char *why)
{
    CHECK_FAIL("%s: %s, answer %d: %s", client->plan.path, client->packet, client->status, why);
    client->over = 1;
}

/** Take what the server says it has. */
static void note_bytes(crash_client_t *client, const wire_answer_t *answer)
{
    const char *text = wire_header(answer, "BITS-Received-Content-Range");
    long long next = text != NULL ? strtoll(text, NULL, 10) : -1;

    if (next < client->acknowledged) {
        give_up(client, "acknowledged bytes are gone");
    } else if (next > client->sent) {
        give_up(client, "bytes are there that nobody sent");
    } else if (next < 0) {
        give_up(client, "no BITS-Received-Content-Range");
    }
    client->acknowledged = next;
}

/** Whether the server asks to wait for another request of the session: the kernel closes a killed
 * process's connection a moment before it takes its locks back. */
static int is_busy(const wire_answer_t *answer)
{
    const char *code = wire_header(answer, "BITS-Error-Code");

    return answer->status == 503 && code != NULL && strcmp(code, "0x80070020") == 0;
}

static void conclude(crash_client_t *client, const wire_answer_t *answer)
{
    if (is_busy(answer)) {
        return; /* the same packet comes next */
    }
    client->reply = wire_header(answer, "BITS-Reply-URL");
    if (client->packet == fragment && (answer->status == 200 || answer->status == 416)) {
        note_bytes(client, answer);
    } else if (answer->status != 200) {
        give_up(client, wire_header(answer, "BITS-Error-Code"));
    } else if (client->packet == create) {
        client->id = wire_header(answer, "BITS-Session-Id");
    } else {
        client->over = 1;
    }
}

int crash_client_receive(crash_client_t *client)
{
    const wire_answer_t *answer = wire_read(client->wire);

    client->status = answer->status;
    if (answer->status == 0) {
        wire_disconnect(client->wire);
        client->wire = NULL;
    } else {
        conclude(client, answer);
    }
    if (client->number >= PACKETS_MAX && !client->over) {
        give_up(client, "too many packets");
    }
    return answer->status != 0;
}

void crash_client_finish(crash_client_t *client)
{
    while (!client->over) {
        crash_client_send(client);
        if (!crash_client_receive(client)) {
            give_up(client, "no answer of a server that runs");
        }
    }
}
