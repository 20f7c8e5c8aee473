"""Everything that this package raises.

Invariant: every result of the library has one class here, so that programs catch what they mean. The messages are the
library's own sentences.
"""

import enum
from typing import Dict, Optional, Type


class Result(enum.IntEnum):
    """What became of a call: the numbers of ``apcsmart_result``, which never change their meaning."""

    OK = 0
    NULL_POINTER = 1
    WRONG_HANDLE = 2
    HANDLE_IN_USE = 3
    PANIC = 4
    INVALID_UTF8 = 5
    TOO_LONG = 6
    BUFFER_TOO_SMALL = 7
    INVALID_ARGUMENT = 8
    NOT_FOUND = 9
    NOT_A_NUMBER = 10
    UNKNOWN_COMMAND = 100
    NOT_ON_THIS_UPS = 101
    NEEDS_CONFIRMATION = 102
    INVALID_COMMAND_ARGUMENT = 103
    UNKNOWN_SETTING = 104
    READ_ONLY = 105
    INVALID_VALUE = 106
    BUSY = 107
    NOT_CONNECTED = 108
    NOT_DISCOVERED = 109
    INVALID_ADDRESS = 200
    NO_SUCH_PORT = 201
    NO_PERMISSION = 202
    PORT_IN_USE = 203
    NOT_A_PORT = 204
    CANNOT_OPEN = 205
    HUNG_UP = 206
    NO_ANSWER = 207
    TIMED_OUT = 208
    ORDER_FAILED = 209
    NOT_OPEN = 210
    INTERRUPTED = 211
    OTHER_PROCESS = 212


class ApcSmartError(Exception):
    """Whatever this package raises about a UPS, a port or the library."""

    code: Optional[int] = None
    """The library's number for it, as in :class:`Result`; none for what Python found out."""

    def __init__(self, message: str, code: Optional[int] = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        # Some of the classes are KeyErrors too, which would quote the sentence.
        return str(self.args[0])


class LibraryError(ApcSmartError, ImportError):
    """The shared library is not there, or is not the right one."""


class MisuseError(ApcSmartError):
    """The program is wrong: a closed handle, a handle in two threads, a value that can not be passed."""


class HandleClosed(MisuseError, ValueError):
    """The port or session was closed."""


class HandleInUse(MisuseError):
    """Another thread is inside a call with this port or session."""

    code = Result.HANDLE_IN_USE


class InvalidArgument(MisuseError, ValueError):
    """A number, a name or a text that can not be passed to the library."""

    code = Result.INVALID_ARGUMENT


class LibraryPanic(ApcSmartError):
    """The library failed by a bug. The port or session can only be closed."""

    code = Result.PANIC


class NotKnown(ApcSmartError, KeyError):
    """There is no such reading or setting on this UPS, or it is not known yet."""

    code = Result.NOT_FOUND


class Refused(ApcSmartError):
    """An order was not taken: nothing was sent to the UPS."""


class UnknownCommand(Refused):
    """No such command exists."""

    code = Result.UNKNOWN_COMMAND


class NotOnThisUps(Refused):
    """The command exists, but not on this UPS."""

    code = Result.NOT_ON_THIS_UPS


class NeedsConfirmation(Refused):
    """The command can take power from the load: repeat it with ``confirm=True`` if that is wanted."""

    code = Result.NEEDS_CONFIRMATION


class InvalidCommandArgument(Refused):
    """The command does not take this argument."""

    code = Result.INVALID_COMMAND_ARGUMENT


class UnknownSetting(Refused):
    """This UPS has no such setting."""

    code = Result.UNKNOWN_SETTING


class ReadOnly(Refused):
    """It can not be set."""

    code = Result.READ_ONLY


class InvalidValue(Refused):
    """The setting does not take this value."""

    code = Result.INVALID_VALUE


class Busy(Refused):
    """Another order is under way."""

    code = Result.BUSY


class NotConnected(Refused):
    """No UPS answers."""

    code = Result.NOT_CONNECTED


class NotDiscovered(Refused):
    """What this UPS can do is not known yet: order it again after :class:`~apcsmart.Discovered`."""

    code = Result.NOT_DISCOVERED


class PortError(ApcSmartError):
    """The port can not be opened or used."""


class InvalidAddress(PortError):
    """The address is malformed."""

    code = Result.INVALID_ADDRESS


class NoSuchPort(PortError):
    """There is no such port."""

    code = Result.NO_SUCH_PORT


class NoPermission(PortError):
    """This user may not open the port."""

    code = Result.NO_PERMISSION


class PortInUse(PortError):
    """Another program uses the port."""

    code = Result.PORT_IN_USE


class NotAPort(PortError):
    """That is no serial port."""

    code = Result.NOT_A_PORT


class CannotOpen(PortError):
    """The port can not be opened, or its server not be reached, for another reason."""

    code = Result.CANNOT_OPEN


class HungUp(PortError):
    """The port was open and is gone."""

    code = Result.HUNG_UP


class NoAnswer(PortError, TimeoutError):
    """The port is open, and no UPS answered in time."""

    code = Result.NO_ANSWER


class TimedOut(PortError, TimeoutError):
    """The UPS answers, and not everything that was waited for came in time."""

    code = Result.TIMED_OUT


class NotOpen(PortError):
    """The port was never opened."""

    code = Result.NOT_OPEN


class Interrupted(PortError):
    """:meth:`Port.interrupt <apcsmart.Port.interrupt>` ended the wait. Nothing is lost: wait again, or close the port."""

    code = Result.INTERRUPTED


class OtherProcess(PortError):
    """The port was opened in another process, before a fork, and is used there: open one of your own."""

    code = Result.OTHER_PROCESS


_OTHERS: Dict[int, Type[ApcSmartError]] = {
    Result.NULL_POINTER: MisuseError,
    Result.WRONG_HANDLE: MisuseError,
    Result.INVALID_UTF8: InvalidArgument,
    Result.TOO_LONG: InvalidArgument,
    Result.BUFFER_TOO_SMALL: MisuseError,
    Result.NOT_A_NUMBER: MisuseError,
}


def error_of(code: int, message: str) -> ApcSmartError:
    """The exception for a result that is not ``OK``. A result of a newer library is a plain :class:`ApcSmartError`."""
    return _class_of(code)(message, code)


def _class_of(code: int) -> Type[ApcSmartError]:
    if code in _OTHERS:
        return _OTHERS[code]
    classes = [ApcSmartError]
    for known in classes:
        if known.__dict__.get("code") == code:
            return known
        classes.extend(known.__subclasses__())
    return ApcSmartError
