/*
 * Opening a serial port for the examples with a loop of their own, and their clock.
 * The blocking interface does all of this itself.
 */
#ifndef EXAMPLE_TTY_H
#define EXAMPLE_TTY_H

#include <stddef.h>
#include <stdint.h>

/* The port as a UPS wants it: 2400 baud, 8 bits, raw, without blocking. -1, and errno, when it can't be opened. */
int tty_open(const char *path);

/* Closes the port, and lets other programs open it. */
void tty_close(int port);

/* Writes all bytes; 0, or -1 when the port is gone. A line of 2400 baud takes them at once. */
int tty_write(int port, const uint8_t *bytes, size_t length);

/* Milliseconds since the machine started, sleep included: a session's clock. */
uint64_t clock_ms(void);

#endif
