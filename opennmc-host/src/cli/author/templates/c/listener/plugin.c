/* Writes down each event, with a number that survives restarts. */

#include "opennmc.h"

static const char COUNTER[] = "events";

static uint32_t count;

/* Little-endian, as the store keeps bytes and not numbers. */
static uint32_t load_count(void) {
    opennmc_bytes value;
    if (!opennmc_store_get(opennmc_text(COUNTER), &value) || value.len != 4) return 0;
    return value.ptr[0] | value.ptr[1] << 8 | value.ptr[2] << 16 | (uint32_t)value.ptr[3] << 24;
}

static void keep_count(void) {
    uint8_t bytes[4] = {(uint8_t)count, (uint8_t)(count >> 8), (uint8_t)(count >> 16), (uint8_t)(count >> 24)};
    if (!opennmc_store_set(opennmc_text(COUNTER), (opennmc_bytes){bytes, sizeof bytes}))
        opennmc_log(OPENNMC_WARN, opennmc_text("the counter can't be kept"));
}

bool opennmc_start(opennmc_string config, opennmc_string *error) {
    (void)config;
    (void)error;
    count = load_count();
    return true;
}

void opennmc_stop(void) {}

void opennmc_on_event(const opennmc_event *event) {
    opennmc_line line = {0};
    count++;
    opennmc_line_number(&line, count);
    opennmc_line_text(&line, opennmc_text(": "));
    opennmc_line_text(&line, event->device);
    opennmc_line_text(&line, opennmc_text(" "));
    opennmc_line_text(&line, event->kind);
    opennmc_log(OPENNMC_INFO, opennmc_line_end(&line));
    keep_count();
}
