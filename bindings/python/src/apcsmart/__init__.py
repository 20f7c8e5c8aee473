"""Talks to APC UPSes over their serial port.

Three ways to use it: :class:`Port` for programs that wait, :mod:`apcsmart.aio` for asyncio, and :class:`Session` for
programs with a loop of their own::

    import apcsmart

    with apcsmart.Port.open("/dev/ttyS0") as ups:
        print(ups["battery.charge"], ups.status)
        for event in ups.events():
            print(event)
"""

from . import aio
from ._library import library_path, library_version
from .clock import clock_ms
from .errors import (
    ApcSmartError,
    Busy,
    CannotOpen,
    HandleClosed,
    HandleInUse,
    HungUp,
    Interrupted,
    InvalidAddress,
    InvalidArgument,
    InvalidCommandArgument,
    InvalidValue,
    LibraryError,
    LibraryPanic,
    MisuseError,
    NeedsConfirmation,
    NoAnswer,
    NoPermission,
    NoSuchPort,
    NotAPort,
    NotConnected,
    NotDiscovered,
    NotKnown,
    NotOnThisUps,
    NotOpen,
    OtherProcess,
    PortError,
    PortInUse,
    ReadOnly,
    Refused,
    Result,
    TimedOut,
    UnknownCommand,
    UnknownSetting,
)
from .events import (
    Alerted,
    Diagnosed,
    Discovered,
    Event,
    LinkChanged,
    OrderAccepted,
    OrderDone,
    OtherEvent,
    ReadingChanged,
    ReadingWithdrawn,
    ScanComplete,
    StatusChanged,
)
from .kinds import Alert, Diagnosis, Link, OutcomeKind, Status, Writable
from .model import Command, Outcome, Quality, Reading, Setting, Value
from .port import Port
from .session import Occurred, Output, Session, Timeout, Transmit

__all__ = [
    "Alert",
    "Alerted",
    "ApcSmartError",
    "Busy",
    "CannotOpen",
    "Command",
    "Diagnosed",
    "Diagnosis",
    "Discovered",
    "Event",
    "HandleClosed",
    "HandleInUse",
    "HungUp",
    "Interrupted",
    "InvalidAddress",
    "InvalidArgument",
    "InvalidCommandArgument",
    "InvalidValue",
    "LibraryError",
    "LibraryPanic",
    "Link",
    "LinkChanged",
    "MisuseError",
    "NeedsConfirmation",
    "NoAnswer",
    "NoPermission",
    "NoSuchPort",
    "NotAPort",
    "NotConnected",
    "NotDiscovered",
    "NotKnown",
    "NotOnThisUps",
    "NotOpen",
    "Occurred",
    "OrderAccepted",
    "OrderDone",
    "OtherEvent",
    "OtherProcess",
    "Outcome",
    "OutcomeKind",
    "Output",
    "Port",
    "PortError",
    "PortInUse",
    "Quality",
    "ReadOnly",
    "Reading",
    "ReadingChanged",
    "ReadingWithdrawn",
    "Refused",
    "Result",
    "ScanComplete",
    "Session",
    "Setting",
    "Status",
    "StatusChanged",
    "TimedOut",
    "Timeout",
    "Transmit",
    "UnknownCommand",
    "UnknownSetting",
    "Value",
    "Writable",
    "aio",
    "clock_ms",
    "library_path",
    "library_version",
]
