"""The numbered kinds that the library tells things with.

Invariant: the numbers are those of ``apcsmart.h``. A number that a newer library may send becomes ``UNKNOWN``; no kind
of this package is ever sent as ``UNKNOWN`` to the library.
"""

import ctypes
import enum
from typing import Tuple

from . import _library, _prototypes


class _Kind(enum.IntEnum):
    """A kind to which a newer library may add."""

    @classmethod
    def _missing_(cls, value: object) -> "_Kind":
        return cls["UNKNOWN"]

    def __str__(self) -> str:
        """One or more words for a log, such as ``"line fail"``."""
        return self.name.lower().replace("_", " ")


class Link(_Kind):
    """How the link to the UPS is."""

    UNKNOWN = -1
    CLOSED = 0
    """The port is not open."""
    CONNECTING = 1
    """The port is open; no UPS has answered yet."""
    UP = 2
    """The UPS answers."""
    LOST = 3
    """The UPS answered and does no more. It is asked again and again; readings keep their last values."""


class Alert(_Kind):
    """What a UPS announces unasked. For logs: what it means for the status comes as a status."""

    UNKNOWN = -1
    LINE_FAIL = 1
    """The UPS goes on battery."""
    LINE_RETURNED = 2
    """Mains is back."""
    LOW_BATTERY = 3
    """The battery is low."""
    BATTERY_RECOVERED = 4
    """The battery is no longer low."""
    ABNORMAL = 5
    """Something is abnormal: the status tells what."""
    ABNORMAL_ENDED = 6
    """What was abnormal has ended."""
    LOAD_OFF = 7
    """The load goes off now."""
    REPLACE_BATTERY = 8
    """The battery should be replaced."""
    ENVIRONMENT = 9
    """An environment probe's limit is exceeded, or a contact changed."""
    SETTING_CHANGED = 10
    """A setting was changed in the UPS."""


class Diagnosis(_Kind):
    """What is on the line when no UPS answers."""

    UNKNOWN = -1
    SILENT = 1
    """No byte came back."""
    ECHO = 2
    """What was sent came back."""
    MICROLINK = 3
    """A stream of binary data: newer Smart-UPS speak Microlink."""
    GARBAGE = 4
    """Bytes that are no answers."""
    MODBUS = 5
    """A binary frame: the port is set to Modbus."""
    SIMPLE_SIGNALLING = 6
    """The UPS speaks by levels of its wires, not by bytes."""
    OTHER_DEVICE = 7
    """Text that is no answer: another device."""
    NO_STATUS = 8
    """A UPS answers and does not tell its status."""


class OutcomeKind(_Kind):
    """How an order ended. It says what was seen, no more."""

    UNKNOWN = -1
    ACCEPTED = 1
    """The UPS accepted it. Its effect can not be seen from here, or not yet."""
    EXECUTED = 2
    """The UPS accepted it and its effect was seen."""
    VERIFIED = 3
    """The setting was written and reads back as ordered."""
    UNCHANGED = 4
    """The setting had this value already; nothing was written."""
    REFUSED = 5
    """The UPS refused, or its state forbids it."""
    UNSUPPORTED = 6
    """This UPS does not know the command."""
    NO_EFFECT = 7
    """The UPS accepted it, and no effect was seen in the time it should have taken."""
    TIMED_OUT = 8
    """No answer came. Whether the UPS did it is not known."""
    INTERRUPTED = 9
    """The link was lost on the way. Whether the UPS did it is not known."""


class Writable(_Kind):
    """How a setting is set."""

    UNKNOWN = -1
    NO = 0
    """Not at all."""
    CHOICE = 1
    """To one of its choices."""
    TEXT = 2
    """To a text of printable ASCII characters, as many as its ``text_max``."""
    NUMBER = 3
    """To a whole number; of limits also to ``"off"``."""


class Status(enum.IntFlag):
    """What the UPS does, as flags: ``Status.ON_BATTERY in port.status``.

    Bits that a newer library may add are kept.
    """

    CALIBRATING = 0x0001
    """A runtime calibration runs. NUT: CAL"""
    TRIM = 0x0002
    """The UPS lowers the voltage of mains. NUT: TRIM"""
    BOOST = 0x0004
    """The UPS raises the voltage of mains. NUT: BOOST"""
    ON_LINE = 0x0008
    """Mains powers the load. NUT: OL"""
    ON_BATTERY = 0x0010
    """The battery powers the load. NUT: OB"""
    OVERLOAD = 0x0020
    """The load is too high. NUT: OVER"""
    LOW_BATTERY = 0x0040
    """The battery is low. NUT: LB"""
    REPLACE_BATTERY = 0x0080
    """The battery should be replaced. NUT: RB"""
    BYPASS = 0x0100
    """The load runs from mains around the inverter. NUT: BYPASS"""
    OFF = 0x0200
    """The load has no power from this UPS. NUT: OFF"""
    SLEEPING = 0x0400
    """The output is off and comes back by itself. No token of its own."""
    FAULT = 0x0800
    """The UPS complains of a fault: the reading ``ups.alarm`` tells which. No token of its own."""

    @property
    def tokens(self) -> Tuple[str, ...]:
        """NUT's tokens, such as ``("OB", "LB")``, in the order in which NUT's clients show them."""
        return tuple(str(self).split())

    def __str__(self) -> str:
        """NUT's tokens, such as ``"OB LB"``."""
        room = _prototypes.STATUS_TEXT_SIZE
        buffer = ctypes.create_string_buffer(room)
        _library.call("apcsmart_status_text", int(self), buffer, room)
        return buffer.value.decode()
