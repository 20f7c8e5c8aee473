/*
 * Follows a UPS on GLib's main loop: a GUnixFd source for the port and one timeout source for the session's deadline.
 *
 *     glib_loop /dev/ttyS0
 *
 * Ends when everything was read once.
 */
#include <apcsmart.h>
#include <errno.h>
#include <glib-unix.h>
#include <glib.h>
#include <stdio.h>
#include <unistd.h>

#include "tty.h"

struct program {
    GMainLoop *loop;
    apcsmart_session *session;
    int port;
    guint timer;
    bool complete;
};

static gboolean on_deadline(gpointer data);

static void show(struct program *program, const apcsmart_event *event)
{
    if (event->kind == APCSMART_EVENT_READING)
        g_print("%s = %s %s\n", event->name, event->text, event->unit);
    else if (event->kind == APCSMART_EVENT_SCAN_COMPLETE)
        program->complete = true;
}

static void plan(struct program *program, uint64_t deadline_ms)
{
    uint64_t now = clock_ms();
    uint64_t wait = deadline_ms > now ? deadline_ms - now : 0;
    if (program->timer != 0)
        g_source_remove(program->timer);
    program->timer = 0;
    if (deadline_ms != APCSMART_NEVER)
        program->timer = g_timeout_add(wait > G_MAXUINT ? G_MAXUINT : (guint)wait, on_deadline, program);
}

/* Does all that the session wants; ends the program when the port is gone or everything was read. */
static void drain(struct program *program)
{
    uint8_t bytes[APCSMART_TRANSMIT_MAX];
    apcsmart_output output;
    while (apcsmart_session_poll_output(program->session, bytes, sizeof bytes, &output) == APCSMART_RESULT_OK) {
        if (output.kind == APCSMART_OUTPUT_TIMEOUT) {
            plan(program, output.deadline_ms);
            if (program->complete)
                g_main_loop_quit(program->loop);
            return;
        }
        if (output.kind == APCSMART_OUTPUT_EVENT)
            show(program, &output.event);
        else if (tty_write(program->port, bytes, output.length) < 0)
            break;
    }
    g_main_loop_quit(program->loop);
}

static gboolean on_bytes(gint port, GIOCondition condition, gpointer data)
{
    struct program *program = (struct program *)data;
    uint8_t bytes[256];
    ssize_t length = read(port, bytes, sizeof bytes);
    (void)condition;
    if (length > 0) {
        apcsmart_session_handle_input(program->session, clock_ms(), bytes, (size_t)length);
        drain(program);
    } else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
        apcsmart_session_handle_close(program->session, clock_ms());
        g_main_loop_quit(program->loop);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_deadline(gpointer data)
{
    struct program *program = (struct program *)data;
    program->timer = 0; /* this source ends here; plan() makes the next one */
    apcsmart_session_handle_timeout(program->session, clock_ms());
    drain(program);
    return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
    struct program program = { NULL, NULL, -1, 0, false };
    if (argc != 2) {
        fprintf(stderr, "usage: glib_loop PORT\n");
        return 2;
    }
    program.port = tty_open(argv[1]);
    if (program.port < 0) {
        perror(argv[1]);
        return 1;
    }
    if (apcsmart_session_new(NULL, &program.session) == APCSMART_RESULT_OK) {
        program.loop = g_main_loop_new(NULL, FALSE);
        g_unix_fd_add(program.port, (GIOCondition)(G_IO_IN | G_IO_HUP | G_IO_ERR), on_bytes, &program);
        apcsmart_session_handle_open(program.session, clock_ms());
        drain(&program);
        g_main_loop_run(program.loop);
        if (program.timer != 0)
            g_source_remove(program.timer);
        g_main_loop_unref(program.loop);
        apcsmart_session_free(program.session);
    }
    tty_close(program.port);
    return program.complete ? 0 : 1;
}
