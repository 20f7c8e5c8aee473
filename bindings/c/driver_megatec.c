/*
 * A native driver for OpenNMC: UPSes that speak the Megatec (Q1) protocol, as many small ones do.
 *
 *     cc -std=c11 -Wall -Wextra -O2 -fPIC -shared -I../../include driver_megatec.c -o megatec.so
 *     install -o root -m 644 megatec.so /usr/lib/opennmc/drivers/
 *     sha256sum /usr/lib/opennmc/drivers/megatec.so
 *
 * The protocol in short: "Q1\r" is answered by one line of seven numbers and eight bits,
 *
 *     (208.4 140.0 208.4 034 59.9 2.05 35.0 00110000\r
 *      input fault output load Hz  V    C   bits
 *
 * and orders are not answered at all. So a test is only called executed when the status tells that it runs.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opennmc_driver.h"

enum {
    POLL_MS = 1000,       /* between two questions */
    ANSWER_MS = 700,      /* an answer takes 0.2 s at 2400 baud; a UPS may think for half a second */
    EFFECT_MS = 5000,     /* a test that has not begun by then will not */
    LINE_LENGTH = 46,     /* from "(" to the last bit */
    LONGEST_LINE = 64,
    DIAGNOSE_AFTER = 5,   /* unanswered questions */
};

/* The bits, from the left. */
enum { UTILITY_FAIL, BATTERY_LOW, BOOST_OR_BUCK, UPS_FAILED, STANDBY_TYPE, TEST_RUNS, SHUTDOWN_RUNS, BEEPER_ON, BITS };

typedef struct driver {
    const opennmc_host *host;
    bool open;
    uint64_t deadline;
    bool asked;              /* a question is out */
    unsigned unanswered;
    char line[LONGEST_LINE]; /* what came of the present line */
    size_t length;
    bool complete;           /* everything was told once since the port was opened */
    uint64_t test_ticket;    /* 0: nobody waits for a test */
    bool test_wanted;        /* it is to begin, or to end */
    uint64_t test_until;
} driver;

static void send_text(driver *self, const char *text)
{
    self->host->transmit(self->host->context, (const uint8_t *)text, strlen(text));
}

static void tell(driver *self, const char *name, const char *value, uint32_t kind)
{
    opennmc_reading reading = {.size = sizeof reading, .name = name, .value = value, .kind = kind};
    self->host->reading(self->host->context, &reading);
}

/* Numbers come with leading zeros: "034" is 34 to a person. */
static void tell_number(driver *self, const char *name, double value, int decimals)
{
    char text[32];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    tell(self, name, text, OPENNMC_KIND_NUMBER);
}

static void tell_status(driver *self, const char *bits)
{
    char status[64];
    snprintf(status, sizeof status, "%s%s%s%s",
             bits[UTILITY_FAIL] == '1' ? "OB DISCHRG" : "OL",
             bits[BATTERY_LOW] == '1' ? " LB" : "",
             bits[UTILITY_FAIL] == '0' && bits[BOOST_OR_BUCK] == '1' && bits[STANDBY_TYPE] == '0' ? " BYPASS" : "",
             bits[UPS_FAILED] == '1' ? " ALARM" : "");
    tell(self, "ups.status", status, OPENNMC_KIND_TEXT);
    tell(self, "ups.beeper.status", bits[BEEPER_ON] == '1' ? "enabled" : "disabled", OPENNMC_KIND_TEXT);
}

/* True when the line is an answer to Q1: form and numbers are all there. */
static bool understand(driver *self, const char *line)
{
    double input, fault, output, load, frequency, battery, temperature;
    char bits[BITS + 1];
    int used = 0;
    if (strlen(line) != LINE_LENGTH
        || sscanf(line, "(%5lf %5lf %5lf %3lf %4lf %4lf %4lf %8[01]%n", &input, &fault, &output, &load,
                  &frequency, &battery, &temperature, bits, &used) != 8
        || used != LINE_LENGTH || strlen(bits) != BITS)
        return false;
    self->host->heard(self->host->context);
    tell_status(self, bits);
    tell_number(self, "input.voltage", input, 1);
    tell_number(self, "input.voltage.fault", fault, 1);
    tell_number(self, "output.voltage", output, 1);
    tell_number(self, "ups.load", load, 0);
    tell_number(self, "input.frequency", frequency, 1);
    tell_number(self, "battery.voltage", battery, 2);
    tell_number(self, "ups.temperature", temperature, 1);
    if (self->test_ticket != 0 && (bits[TEST_RUNS] == '1') == self->test_wanted) {
        uint64_t ticket = self->test_ticket;
        self->test_ticket = 0;
        self->host->done(self->host->context, ticket, OPENNMC_RESULT_EXECUTED, NULL);
    }
    if (!self->complete) {
        static const char *const commands[] = {"beeper.toggle", "shutdown.return", "shutdown.stop",
                                               "test.battery.start.quick", "test.battery.stop"};
        self->host->commands(self->host->context, commands, sizeof commands / sizeof *commands);
        self->host->complete(self->host->context);
        self->complete = true;
    }
    return true;
}

static const char *name(void) { return "megatec"; }

static void *create(const opennmc_host *host, const char *options)
{
    if (strcmp(options, "{}") != 0) {
        host->log(host->context, OPENNMC_LEVEL_ERROR, "megatec takes no options");
        return NULL;
    }
    driver *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->host = host;
        self->deadline = OPENNMC_NEVER;
    }
    return self;
}

static void destroy(void *instance) { free(instance); }

static void handle_open(void *instance, uint64_t now_ms)
{
    driver *self = instance;
    self->open = true;
    self->asked = self->complete = false;
    self->length = 0;
    self->unanswered = 0;
    self->deadline = now_ms;
}

static void handle_close(void *instance, uint64_t now_ms)
{
    driver *self = instance;
    (void)now_ms;
    self->open = false;
    self->test_ticket = 0;
    self->deadline = OPENNMC_NEVER;
}

static void handle_input(void *instance, uint64_t now_ms, const uint8_t *bytes, size_t length)
{
    driver *self = instance;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\r') {
            /* A line that is too long is none: its end is awaited, and it does not fit any more. */
            if (self->length < sizeof self->line - 1)
                self->line[self->length++] = (char)bytes[i];
            continue;
        }
        self->line[self->length] = '\0';
        self->length = 0;
        if (understand(self, self->line) && self->asked) {
            self->asked = false;
            self->unanswered = 0;
            self->deadline = now_ms + POLL_MS;
        }
    }
}

static void handle_timeout(void *instance, uint64_t now_ms)
{
    driver *self = instance;
    if (!self->open || now_ms < self->deadline)
        return;
    if (self->test_ticket != 0 && now_ms >= self->test_until) {
        uint64_t ticket = self->test_ticket;
        self->test_ticket = 0;
        self->host->done(self->host->context, ticket, OPENNMC_RESULT_NO_EFFECT, NULL);
    }
    if (self->asked && ++self->unanswered == DIAGNOSE_AFTER)
        self->host->diagnosis(self->host->context, "nothing on this line answers Q1: is it a Megatec UPS, and is it on?");
    self->length = 0;
    self->asked = true;
    self->deadline = now_ms + ANSWER_MS;
    send_text(self, "Q1\r");
}

static uint64_t deadline(const void *instance) { return ((const driver *)instance)->deadline; }

static uint32_t run(void *instance, uint64_t now_ms, uint64_t ticket, const char *command, const char *argument,
                    uint32_t danger_confirmed)
{
    driver *self = instance;
    bool starts_test = strcmp(command, "test.battery.start.quick") == 0;
    if (!self->open || !self->complete)
        return OPENNMC_RESULT_STALE;
    if (starts_test || strcmp(command, "test.battery.stop") == 0) {
        if (argument != NULL)
            return OPENNMC_RESULT_INVALID;
        if (self->test_ticket != 0)
            return OPENNMC_RESULT_REFUSED;
        self->test_ticket = ticket;
        self->test_wanted = starts_test;
        self->test_until = now_ms + EFFECT_MS;
        send_text(self, starts_test ? "T\r" : "CT\r");
        return OPENNMC_RESULT_PENDING;
    }
    if (strcmp(command, "beeper.toggle") == 0) {
        send_text(self, "Q\r");
        return OPENNMC_RESULT_ACCEPTED;
    }
    if (strcmp(command, "shutdown.stop") == 0) {
        send_text(self, "C\r");
        return OPENNMC_RESULT_ACCEPTED;
    }
    if (strcmp(command, "shutdown.return") == 0) {
        if (!danger_confirmed)
            return OPENNMC_RESULT_UNCONFIRMED;
        /* Off in half a minute, on again one minute after the mains is back. */
        send_text(self, "S.5R0001\r");
        return OPENNMC_RESULT_ACCEPTED;
    }
    return OPENNMC_RESULT_UNSUPPORTED;
}

static uint32_t set(void *instance, uint64_t now_ms, uint64_t ticket, const char *variable, const char *value)
{
    (void)instance, (void)now_ms, (void)ticket, (void)variable, (void)value;
    return OPENNMC_RESULT_UNSUPPORTED;
}

const opennmc_driver *opennmc_driver_entry(void)
{
    static const opennmc_driver driver = {
        .abi = OPENNMC_DRIVER_ABI,
        .size = sizeof driver,
        .name = name,
        .create = create,
        .destroy = destroy,
        .handle_open = handle_open,
        .handle_close = handle_close,
        .handle_input = handle_input,
        .handle_timeout = handle_timeout,
        .deadline = deadline,
        .run = run,
        .set = set,
    };
    return &driver;
}
