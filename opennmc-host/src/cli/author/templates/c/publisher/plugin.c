/* Counts what happens to the UPSes, and tells the other plugins from time to time, on the bus. */

#define OPENNMC_TIMERS
#include "opennmc.h"

static uint64_t events;
static uint64_t outages;

bool opennmc_start(opennmc_string config, opennmc_string *error) {
    uint64_t every_s = opennmc_number(opennmc_config(config, "every-s"));
    if (!every_s || every_s > 86400) {
        *error = opennmc_text("`every-s` is a number of seconds, at most 86400");
        return false;
    }
    if (!opennmc_timer(every_s * 1000, true)) {
        *error = opennmc_text("there is no timer left");
        return false;
    }
    return true;
}

void opennmc_stop(void) {}

void opennmc_on_event(const opennmc_event *event) {
    events++;
    if (opennmc_equal(event->kind, opennmc_text("ups.on-battery"))) outages++;
}

void opennmc_on_timer(uint64_t timer) {
    opennmc_line counts[2] = {0};
    (void)timer;
    opennmc_line_number(&counts[0], events);
    opennmc_line_number(&counts[1], outages);
    opennmc_field fields[] = {
        {opennmc_text("events"), opennmc_line_end(&counts[0])},
        {opennmc_text("outages"), opennmc_line_end(&counts[1])},
    };
    opennmc_string nobody = {NULL, 0};
    if (!opennmc_publish(opennmc_text("summary"), OPENNMC_SEVERITY_INFO, nobody, (opennmc_fields){fields, 2}))
        opennmc_log(OPENNMC_WARN, opennmc_text("the summary can't be published"));
}
