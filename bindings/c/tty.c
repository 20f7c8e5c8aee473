#define _GNU_SOURCE 1 /* CLOCK_BOOTTIME */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

int tty_open(const char *path)
{
    struct termios settings;
    int port = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (port < 0)
        return -1;
    if (tcgetattr(port, &settings) < 0)
        goto failed;
    settings.c_iflag = IGNBRK | IGNPAR;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag = CS8 | CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (cfsetispeed(&settings, B2400) < 0 || cfsetospeed(&settings, B2400) < 0
        || ioctl(port, TIOCEXCL) < 0 || tcsetattr(port, TCSANOW, &settings) < 0
        || tcflush(port, TCIOFLUSH) < 0)
        goto failed;
    return port;
failed:
    tty_close(port);
    return -1;
}

void tty_close(int port)
{
    ioctl(port, TIOCNXCL);
    close(port);
}

int tty_write(int port, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(port, bytes, length);
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            struct pollfd room = { port, POLLOUT, 0 };
            if (poll(&room, 1, 1000) <= 0)
                return -1;
        } else if (written == 0 || errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

uint64_t clock_ms(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
