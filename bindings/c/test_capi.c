/*
 * Calls every function of apcsmart.h, rightly and wrongly, against a simulated UPS.
 *
 *     test_capi PORT CONTROL
 *
 * PORT and CONTROL are what `apcsmart-sim --pty PORT --control CONTROL` offers. It prints what failed and ends with 1;
 * it is meant to run under valgrind too, and compiles as C11 and C++17.
 */
#include <apcsmart.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tty.h"

/* Longer than anything here takes on a busy machine under valgrind. */
#define PATIENCE_MS 120000

static int failures;

#define CHECK(condition)                                                                             \
    do {                                                                                             \
        if (!(condition)) {                                                                          \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                   \
            failures++;                                                                              \
        }                                                                                            \
    } while (0)

#define GIVES(code, call)                                                                            \
    do {                                                                                             \
        apcsmart_result got_ = (call);                                                               \
        if (got_ != APCSMART_RESULT_##code) {                                                        \
            fprintf(stderr, "%s:%d: %s gave %u (%s), not " #code "\n", __FILE__, __LINE__, #call,      \
                    (unsigned)got_, apcsmart_result_text(got_));                                     \
            failures++;                                                                              \
        }                                                                                            \
    } while (0)

/* ---- the simulated UPS ------------------------------------------------------------------------------------------ */

static const char *control_path;

static void control(const char *line)
{
    struct sockaddr_un address;
    char answer[256];
    int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, control_path, sizeof address.sun_path - 1);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) < 0
        || write(connection, line, strlen(line)) < 0 || write(connection, "\n", 1) < 0
        || read(connection, answer, sizeof answer) <= 0) {
        fprintf(stderr, "the simulator does not take %s: %s\n", line, strerror(errno));
        failures++;
    }
    if (connection >= 0)
        close(connection);
}

/* ---- without a UPS ---------------------------------------------------------------------------------------------- */

static void texts_and_versions(void)
{
    char text[APCSMART_STATUS_TEXT_SIZE];
    char version[32];
    unsigned result;
    snprintf(version, sizeof version, "%d.%d.%d", APCSMART_VERSION_MAJOR, APCSMART_VERSION_MINOR,
             APCSMART_VERSION_PATCH);
    CHECK(strcmp(apcsmart_version(), version) == 0);
    CHECK(apcsmart_abi_version() == APCSMART_ABI_VERSION);
    for (result = 0; result < 300; result++)
        CHECK(apcsmart_result_text(result)[0] != '\0');
    CHECK(strcmp(apcsmart_result_text(UINT32_MAX), apcsmart_result_text(299)) == 0);
    CHECK(strcmp(apcsmart_link_text(APCSMART_LINK_UP), "up") == 0);
    CHECK(strcmp(apcsmart_link_text(77), "unknown") == 0);
    for (result = APCSMART_OUTCOME_NONE; result <= APCSMART_OUTCOME_INTERRUPTED; result++)
        CHECK(apcsmart_outcome_text(result)[0] != '\0' && strstr(apcsmart_outcome_text(result), "not know the") == NULL);
    CHECK(strcmp(apcsmart_outcome_text(APCSMART_OUTCOME_VERIFIED), "written and read back") == 0);
    CHECK(strcmp(apcsmart_outcome_text(UINT32_MAX), apcsmart_outcome_text(result)) == 0);
    CHECK(apcsmart_outcome_is_success(APCSMART_OUTCOME_VERIFIED));
    CHECK(!apcsmart_outcome_is_success(APCSMART_OUTCOME_REFUSED));
    CHECK(!apcsmart_outcome_is_success(APCSMART_OUTCOME_NONE) && !apcsmart_outcome_is_success(1000));
    GIVES(OK, apcsmart_status_text(APCSMART_STATUS_ON_BATTERY | APCSMART_STATUS_LOW_BATTERY, text, sizeof text));
    CHECK(strcmp(text, "OB LB") == 0);
    GIVES(OK, apcsmart_status_text(UINT32_MAX, text, sizeof text));
    GIVES(OK, apcsmart_status_text(0, text, 1));
    GIVES(BUFFER_TOO_SMALL, apcsmart_status_text(APCSMART_STATUS_ON_LINE, text, 2));
    GIVES(NULL_POINTER, apcsmart_status_text(0, NULL, 10));
}

static void null_everywhere(void)
{
    apcsmart_config *config = NULL;
    apcsmart_session *session = NULL;
    apcsmart_output output;
    apcsmart_reading reading;
    apcsmart_command command;
    apcsmart_setting setting;
    apcsmart_quality quality;
    apcsmart_event event;
    apcsmart_link link;
    apcsmart_outcome outcome;
    uint8_t byte = 0;
    size_t count;
    double number;
    uint64_t ticket;
    uint32_t status;
    const char *text;

    apcsmart_config_free(NULL);
    apcsmart_session_free(NULL);
    apcsmart_port_close(NULL);
    CHECK(apcsmart_session_last_refusal(NULL) == NULL);
    CHECK(apcsmart_port_error(NULL)[0] != '\0');

    GIVES(NULL_POINTER, apcsmart_config_new(NULL));
    GIVES(NULL_POINTER, apcsmart_config_set_spacing(NULL, 1));
    GIVES(NULL_POINTER, apcsmart_config_set_cable(NULL, "940-0024C"));
    GIVES(NULL_POINTER, apcsmart_config_set_reconnect(NULL, true));
    GIVES(NULL_POINTER, apcsmart_session_new(NULL, NULL));
    GIVES(NULL_POINTER, apcsmart_session_handle_open(NULL, 0));
    GIVES(NULL_POINTER, apcsmart_session_handle_close(NULL, 0));
    GIVES(NULL_POINTER, apcsmart_session_handle_input(NULL, 0, &byte, 1));
    GIVES(NULL_POINTER, apcsmart_session_handle_timeout(NULL, 0));
    GIVES(NULL_POINTER, apcsmart_session_poll_output(NULL, &byte, 1, &output));
    GIVES(NULL_POINTER, apcsmart_session_link(NULL, &link));
    GIVES(NULL_POINTER, apcsmart_session_status(NULL, &status));
    GIVES(NULL_POINTER, apcsmart_session_last_heard(NULL, &ticket));
    GIVES(NULL_POINTER, apcsmart_session_quality(NULL, &quality));
    GIVES(NULL_POINTER, apcsmart_session_reading_count(NULL, &count));
    GIVES(NULL_POINTER, apcsmart_session_reading_at(NULL, 0, &reading));
    GIVES(NULL_POINTER, apcsmart_session_reading(NULL, "ups.load", &reading));
    GIVES(NULL_POINTER, apcsmart_session_number(NULL, "ups.load", &number));
    GIVES(NULL_POINTER, apcsmart_session_text(NULL, "ups.load", &text));
    GIVES(NULL_POINTER, apcsmart_session_command_count(NULL, &count));
    GIVES(NULL_POINTER, apcsmart_session_command_at(NULL, 0, &command));
    GIVES(NULL_POINTER, apcsmart_session_command(NULL, "load.off", &command));
    GIVES(NULL_POINTER, apcsmart_session_unknown_command_count(NULL, &count));
    GIVES(NULL_POINTER, apcsmart_session_unknown_command_at(NULL, 0, &text));
    GIVES(NULL_POINTER, apcsmart_session_setting_count(NULL, &count));
    GIVES(NULL_POINTER, apcsmart_session_setting_at(NULL, 0, &setting));
    GIVES(NULL_POINTER, apcsmart_session_setting(NULL, "ups.id", &setting));
    GIVES(NULL_POINTER, apcsmart_session_choice_at(NULL, "ups.id", 0, &text));
    GIVES(NULL_POINTER, apcsmart_session_run(NULL, 0, "load.off", NULL, APCSMART_DANGER_NONE, &ticket));
    GIVES(NULL_POINTER, apcsmart_session_set(NULL, 0, "ups.id", "a", &ticket));

    GIVES(OK, apcsmart_config_new(&config));
    GIVES(NULL_POINTER, apcsmart_config_set_cable(config, NULL));
    GIVES(OK, apcsmart_session_new(NULL, &session));
    GIVES(OK, apcsmart_session_handle_input(session, 0, NULL, 0));
    GIVES(NULL_POINTER, apcsmart_session_handle_input(session, 0, NULL, 1));
    GIVES(NULL_POINTER, apcsmart_session_poll_output(session, &byte, 1, NULL));
    GIVES(NULL_POINTER, apcsmart_session_poll_output(session, NULL, 1, &output));
    GIVES(NULL_POINTER, apcsmart_session_link(session, NULL));
    GIVES(NULL_POINTER, apcsmart_session_status(session, NULL));
    GIVES(NULL_POINTER, apcsmart_session_last_heard(session, NULL));
    GIVES(NULL_POINTER, apcsmart_session_quality(session, NULL));
    GIVES(NULL_POINTER, apcsmart_session_reading_count(session, NULL));
    GIVES(NULL_POINTER, apcsmart_session_reading_at(session, 0, NULL));
    GIVES(NULL_POINTER, apcsmart_session_reading(session, NULL, &reading));
    GIVES(NULL_POINTER, apcsmart_session_reading(session, "ups.load", NULL));
    GIVES(NULL_POINTER, apcsmart_session_number(session, NULL, &number));
    GIVES(NULL_POINTER, apcsmart_session_number(session, "ups.load", NULL));
    GIVES(NULL_POINTER, apcsmart_session_text(session, NULL, &text));
    GIVES(NULL_POINTER, apcsmart_session_text(session, "ups.load", NULL));
    GIVES(NULL_POINTER, apcsmart_session_command_count(session, NULL));
    GIVES(NULL_POINTER, apcsmart_session_command_at(session, 0, NULL));
    GIVES(NULL_POINTER, apcsmart_session_command(session, NULL, &command));
    GIVES(NULL_POINTER, apcsmart_session_command(session, "load.off", NULL));
    GIVES(NULL_POINTER, apcsmart_session_unknown_command_count(session, NULL));
    GIVES(NULL_POINTER, apcsmart_session_unknown_command_at(session, 0, NULL));
    GIVES(NULL_POINTER, apcsmart_session_setting_count(session, NULL));
    GIVES(NULL_POINTER, apcsmart_session_setting_at(session, 0, NULL));
    GIVES(NULL_POINTER, apcsmart_session_setting(session, NULL, &setting));
    GIVES(NULL_POINTER, apcsmart_session_setting(session, "ups.id", NULL));
    GIVES(NULL_POINTER, apcsmart_session_choice_at(session, NULL, 0, &text));
    GIVES(NULL_POINTER, apcsmart_session_choice_at(session, "ups.id", 0, NULL));
    GIVES(NULL_POINTER, apcsmart_session_run(session, 0, NULL, NULL, APCSMART_DANGER_NONE, &ticket));
    GIVES(NULL_POINTER, apcsmart_session_run(session, 0, "load.off", NULL, APCSMART_DANGER_NONE, NULL));
    GIVES(NULL_POINTER, apcsmart_session_set(session, 0, NULL, "a", &ticket));
    GIVES(NULL_POINTER, apcsmart_session_set(session, 0, "ups.id", NULL, &ticket));
    GIVES(NULL_POINTER, apcsmart_session_set(session, 0, "ups.id", "a", NULL));
    apcsmart_session_free(session);
    apcsmart_config_free(config);

    GIVES(NULL_POINTER, apcsmart_port_open("/dev/ttyS0", NULL, 0, NULL));
    GIVES(NULL_POINTER, apcsmart_port_wait_ready(NULL, 0));
    GIVES(NULL_POINTER, apcsmart_port_serve(NULL, 0));
    GIVES(NULL_POINTER, apcsmart_port_wait_event(NULL, 0, &event));
    GIVES(NULL_POINTER, apcsmart_port_run(NULL, "load.off", NULL, APCSMART_DANGER_NONE, &outcome));
    GIVES(NULL_POINTER, apcsmart_port_start(NULL, "load.off", NULL, APCSMART_DANGER_NONE, &ticket));
    GIVES(NULL_POINTER, apcsmart_port_set(NULL, "ups.id", "a", &outcome));
    GIVES(NULL_POINTER, apcsmart_port_start_set(NULL, "ups.id", "a", &ticket));
    GIVES(NULL_POINTER, apcsmart_port_interrupt(NULL));
    GIVES(NULL_POINTER, apcsmart_port_reopen(NULL));
    GIVES(NULL_POINTER, apcsmart_port_link(NULL, &link));
    GIVES(NULL_POINTER, apcsmart_port_silence(NULL, &ticket));
    GIVES(NULL_POINTER, apcsmart_port_status(NULL, &status));
    GIVES(NULL_POINTER, apcsmart_port_quality(NULL, &quality));
    GIVES(NULL_POINTER, apcsmart_port_reading_count(NULL, &count));
    GIVES(NULL_POINTER, apcsmart_port_reading_at(NULL, 0, &reading));
    GIVES(NULL_POINTER, apcsmart_port_reading(NULL, "ups.load", &reading));
    GIVES(NULL_POINTER, apcsmart_port_number(NULL, "ups.load", &number));
    GIVES(NULL_POINTER, apcsmart_port_text(NULL, "ups.load", &text));
    GIVES(NULL_POINTER, apcsmart_port_command_count(NULL, &count));
    GIVES(NULL_POINTER, apcsmart_port_command_at(NULL, 0, &command));
    GIVES(NULL_POINTER, apcsmart_port_command(NULL, "load.off", &command));
    GIVES(NULL_POINTER, apcsmart_port_unknown_command_count(NULL, &count));
    GIVES(NULL_POINTER, apcsmart_port_unknown_command_at(NULL, 0, &text));
    GIVES(NULL_POINTER, apcsmart_port_setting_count(NULL, &count));
    GIVES(NULL_POINTER, apcsmart_port_setting_at(NULL, 0, &setting));
    GIVES(NULL_POINTER, apcsmart_port_setting(NULL, "ups.id", &setting));
    GIVES(NULL_POINTER, apcsmart_port_choice_at(NULL, "ups.id", 0, &text));
}

/* Pointers that are not NULL and not what they should be. */
static void handles_of_other_kinds(void)
{
    apcsmart_config *config = NULL;
    apcsmart_session *session = NULL, *made = NULL;
    apcsmart_port *port = NULL, *opened = NULL;
    apcsmart_link link;
    uint64_t room[2] = { 0, 0 };
    void *askew = (char *)room + 1;
    GIVES(OK, apcsmart_config_new(&config));
    GIVES(OK, apcsmart_session_new(config, &session));
    GIVES(NO_SUCH_PORT, apcsmart_port_open("/dev/no-such-port", config, 0, &port));

    GIVES(WRONG_HANDLE, apcsmart_config_set_spacing((apcsmart_config *)(void *)session, 1));
    GIVES(WRONG_HANDLE, apcsmart_config_set_spacing((apcsmart_config *)(void *)port, 1));
    GIVES(WRONG_HANDLE, apcsmart_session_link((apcsmart_session *)(void *)config, &link));
    GIVES(WRONG_HANDLE, apcsmart_session_link((apcsmart_session *)(void *)port, &link));
    GIVES(WRONG_HANDLE, apcsmart_port_link((apcsmart_port *)(void *)config, &link));
    GIVES(WRONG_HANDLE, apcsmart_port_link((apcsmart_port *)(void *)session, &link));
    GIVES(WRONG_HANDLE, apcsmart_port_interrupt((apcsmart_port *)(void *)session));
    GIVES(WRONG_HANDLE, apcsmart_session_new((apcsmart_config *)(void *)session, &made));
    CHECK(made == NULL);
    GIVES(WRONG_HANDLE, apcsmart_port_open("/dev/null", (apcsmart_config *)(void *)session, 0, &opened));
    CHECK(opened != NULL && apcsmart_port_error(opened)[0] != '\0');
    apcsmart_port_close(opened);
    CHECK(apcsmart_session_last_refusal((apcsmart_session *)(void *)config) == NULL);
    CHECK(apcsmart_port_error((apcsmart_port *)(void *)config)[0] != '\0');

    /* What is freed as another kind lives on. */
    apcsmart_session_free((apcsmart_session *)(void *)config);
    apcsmart_port_close((apcsmart_port *)(void *)session);
    apcsmart_config_free((apcsmart_config *)(void *)port);
    GIVES(OK, apcsmart_config_set_spacing(config, 1));
    GIVES(OK, apcsmart_session_link(session, &link));

    GIVES(WRONG_HANDLE, apcsmart_session_link((apcsmart_session *)askew, &link));
    GIVES(WRONG_HANDLE, apcsmart_port_interrupt((apcsmart_port *)askew));
    GIVES(INVALID_ARGUMENT, apcsmart_session_link(session, (apcsmart_link *)askew));
    GIVES(INVALID_ARGUMENT, apcsmart_session_new(NULL, (apcsmart_session **)askew));
    GIVES(INVALID_ARGUMENT, apcsmart_port_open("/dev/null", NULL, 0, (apcsmart_port **)askew));
    CHECK(room[0] == 0 && room[1] == 0);
    apcsmart_session_free((apcsmart_session *)askew);

    apcsmart_port_close(port);
    apcsmart_session_free(session);
    apcsmart_config_free(config);
}

/* Exactly as much as is allowed, and one more. */
static void limits(void)
{
    const size_t most_text = 4096, most_input = (size_t)1 << 20;
    apcsmart_session *session = NULL;
    apcsmart_output output;
    double number;
    uint8_t byte[APCSMART_TRANSMIT_MAX + 1];
    uint8_t *input = (uint8_t *)calloc(1, most_input + 1);
    char *text = (char *)malloc(most_text + 2);
    GIVES(OK, apcsmart_session_new(NULL, &session));
    GIVES(OK, apcsmart_session_handle_open(session, 0));
    memset(text, 'a', most_text + 1);
    text[most_text + 1] = '\0';
    GIVES(TOO_LONG, apcsmart_session_number(session, text, &number));
    text[most_text] = '\0';
    GIVES(NOT_FOUND, apcsmart_session_number(session, text, &number));
    GIVES(TOO_LONG, apcsmart_session_handle_input(session, 0, input, most_input + 1));
    GIVES(OK, apcsmart_session_handle_input(session, 0, input, most_input));
    /* A capacity is a promise, and not a reason to write more than there is. */
    memset(byte, 0x55, sizeof byte);
    do {
        GIVES(OK, apcsmart_session_poll_output(session, byte, SIZE_MAX, &output));
        CHECK(byte[APCSMART_TRANSMIT_MAX] == 0x55);
    } while (output.kind != APCSMART_OUTPUT_TIMEOUT);
    free(input);
    free(text);
    apcsmart_session_free(session);
}

static void nonsense(void)
{
    apcsmart_config *config = NULL;
    apcsmart_session *session = NULL;
    apcsmart_output output;
    apcsmart_link link;
    uint8_t bytes[APCSMART_TRANSMIT_MAX];
    uint64_t ticket = 77, heard = 77;
    uint32_t status = 77;
    double number = 77;
    char *endless = (char *)malloc(5001);

    memset(endless, 'a', 5000);
    endless[5000] = '\0';
    GIVES(OK, apcsmart_config_new(&config));
    GIVES(OK, apcsmart_config_set_spacing(config, 0));
    GIVES(INVALID_ARGUMENT, apcsmart_config_set_spacing(config, 10001));
    GIVES(OK, apcsmart_config_set_cable(config, "940-0095B"));
    GIVES(INVALID_ARGUMENT, apcsmart_config_set_cable(config, "string"));
    GIVES(TOO_LONG, apcsmart_config_set_cable(config, endless));
    GIVES(OK, apcsmart_session_new(config, &session));
    apcsmart_config_free(config);

    GIVES(WRONG_HANDLE, apcsmart_session_handle_open((apcsmart_session *)(void *)endless, 0));
    GIVES(INVALID_ARGUMENT, apcsmart_session_handle_open(session, APCSMART_NEVER));
    GIVES(TOO_LONG, apcsmart_session_handle_input(session, 0, bytes, SIZE_MAX));
    GIVES(TOO_LONG, apcsmart_session_number(session, endless, &number));
    GIVES(INVALID_UTF8, apcsmart_session_number(session, "\xff\xfe", &number));
    GIVES(NOT_FOUND, apcsmart_session_number(session, "ups.load", &number));
    GIVES(NOT_FOUND, apcsmart_session_status(session, &status));
    GIVES(NOT_FOUND, apcsmart_session_last_heard(session, &heard));
    GIVES(INVALID_ARGUMENT, apcsmart_session_run(session, 0, "load.off", NULL, 2, &ticket));
    CHECK(apcsmart_session_last_refusal(session) == NULL);
    GIVES(UNKNOWN_COMMAND, apcsmart_session_run(session, 0, "make.coffee", NULL, APCSMART_DANGER_NONE, &ticket));
    CHECK(strstr(apcsmart_session_last_refusal(session), "make.coffee") != NULL);
    GIVES(UNKNOWN_SETTING, apcsmart_session_set(session, 0, "ups.colour", "red", &ticket));
    CHECK(number == 77 && status == 77 && heard == 77 && ticket == 77);

    /* Nothing to do before a port is open; then it speaks, once there is room. */
    GIVES(OK, apcsmart_session_poll_output(session, bytes, sizeof bytes, &output));
    CHECK(output.kind == APCSMART_OUTPUT_TIMEOUT && output.deadline_ms == APCSMART_NEVER);
    GIVES(OK, apcsmart_session_handle_open(session, 1000));
    output.kind = APCSMART_OUTPUT_EVENT;
    while (output.kind == APCSMART_OUTPUT_EVENT && failures == 0) {
        apcsmart_result result = apcsmart_session_poll_output(session, bytes, 0, &output);
        CHECK(result == APCSMART_RESULT_OK || result == APCSMART_RESULT_BUFFER_TOO_SMALL);
    }
    CHECK(output.kind == APCSMART_OUTPUT_TRANSMIT && output.length > 0);
    GIVES(BUFFER_TOO_SMALL, apcsmart_session_poll_output(session, bytes, 0, &output));
    GIVES(OK, apcsmart_session_poll_output(session, bytes, sizeof bytes, &output));
    CHECK(output.kind == APCSMART_OUTPUT_TRANSMIT && output.length == 1 && bytes[0] == 'Y');
    GIVES(OK, apcsmart_session_link(session, &link));
    CHECK(link == APCSMART_LINK_CONNECTING);
    GIVES(OK, apcsmart_session_handle_close(session, 1001));
    GIVES(OK, apcsmart_session_link(session, &link));
    CHECK(link == APCSMART_LINK_CLOSED);
    apcsmart_session_free(session);
    free(endless);
}

/* ---- a session on a loop of our own ----------------------------------------------------------------------------- */

struct conversation {
    apcsmart_session *session;
    int port;
    uint64_t deadline_ms;
    /* Set by what is waited for. */
    apcsmart_event_kind awaited;
    uint32_t awaited_status;
    bool came;
    /* Every kind that came, a bit for each. */
    uint32_t seen;
    apcsmart_event event;
    char text[256];
};

static void note(struct conversation *talk, const apcsmart_event *event)
{
    CHECK(event->name != NULL && event->text != NULL && event->unit != NULL);
    CHECK(event->reserved[0] == 0 && event->reserved[3] == 0);
    if (event->kind == APCSMART_EVENT_READING)
        CHECK(event->name[0] != '\0' && (isnan(event->number) || event->text[0] != '\0'));
    talk->seen |= 1u << event->kind;
    if (event->kind != talk->awaited || talk->came)
        return;
    if (event->kind == APCSMART_EVENT_STATUS && (event->status & talk->awaited_status) == 0)
        return;
    talk->came = true;
    talk->event = *event;
    snprintf(talk->text, sizeof talk->text, "%s", event->text);
}

static void drain(struct conversation *talk)
{
    uint8_t bytes[APCSMART_TRANSMIT_MAX];
    apcsmart_output output;
    for (;;) {
        GIVES(OK, apcsmart_session_poll_output(talk->session, bytes, sizeof bytes, &output));
        if (output.kind == APCSMART_OUTPUT_TRANSMIT) {
            CHECK(tty_write(talk->port, bytes, output.length) == 0);
        } else if (output.kind == APCSMART_OUTPUT_EVENT) {
            note(talk, &output.event);
        } else {
            talk->deadline_ms = output.deadline_ms;
            return;
        }
    }
}

static bool await(struct conversation *talk, apcsmart_event_kind kind, uint32_t status)
{
    uint64_t begin = clock_ms();
    talk->awaited = kind;
    talk->awaited_status = status;
    talk->came = false;
    drain(talk);
    while (!talk->came && clock_ms() - begin < PATIENCE_MS) {
        uint8_t bytes[256];
        struct pollfd port = { talk->port, POLLIN, 0 };
        uint64_t now = clock_ms();
        uint64_t wait = talk->deadline_ms > now ? talk->deadline_ms - now : 0;
        if (poll(&port, 1, wait > 1000 ? 1000 : (int)wait) > 0) {
            ssize_t length = read(talk->port, bytes, sizeof bytes);
            if (length > 0)
                GIVES(OK, apcsmart_session_handle_input(talk->session, clock_ms(), bytes, (size_t)length));
        }
        GIVES(OK, apcsmart_session_handle_timeout(talk->session, clock_ms()));
        drain(talk);
    }
    if (!talk->came) {
        fprintf(stderr, "event %u never came\n", (unsigned)kind);
        failures++;
    }
    return talk->came;
}

static void look_around(const apcsmart_session *session)
{
    size_t count = 0, place, choices = 0, numbers = 0;
    apcsmart_reading reading, same;
    apcsmart_command command;
    apcsmart_setting setting;
    apcsmart_quality quality;
    uint64_t heard = 0;
    uint32_t status = 0;
    double charge = -1;
    const char *text = NULL, *again = NULL;

    GIVES(OK, apcsmart_session_reading_count(session, &count));
    CHECK(count > 20);
    for (place = 0; place < count; place++) {
        GIVES(OK, apcsmart_session_reading_at(session, place, &reading));
        GIVES(OK, apcsmart_session_reading(session, reading.name, &same));
        CHECK(same.name == reading.name && same.text == reading.text && same.unit == reading.unit);
        CHECK(reading.is_number == !isnan(reading.number));
        CHECK(reading.is_number || reading.unit[0] == '\0');
        numbers += reading.is_number;
        if (reading.is_number)
            CHECK(fabs(strtod(reading.text, NULL) - reading.number) < 1e-9);
    }
    CHECK(numbers > 5);
    GIVES(NOT_FOUND, apcsmart_session_reading_at(session, count, &reading));
    GIVES(NOT_FOUND, apcsmart_session_reading(session, "ups.colour", &reading));
    GIVES(OK, apcsmart_session_number(session, "battery.charge", &charge));
    CHECK(charge > 0 && charge <= 100);
    GIVES(OK, apcsmart_session_reading(session, "battery.charge", &reading));
    CHECK(strcmp(reading.unit, "%") == 0);
    GIVES(NOT_A_NUMBER, apcsmart_session_number(session, "ups.model", &charge));
    GIVES(OK, apcsmart_session_text(session, "ups.model", &text));
    GIVES(OK, apcsmart_session_text(session, "ups.model", &again));
    CHECK(text == again && strstr(text, "UPS") != NULL);
    GIVES(OK, apcsmart_session_text(session, "ups.status", &text));
    GIVES(OK, apcsmart_session_status(session, &status));
    CHECK((status & APCSMART_STATUS_ON_LINE) != 0 && strstr(text, "OL") != NULL);

    GIVES(OK, apcsmart_session_command_count(session, &count));
    CHECK(count > 5);
    for (place = 0; place < count; place++) {
        apcsmart_command named;
        GIVES(OK, apcsmart_session_command_at(session, place, &command));
        GIVES(OK, apcsmart_session_command(session, command.name, &named));
        CHECK(named.name == command.name && command.meaning[0] != '\0');
    }
    GIVES(NOT_FOUND, apcsmart_session_command_at(session, count, &command));
    GIVES(OK, apcsmart_session_command(session, "LOAD.OFF", &command));
    CHECK(command.danger == APCSMART_DANGER_CONFIRMED);
    GIVES(NOT_FOUND, apcsmart_session_command(session, "make.coffee", &command));
    GIVES(OK, apcsmart_session_unknown_command_count(session, &count));
    CHECK(count == 1);
    GIVES(OK, apcsmart_session_unknown_command_at(session, 0, &text));
    GIVES(OK, apcsmart_session_unknown_command_at(session, 0, &again));
    CHECK(text == again && strcmp(text, ")") == 0);
    GIVES(NOT_FOUND, apcsmart_session_unknown_command_at(session, count, &text));
    GIVES(NOT_FOUND, apcsmart_session_unknown_command_at(session, SIZE_MAX, &text));

    GIVES(OK, apcsmart_session_setting_count(session, &count));
    CHECK(count > 3);
    for (place = 0; place < count; place++) {
        size_t choice;
        GIVES(OK, apcsmart_session_setting_at(session, place, &setting));
        CHECK(setting.writable != APCSMART_WRITABLE_NO);
        CHECK((setting.writable == APCSMART_WRITABLE_TEXT) == (setting.text_max > 0));
        for (choice = 0; choice < setting.choice_count; choice++)
            GIVES(OK, apcsmart_session_choice_at(session, setting.name, choice, &text));
        GIVES(NOT_FOUND, apcsmart_session_choice_at(session, setting.name, setting.choice_count, &text));
        choices += setting.choice_count;
    }
    CHECK(choices > 5);
    GIVES(NOT_FOUND, apcsmart_session_setting_at(session, count, &setting));
    GIVES(OK, apcsmart_session_setting(session, "ups.model", &setting));
    CHECK(setting.writable == APCSMART_WRITABLE_NO);
    GIVES(OK, apcsmart_session_setting(session, "ups.id", &setting));
    CHECK(setting.writable == APCSMART_WRITABLE_TEXT && setting.text_max == 8);
    GIVES(NOT_FOUND, apcsmart_session_setting(session, "ups.colour", &setting));

    GIVES(OK, apcsmart_session_quality(session, &quality));
    CHECK(quality.sent > 20 && quality.answered > 20 && quality.eeprom_writes == 0);
    CHECK(quality.reserved[0] == 0 && quality.reserved[4] == 0);
    CHECK(sizeof quality == 16 * sizeof(uint64_t));
    GIVES(OK, apcsmart_session_last_heard(session, &heard));
    CHECK(heard > 0 && heard <= clock_ms());
}

static void give_orders(struct conversation *talk)
{
    uint64_t first = 0, second = 0;
    const char *text = NULL;
    GIVES(NEEDS_CONFIRMATION, apcsmart_session_run(talk->session, clock_ms(), "load.off", NULL, APCSMART_DANGER_NONE, &first));
    CHECK(strstr(apcsmart_session_last_refusal(talk->session), "load.off") != NULL);
    GIVES(INVALID_COMMAND_ARGUMENT, apcsmart_session_run(talk->session, clock_ms(), "shutdown.return", "soon", APCSMART_DANGER_CONFIRMED, &first));
    GIVES(INVALID_COMMAND_ARGUMENT, apcsmart_session_run(talk->session, clock_ms(), "test.panel.start", "1", APCSMART_DANGER_NONE, &first));
    GIVES(READ_ONLY, apcsmart_session_set(talk->session, clock_ms(), "ups.model", "Toaster", &first));
    GIVES(INVALID_VALUE, apcsmart_session_set(talk->session, clock_ms(), "ups.id", "nine chars", &first));
    GIVES(INVALID_UTF8, apcsmart_session_set(talk->session, clock_ms(), "ups.id", "\xc3", &first));

    GIVES(OK, apcsmart_session_run(talk->session, clock_ms(), "test.panel.start", NULL, APCSMART_DANGER_NONE, &first));
    CHECK(first != 0 && apcsmart_session_last_refusal(talk->session) == NULL);
    GIVES(BUSY, apcsmart_session_set(talk->session, clock_ms(), "ups.id", "rack-c", &second));
    if (await(talk, APCSMART_EVENT_DONE, 0))
        CHECK(talk->event.ticket == first && apcsmart_outcome_is_success(talk->event.outcome) && talk->text[0] != '\0');

    GIVES(OK, apcsmart_session_set(talk->session, clock_ms(), "ups.id", "rack-b", &first));
    await(talk, APCSMART_EVENT_DONE, 0);
    GIVES(OK, apcsmart_session_set(talk->session, clock_ms(), "ups.id", "rack-c", &second));
    CHECK(second > first);
    if (await(talk, APCSMART_EVENT_DONE, 0))
        CHECK(talk->event.ticket == second && talk->event.outcome == APCSMART_OUTCOME_VERIFIED);
    while (apcsmart_session_text(talk->session, "ups.id", &text) == APCSMART_RESULT_OK && strcmp(text, "rack-c") != 0)
        if (!await(talk, APCSMART_EVENT_READING, 0))
            break;
    CHECK(text != NULL && strcmp(text, "rack-c") == 0);
}

static void session_on_a_loop(const char *path)
{
    struct conversation talk;
    apcsmart_link link;
    memset(&talk, 0, sizeof talk);
    talk.port = tty_open(path);
    if (talk.port < 0) {
        perror(path);
        failures++;
        return;
    }
    GIVES(OK, apcsmart_session_new(NULL, &talk.session));
    GIVES(OK, apcsmart_session_handle_open(talk.session, clock_ms()));
    if (await(&talk, APCSMART_EVENT_SCAN_COMPLETE, 0)) {
        if ((talk.seen & 1u << APCSMART_EVENT_DISCOVERED) == 0)
            await(&talk, APCSMART_EVENT_DISCOVERED, 0);
        CHECK((talk.seen & 1u << APCSMART_EVENT_STATUS) != 0);
        look_around(talk.session);
        give_orders(&talk);
        control("line off");
        if (await(&talk, APCSMART_EVENT_STATUS, APCSMART_STATUS_ON_BATTERY))
            CHECK(strstr(talk.text, "OB") != NULL);
        control("line on");
        await(&talk, APCSMART_EVENT_STATUS, APCSMART_STATUS_ON_LINE);
    }
    GIVES(OK, apcsmart_session_handle_close(talk.session, clock_ms()));
    talk.awaited = APCSMART_EVENT_LINK;
    talk.came = false;
    drain(&talk);
    CHECK(talk.came && talk.event.link == APCSMART_LINK_CLOSED && strcmp(talk.text, "closed") == 0);
    GIVES(OK, apcsmart_session_link(talk.session, &link));
    CHECK(link == APCSMART_LINK_CLOSED);
    apcsmart_session_free(talk.session);
    tty_close(talk.port);
}

/* ---- the blocking port ------------------------------------------------------------------------------------------ */

static void port_that_can_not_be_opened(void)
{
    apcsmart_port *port = NULL;
    apcsmart_event event;
    apcsmart_reading reading;
    apcsmart_outcome outcome = APCSMART_OUTCOME_NONE;
    uint64_t ticket;
    const char *told;
    GIVES(NO_SUCH_PORT, apcsmart_port_open("/dev/no-such-port", NULL, 1000, &port));
    CHECK(port != NULL && strstr(apcsmart_port_error(port), "/dev/no-such-port") != NULL);
    GIVES(NOT_OPEN, apcsmart_port_wait_ready(port, 0));
    GIVES(NOT_OPEN, apcsmart_port_wait_event(port, 0, &event));
    GIVES(NOT_OPEN, apcsmart_port_reading(port, "ups.load", &reading));
    GIVES(NOT_OPEN, apcsmart_port_run(port, "load.off", NULL, APCSMART_DANGER_NONE, &outcome));
    GIVES(NOT_OPEN, apcsmart_port_start(port, "load.off", NULL, APCSMART_DANGER_NONE, &ticket));
    GIVES(NOT_OPEN, apcsmart_port_silence(port, &ticket));
    GIVES(NOT_OPEN, apcsmart_port_start_set(port, "ups.id", "a", &ticket));
    GIVES(NOT_OPEN, apcsmart_port_interrupt(port));
    GIVES(NOT_OPEN, apcsmart_port_reopen(port));
    told = apcsmart_port_error(port);
    CHECK(strstr(told, "/dev/no-such-port") != NULL && told == apcsmart_port_error(port));
    apcsmart_port_close(port);
    GIVES(INVALID_ADDRESS, apcsmart_port_open("udp://somewhere", NULL, 0, &port));
    apcsmart_port_close(port);
    GIVES(NOT_A_PORT, apcsmart_port_open("/dev/null", NULL, 0, &port));
    apcsmart_port_close(port);
    GIVES(NULL_POINTER, apcsmart_port_open(NULL, NULL, 0, &port));
    CHECK(port != NULL && apcsmart_port_error(port)[0] != '\0');
    apcsmart_port_close(port);
    GIVES(INVALID_UTF8, apcsmart_port_open("\xff", NULL, 0, &port));
    apcsmart_port_close(port);
}

static void *serve(void *port)
{
    apcsmart_port_serve((apcsmart_port *)port, 3000);
    return NULL;
}

static void two_threads_on_one_port(apcsmart_port *port)
{
    pthread_t thread;
    apcsmart_result result = APCSMART_RESULT_OK;
    uint64_t begin = clock_ms();
    uint32_t status;
    CHECK(pthread_create(&thread, NULL, serve, port) == 0);
    while (result != APCSMART_RESULT_HANDLE_IN_USE && clock_ms() - begin < PATIENCE_MS) {
        result = apcsmart_port_status(port, &status);
        CHECK(result == APCSMART_RESULT_OK || result == APCSMART_RESULT_HANDLE_IN_USE);
        if (result == APCSMART_RESULT_OK)
            poll(NULL, 0, 1);
    }
    CHECK(result == APCSMART_RESULT_HANDLE_IN_USE);
    CHECK(apcsmart_port_error(port)[0] != '\0');
    CHECK(pthread_join(thread, NULL) == 0);
    GIVES(OK, apcsmart_port_status(port, &status));
}

/* Waits for the end of an order. */
static void next_done(apcsmart_port *port, apcsmart_event *event)
{
    uint64_t begin = clock_ms();
    memset(event, 0, sizeof *event);
    while (event->kind != APCSMART_EVENT_DONE && clock_ms() - begin < PATIENCE_MS)
        apcsmart_port_wait_event(port, 1000, event);
    CHECK(event->kind == APCSMART_EVENT_DONE);
}

/* ---- ending a wait ---------------------------------------------------------------------------------------------- */

struct waiter {
    apcsmart_port *port;
    apcsmart_result result;
};

static void *wait_without_end(void *data)
{
    struct waiter *waiter = (struct waiter *)data;
    waiter->result = apcsmart_port_serve(waiter->port, APCSMART_NEVER);
    return NULL;
}

static void until_in_use(const apcsmart_port *port)
{
    uint64_t begin = clock_ms();
    apcsmart_link link;
    while (apcsmart_port_link(port, &link) != APCSMART_RESULT_HANDLE_IN_USE && clock_ms() - begin < PATIENCE_MS)
        poll(NULL, 0, 1);
}

static void interrupt_from_another_thread(apcsmart_port *port)
{
    struct waiter waiter = { port, APCSMART_RESULT_OK };
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wait_without_end, &waiter) == 0);
    until_in_use(port);
    apcsmart_port_close(port); /* is left alone, and not freed under the other thread */
    GIVES(HANDLE_IN_USE, apcsmart_port_serve(port, 0));
    GIVES(OK, apcsmart_port_interrupt(port));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(waiter.result == APCSMART_RESULT_INTERRUPTED);
    CHECK(strstr(apcsmart_port_error(port), "interrupted") != NULL);

    /* Nothing waits: the next wait ends, and only that one. */
    GIVES(OK, apcsmart_port_interrupt(port));
    GIVES(OK, apcsmart_port_interrupt(port));
    GIVES(INTERRUPTED, apcsmart_port_serve(port, APCSMART_NEVER));
    GIVES(OK, apcsmart_port_serve(port, 1));
    CHECK(apcsmart_port_error(port)[0] == '\0');
}

/* What the handlers below use. */
static apcsmart_port *volatile handled_port;
static volatile sig_atomic_t signals;

static void on_signal_interrupt(int number)
{
    (void)number;
    apcsmart_port_interrupt(handled_port);
}

static void on_signal_count(int number)
{
    (void)number;
    signals++;
}

/* Without SA_RESTART: every call of the system that waits comes back with EINTR. */
static void handle_alarm(void (*handler)(int), suseconds_t every_us)
{
    struct itimerval timer;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    memset(&timer, 0, sizeof timer);
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    timer.it_value.tv_usec = timer.it_interval.tv_usec = every_us;
    if (every_us > 0)
        CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void interrupt_from_a_signal_handler(apcsmart_port *port)
{
    apcsmart_event event;
    apcsmart_outcome outcome;
    apcsmart_result result;
    do
        result = apcsmart_port_wait_event(port, 0, &event);
    while (result == APCSMART_RESULT_OK);
    GIVES(TIMED_OUT, apcsmart_port_wait_event(port, 0, &event));
    handled_port = port;
    handle_alarm(on_signal_interrupt, 50000);
    do /* readings may come first */
        result = apcsmart_port_wait_event(port, APCSMART_NEVER, &event);
    while (result == APCSMART_RESULT_OK);
    CHECK(result == APCSMART_RESULT_INTERRUPTED);
    GIVES(INTERRUPTED, apcsmart_port_set(port, "ups.id", "rack-g", &outcome));
    CHECK(outcome == APCSMART_OUTCOME_NONE);
    GIVES(INTERRUPTED, apcsmart_port_serve(port, APCSMART_NEVER));
    handle_alarm(on_signal_interrupt, 0);
    /* The order goes on, and its end is told. One interruption may be left over. */
    next_done(port, &event);
    CHECK(event.kind == APCSMART_EVENT_DONE);
    GIVES(OK, apcsmart_port_wait_ready(port, PATIENCE_MS));
}

static void a_storm_of_signals(const char *path)
{
    apcsmart_port *port = NULL;
    apcsmart_quality quality;
    signals = 0;
    handle_alarm(on_signal_count, 3000);
    GIVES(OK, apcsmart_port_open(path, NULL, PATIENCE_MS, &port));
    GIVES(OK, apcsmart_port_serve(port, 2000));
    handle_alarm(on_signal_count, 0);
    CHECK(signals > 100);
    GIVES(OK, apcsmart_port_quality(port, &quality));
    /* A byte that was lost or read twice shows as one of these. */
    CHECK(quality.mismatches == 0 && quality.timeouts == 0 && quality.unsolicited == 0);
    CHECK(quality.resyncs == 1); /* the one that begins every conversation */
    CHECK(quality.answered > 20);
    apcsmart_port_close(port);
}

static void a_child_after_a_fork(apcsmart_port *port, const char *path)
{
    apcsmart_port *second = NULL;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        apcsmart_outcome outcome;
        apcsmart_event event;
        uint64_t ticket;
        failures = 0;
        GIVES(OTHER_PROCESS, apcsmart_port_serve(port, 1000));
        GIVES(OTHER_PROCESS, apcsmart_port_set(port, "ups.id", "child", &outcome));
        GIVES(OTHER_PROCESS, apcsmart_port_start_set(port, "ups.id", "child", &ticket));
        GIVES(OTHER_PROCESS, apcsmart_port_reopen(port));
        while (apcsmart_port_wait_event(port, 1000, &event) == APCSMART_RESULT_OK)
            ; /* those that came before the fork */
        GIVES(OTHER_PROCESS, apcsmart_port_wait_event(port, 1000, &event));
        CHECK(strstr(apcsmart_port_error(port), "belongs to the process") != NULL);
        apcsmart_port_close(port);
        _exit(failures);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* The child's end did not give the port to others. */
    GIVES(PORT_IN_USE, apcsmart_port_open(path, NULL, 0, &second));
    apcsmart_port_close(second);
    GIVES(OK, apcsmart_port_serve(port, 100));
}

/* Every number of descriptors that may be left: no crash, no leak, and a sentence. */
static void no_descriptors_left(const char *path)
{
    struct rlimit before, limit;
    apcsmart_port *port = NULL;
    apcsmart_result result = APCSMART_RESULT_CANNOT_OPEN;
    int next = dup(0);
    rlim_t spare;
    CHECK(next >= 0 && close(next) == 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
    for (spare = 0; result != APCSMART_RESULT_OK && spare < 16; spare++) {
        limit = before;
        limit.rlim_cur = (rlim_t)next + spare;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        result = apcsmart_port_open(path, NULL, 0, &port);
        CHECK(result == APCSMART_RESULT_OK || result == APCSMART_RESULT_CANNOT_OPEN);
        CHECK(port != NULL && (result == APCSMART_RESULT_OK) == (apcsmart_port_error(port)[0] == '\0'));
        apcsmart_port_close(port);
        CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    }
    CHECK(result == APCSMART_RESULT_OK && spare > 1);
    CHECK(dup(0) == next && close(next) == 0);
}

static bool next_status(apcsmart_port *port, uint32_t wanted)
{
    uint64_t begin = clock_ms();
    apcsmart_event event;
    while (clock_ms() - begin < PATIENCE_MS) {
        apcsmart_result result = apcsmart_port_wait_event(port, 1000, &event);
        CHECK(result == APCSMART_RESULT_OK || result == APCSMART_RESULT_TIMED_OUT);
        if (result == APCSMART_RESULT_TIMED_OUT)
            CHECK(event.kind == APCSMART_EVENT_NONE);
        if (result == APCSMART_RESULT_OK && event.kind == APCSMART_EVENT_STATUS && (event.status & wanted) != 0)
            return true;
    }
    return false;
}

/* The self test that was ordered runs on battery for a while. */
static void on_line_again(apcsmart_port *port)
{
    uint64_t begin = clock_ms();
    uint32_t status = 0;
    while ((status & APCSMART_STATUS_ON_LINE) == 0 && clock_ms() - begin < PATIENCE_MS) {
        GIVES(OK, apcsmart_port_serve(port, 100));
        GIVES(OK, apcsmart_port_status(port, &status));
    }
    CHECK((status & APCSMART_STATUS_ON_LINE) != 0);
}

static void port_reads(apcsmart_port *port)
{
    size_t count = 0, place;
    apcsmart_reading reading;
    apcsmart_command command;
    apcsmart_setting setting;
    apcsmart_quality quality;
    apcsmart_link link;
    double charge = -1;
    uint64_t silence = 0;
    uint32_t status = 0;
    const char *text = NULL;
    CHECK(apcsmart_port_error(port)[0] == '\0');
    GIVES(OK, apcsmart_port_number(port, "battery.charge", &charge));
    CHECK(charge > 0 && charge <= 100);
    GIVES(NOT_A_NUMBER, apcsmart_port_number(port, "ups.model", &charge));
    GIVES(NOT_FOUND, apcsmart_port_number(port, "ups.colour", &charge));
    GIVES(OK, apcsmart_port_text(port, "ups.model", &text));
    CHECK(strstr(text, "UPS") != NULL);
    GIVES(OK, apcsmart_port_reading(port, "ups.load", &reading));
    CHECK(reading.is_number);
    GIVES(OK, apcsmart_port_reading_count(port, &count));
    for (place = 0; place < count; place++)
        GIVES(OK, apcsmart_port_reading_at(port, place, &reading));
    GIVES(NOT_FOUND, apcsmart_port_reading_at(port, count, &reading));
    GIVES(OK, apcsmart_port_command_count(port, &count));
    GIVES(OK, apcsmart_port_command_at(port, count - 1, &command));
    GIVES(OK, apcsmart_port_command(port, "test.panel.start", &command));
    CHECK(command.danger == APCSMART_DANGER_NONE);
    GIVES(OK, apcsmart_port_unknown_command_count(port, &count));
    CHECK(count == 1);
    GIVES(OK, apcsmart_port_unknown_command_at(port, 0, &text));
    CHECK(strcmp(text, ")") == 0);
    GIVES(NOT_FOUND, apcsmart_port_unknown_command_at(port, count, &text));
    GIVES(OK, apcsmart_port_setting_count(port, &count));
    GIVES(OK, apcsmart_port_setting_at(port, 0, &setting));
    GIVES(OK, apcsmart_port_setting(port, "ups.delay.shutdown", &setting));
    CHECK(setting.writable == APCSMART_WRITABLE_CHOICE && setting.choice_count > 1 && strcmp(setting.unit, "s") == 0);
    GIVES(OK, apcsmart_port_choice_at(port, "ups.delay.shutdown", 0, &text));
    GIVES(OK, apcsmart_port_quality(port, &quality));
    CHECK(quality.answered > 20);
    GIVES(OK, apcsmart_port_link(port, &link));
    CHECK(link == APCSMART_LINK_UP);
    GIVES(OK, apcsmart_port_silence(port, &silence));
    CHECK(silence < PATIENCE_MS);
    GIVES(OK, apcsmart_port_status(port, &status));
    CHECK((status & APCSMART_STATUS_ON_LINE) != 0);
}

static void port_orders(apcsmart_port *port)
{
    apcsmart_outcome outcome = APCSMART_OUTCOME_INTERRUPTED;
    apcsmart_reading reading;
    apcsmart_setting setting;
    apcsmart_event event;
    apcsmart_quality quality;
    const char *choice = NULL;
    char wanted[64];
    uint64_t ticket = 0, other = 0, before;
    size_t place;

    GIVES(NEEDS_CONFIRMATION, apcsmart_port_run(port, "load.off", NULL, APCSMART_DANGER_NONE, &outcome));
    CHECK(outcome == APCSMART_OUTCOME_NONE && strstr(apcsmart_port_error(port), "load.off") != NULL);
    GIVES(UNKNOWN_COMMAND, apcsmart_port_run(port, "make.coffee", NULL, APCSMART_DANGER_NONE, &outcome));
    GIVES(INVALID_ARGUMENT, apcsmart_port_run(port, "load.off", NULL, 7, &outcome));
    GIVES(NULL_POINTER, apcsmart_port_run(port, NULL, NULL, APCSMART_DANGER_NONE, &outcome));
    GIVES(NULL_POINTER, apcsmart_port_run(port, "load.off", NULL, APCSMART_DANGER_NONE, NULL));
    GIVES(NULL_POINTER, apcsmart_port_start(port, "load.off", NULL, APCSMART_DANGER_NONE, NULL));
    GIVES(OK, apcsmart_port_run(port, "test.panel.start", NULL, APCSMART_DANGER_NONE, &outcome));
    CHECK(apcsmart_outcome_is_success(outcome) && apcsmart_port_error(port)[0] == '\0');

    GIVES(READ_ONLY, apcsmart_port_set(port, "ups.model", "Toaster", &outcome));
    GIVES(INVALID_VALUE, apcsmart_port_set(port, "ups.delay.shutdown", "7", &outcome));
    GIVES(OK, apcsmart_port_set(port, "ups.id", "rack-d", &outcome));
    CHECK(outcome == APCSMART_OUTCOME_VERIFIED);
    GIVES(OK, apcsmart_port_set(port, "ups.id", "rack-d", &outcome));
    CHECK(outcome == APCSMART_OUTCOME_UNCHANGED);
    GIVES(OK, apcsmart_port_reading(port, "ups.delay.shutdown", &reading));
    GIVES(OK, apcsmart_port_setting(port, "ups.delay.shutdown", &setting));
    for (place = 0; place < setting.choice_count; place++) {
        GIVES(OK, apcsmart_port_choice_at(port, "ups.delay.shutdown", place, &choice));
        if (strcmp(choice, reading.text) != 0)
            break;
    }
    snprintf(wanted, sizeof wanted, "%s", choice);
    GIVES(OK, apcsmart_port_set(port, "ups.delay.shutdown", wanted, &outcome));
    CHECK(outcome == APCSMART_OUTCOME_VERIFIED);

    GIVES(OK, apcsmart_port_start(port, "test.battery.start", NULL, APCSMART_DANGER_CONFIRMED, &ticket));
    next_done(port, &event);
    CHECK(event.ticket == ticket && apcsmart_outcome_is_success(event.outcome));

    GIVES(OK, apcsmart_port_quality(port, &quality));
    before = quality.eeprom_writes;
    CHECK(before > 0);
    GIVES(NULL_POINTER, apcsmart_port_start_set(port, NULL, "a", &ticket));
    GIVES(NULL_POINTER, apcsmart_port_start_set(port, "ups.id", NULL, &ticket));
    GIVES(NULL_POINTER, apcsmart_port_start_set(port, "ups.id", "a", NULL));
    ticket = 77;
    GIVES(READ_ONLY, apcsmart_port_start_set(port, "ups.model", "Toaster", &ticket));
    CHECK(ticket == 77 && strstr(apcsmart_port_error(port), "ups.model") != NULL);
    GIVES(OK, apcsmart_port_start_set(port, "ups.id", "rack-e", &ticket));
    GIVES(BUSY, apcsmart_port_start_set(port, "ups.id", "rack-f", &other));
    next_done(port, &event);
    CHECK(event.ticket == ticket && event.outcome == APCSMART_OUTCOME_VERIFIED);
    CHECK(strcmp(event.text, apcsmart_outcome_text(event.outcome)) == 0);
    GIVES(OK, apcsmart_port_quality(port, &quality));
    CHECK(quality.eeprom_writes > before);
}

static void blocking_port(const char *path)
{
    apcsmart_config *config = NULL;
    apcsmart_port *port = NULL;
    GIVES(OK, apcsmart_config_new(&config));
    GIVES(OK, apcsmart_config_set_reconnect(config, false));
    GIVES(OK, apcsmart_port_open(path, config, PATIENCE_MS, &port));
    apcsmart_config_free(config);
    if (failures == 0) {
        port_reads(port);
        port_orders(port);
        GIVES(OK, apcsmart_port_serve(port, 10));
        GIVES(NULL_POINTER, apcsmart_port_wait_event(port, 0, NULL));
        on_line_again(port);
        control("line off");
        CHECK(next_status(port, APCSMART_STATUS_ON_BATTERY));
        control("line on");
        CHECK(next_status(port, APCSMART_STATUS_ON_LINE));
        two_threads_on_one_port(port);
        a_child_after_a_fork(port, path);
        interrupt_from_another_thread(port);
        interrupt_from_a_signal_handler(port);
        GIVES(OK, apcsmart_port_reopen(port));
        GIVES(OK, apcsmart_port_wait_ready(port, PATIENCE_MS));
    } else {
        fprintf(stderr, "the port: %s\n", apcsmart_port_error(port));
    }
    apcsmart_port_close(port);

    /* A UPS that does not answer: the port is there and can be waited for on. */
    control("mute on");
    GIVES(NO_ANSWER, apcsmart_port_open(path, NULL, 2500, &port));
    CHECK(strstr(apcsmart_port_error(port), "no UPS answered") != NULL);
    control("mute off");
    GIVES(OK, apcsmart_port_wait_ready(port, PATIENCE_MS));
    apcsmart_port_close(port);
    a_storm_of_signals(path);
    no_descriptors_left(path);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: test_capi PORT CONTROL\n");
        return 2;
    }
    control_path = argv[2];
    texts_and_versions();
    null_everywhere();
    handles_of_other_kinds();
    limits();
    nonsense();
    port_that_can_not_be_opened();
    session_on_a_loop(argv[1]);
    blocking_port(argv[1]);
    if (failures > 0) {
        fprintf(stderr, "%d checks failed\n", failures);
        return 1;
    }
    printf("all checks passed\n");
    return 0;
}
