"""Opening a serial port without waiting: for one program alone, raw, 2400 8N1, DTR and RTS as the cable needs them.

Invariant: nothing of the line is changed before the lock is ours, because another program may be talking on it. The
file is non-blocking, and an empty read means that the line hung up.
"""

import errno
import fcntl
import os
import struct
import termios
from typing import Any, List

from .errors import CannotOpen, InvalidArgument, NoPermission, NoSuchPort, NotAPort, PortInUse

# By the cable's part number: whether DTR is high. RTS is on none; on a wrong, straight cable both lines meet pins that
# switch the load off, so they go where they belong at once.
_DTR = {"940-0024": False, "940-0095": True}

_IFLAG, _OFLAG, _CFLAG, _LFLAG, _ISPEED, _OSPEED, _CC = range(7)


class Tty:
    """An open serial port, and the settings that it had before."""

    def __init__(self, path: str, cable: str) -> None:
        dtr = _dtr_of(cable)
        self.path = path
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self.fd = os.open(path, flags)
        except OSError as error:
            raise _explain(path, error) from error
        try:
            # The superuser may open what is exclusive, so the lock is asked as well.
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._before: List[Any] = termios.tcgetattr(self.fd)
            fcntl.ioctl(self.fd, termios.TIOCEXCL)
            _set_modem_lines(self.fd, dtr)
            termios.tcsetattr(self.fd, termios.TCSANOW, _raw(self._before))
        except (OSError, termios.error) as error:
            os.close(self.fd)
            raise _explain(path, error) from error

    def read(self) -> bytes:
        """What came; empty when the line hung up. ``BlockingIOError`` when nothing came."""
        try:
            return os.read(self.fd, 4096)
        except BlockingIOError:
            raise
        except OSError:
            return b""

    def write(self, data: bytes) -> int:
        """Writes as many bytes as there is room for. ``OSError`` when the line hung up."""
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Gives the port back as it was. A port that was unplugged has nothing to give back; closing again does nothing."""
        if self.fd < 0:
            return
        for give_back in (
            lambda: termios.tcsetattr(self.fd, termios.TCSANOW, self._before),
            lambda: fcntl.ioctl(self.fd, termios.TIOCNXCL),
        ):
            try:
                give_back()
            except (OSError, termios.error):
                continue
        os.close(self.fd)
        self.fd = -1


def _raw(before: List[Any]) -> List[Any]:
    """Raw, 8N1, 2400 baud, no flow control."""
    after = list(before)
    after[_CC] = list(before[_CC])
    after[_IFLAG] &= ~(
        termios.IGNBRK
        | termios.BRKINT
        | termios.PARMRK
        | termios.ISTRIP
        | termios.INLCR
        | termios.IGNCR
        | termios.ICRNL
        | termios.IXON
        | termios.IXOFF
        | termios.IXANY
    )
    after[_OFLAG] &= ~termios.OPOST
    after[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    after[_CFLAG] &= ~(termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
    after[_CFLAG] |= termios.CS8 | termios.CLOCAL | termios.CREAD
    after[_ISPEED] = after[_OSPEED] = termios.B2400
    # With a minimum of one byte, an empty read means a hang-up and nothing else.
    after[_CC][termios.VMIN], after[_CC][termios.VTIME] = 1, 0
    return after


def _dtr_of(cable: str) -> bool:
    number = cable.strip().rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    if number not in _DTR:
        raise InvalidArgument(f"the cable {cable!r} does not carry the smart protocol, or is not known")
    return _DTR[number]


def _set_modem_lines(fd: int, dtr: bool) -> None:
    to_clear = termios.TIOCM_RTS | (0 if dtr else termios.TIOCM_DTR)
    try:
        fcntl.ioctl(fd, termios.TIOCMBIC, struct.pack("i", to_clear))
        if dtr:
            fcntl.ioctl(fd, termios.TIOCMBIS, struct.pack("i", termios.TIOCM_DTR))
    except OSError:
        # Pseudo terminals and some converters have no such lines; then there is nothing to get wrong either.
        pass


def _explain(path: str, error: Exception) -> Exception:
    code = error.args[0] if error.args else None
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return NoSuchPort(f"there is no port {path}; is the cable plugged in?")
    if code in (errno.EACCES, errno.EPERM):
        return NoPermission(f"no permission to open {path}: add your user to the group that owns it (`ls -l {path}`)")
    if code in (errno.EBUSY, errno.EAGAIN):
        return PortInUse(f"{path} is in use: only one program can talk to a UPS; stop the other one")
    if code in (errno.ENOTTY, errno.EISDIR, errno.EINVAL):
        return NotAPort(f"{path} is no serial port")
    return CannotOpen(f"can't open {path}: {error}")
