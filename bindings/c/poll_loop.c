/*
 * Follows a UPS with poll(2): prints every event until everything was read once, or forever with -f.
 *
 *     poll_loop [-f] /dev/ttyS0
 *
 * The session does no input or output of its own. After every call that may change it, drain() carries out what it
 * wants and learns its deadline; then the program waits for bytes or for that moment, whichever comes first.
 */
#include <apcsmart.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tty.h"

struct program {
    apcsmart_session *session;
    int port;
    bool follow;
    bool complete;
    uint64_t deadline_ms;
};

static void show(struct program *program, const apcsmart_event *event)
{
    switch (event->kind) {
    case APCSMART_EVENT_LINK:
        printf("link %s\n", event->text);
        break;
    case APCSMART_EVENT_STATUS:
        printf("status %s\n", event->text);
        break;
    case APCSMART_EVENT_READING:
        printf("%s = %s %s\n", event->name, event->text, event->unit);
        break;
    case APCSMART_EVENT_SCAN_COMPLETE:
        printf("everything was read\n");
        program->complete = true;
        break;
    case APCSMART_EVENT_DIAGNOSIS:
        printf("no UPS: %s\n", event->text);
        break;
    default:
        break;
    }
    fflush(stdout);
}

/* Does all that the session wants. False when the port is gone. */
static bool drain(struct program *program)
{
    uint8_t bytes[APCSMART_TRANSMIT_MAX];
    apcsmart_output output;
    while (apcsmart_session_poll_output(program->session, bytes, sizeof bytes, &output) == APCSMART_RESULT_OK) {
        switch (output.kind) {
        case APCSMART_OUTPUT_TRANSMIT:
            if (tty_write(program->port, bytes, output.length) < 0)
                return false;
            break;
        case APCSMART_OUTPUT_EVENT:
            show(program, &output.event);
            break;
        default:
            program->deadline_ms = output.deadline_ms;
            return true;
        }
    }
    return false;
}

/* How long poll may wait, in its own terms. */
static int patience(uint64_t deadline_ms)
{
    uint64_t now = clock_ms();
    if (deadline_ms == APCSMART_NEVER)
        return -1;
    if (deadline_ms <= now)
        return 0;
    return deadline_ms - now > 60000 ? 60000 : (int)(deadline_ms - now);
}

static bool turn(struct program *program)
{
    uint8_t bytes[256];
    struct pollfd port = { program->port, POLLIN, 0 };
    int ready = poll(&port, 1, patience(program->deadline_ms));
    if (ready < 0)
        return errno == EINTR;
    if (ready > 0) {
        ssize_t length = read(program->port, bytes, sizeof bytes);
        if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (length > 0)
            apcsmart_session_handle_input(program->session, clock_ms(), bytes, (size_t)length);
    }
    apcsmart_session_handle_timeout(program->session, clock_ms());
    return drain(program);
}

int main(int argc, char **argv)
{
    struct program program = { NULL, -1, false, false, APCSMART_NEVER };
    int place = 1;
    if (argc > 1 && strcmp(argv[1], "-f") == 0) {
        program.follow = true;
        place = 2;
    }
    if (argc != place + 1) {
        fprintf(stderr, "usage: poll_loop [-f] PORT\n");
        return 2;
    }
    program.port = tty_open(argv[place]);
    if (program.port < 0) {
        perror(argv[place]);
        return 1;
    }
    if (apcsmart_session_new(NULL, &program.session) != APCSMART_RESULT_OK) {
        tty_close(program.port);
        return 1;
    }
    apcsmart_session_handle_open(program.session, clock_ms());
    bool alive = drain(&program);
    while (alive && (program.follow || !program.complete))
        alive = turn(&program);
    apcsmart_session_free(program.session);
    tty_close(program.port);
    return program.complete ? 0 : 1;
}
