/* Sends notices to a syslog server: one datagram of RFC 5424 each. */

#define OPENNMC_NO_EVENTS
#define OPENNMC_NOTIFIER
#define OPENNMC_UDP
#include "opennmc.h"

/* Of what the server files it under: a daemon. */
enum { FACILITY = 3 };

static char server_text[254]; /* No host name is longer. */
static opennmc_string server;
static uint16_t port;

bool opennmc_start(opennmc_string config, opennmc_string *error) {
    opennmc_string host = opennmc_config(config, "server");
    uint64_t number = opennmc_number(opennmc_config(config, "port"));
    if (!host.len || host.len > sizeof server_text || !number || number > UINT16_MAX) {
        *error = opennmc_text("`server` is a host name or an address, and `port` a number to 65535");
        return false;
    }
    /* The configuration is gone when this returns. */
    memcpy(server_text, host.ptr, host.len);
    server = (opennmc_string){server_text, host.len};
    port = (uint16_t)number;
    return true;
}

void opennmc_stop(void) {}

static uint64_t priority(opennmc_severity severity) {
    static const uint8_t levels[] = {6, 4, 2}; /* informational, warning, critical */
    return FACILITY * 8 + levels[severity];
}

void opennmc_deliver(uint64_t id, const opennmc_notice *notice, uint64_t at_ms, uint32_t attempt) {
    opennmc_line line = {0};
    (void)at_ms;
    (void)attempt;
    opennmc_line_text(&line, opennmc_text("<"));
    opennmc_line_number(&line, priority(notice->severity));
    /* Without a time: the server writes down when it came. */
    opennmc_line_text(&line, opennmc_text(">1 - - {{name}} - - - "));
    opennmc_line_text(&line, notice->title);
    if (notice->body.len) {
        opennmc_line_text(&line, opennmc_text(": "));
        opennmc_line_text(&line, notice->body);
    }
    for (size_t i = 0; i < line.len; i++)
        if ((uint8_t)line.text[i] < ' ') line.text[i] = ' ';
    opennmc_string text = opennmc_line_end(&line);
    if (opennmc_send_datagram(server, port, (opennmc_bytes){(const uint8_t *)text.ptr, text.len}))
        opennmc_delivered(id);
    else
        opennmc_not_delivered(id, opennmc_text("the datagram was refused: is the server granted?"), true);
}

/* Syslog servers do not answer. */
void opennmc_on_datagram(const opennmc_datagram *datagram) { (void)datagram; }
