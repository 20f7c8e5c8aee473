"""What is learnt of a UPS as time goes by, one class for each kind of event.

Invariant: an event is a plain value: it holds nothing of the library and may be kept, compared and passed between
threads.
"""

import math
from dataclasses import dataclass
from typing import Callable, Dict, Union

from . import _library, _prototypes
from .kinds import Alert, Diagnosis, Link, OutcomeKind, Status
from .model import Outcome, Value, value_of


@dataclass(frozen=True)
class LinkChanged:
    """The link changed its state."""

    link: Link


@dataclass(frozen=True)
class Alerted:
    """The UPS announced something. For logs: what it means for the status comes as :class:`StatusChanged`."""

    alert: Alert
    text: str
    """The alert as a sentence."""


@dataclass(frozen=True)
class StatusChanged:
    """The status changed, or is known for the first time."""

    status: Status
    text: str
    """NUT's tokens, such as ``"OB LB"``."""


@dataclass(frozen=True)
class ReadingChanged:
    """A reading changed, or is known for the first time."""

    name: str
    value: Value
    """A number, or text."""
    text: str
    """The value as NUT's clients read it."""
    unit: str
    """The unit of a number; empty for none and for text."""


@dataclass(frozen=True)
class ReadingWithdrawn:
    """A reading is no longer known."""

    name: str


@dataclass(frozen=True)
class Discovered:
    """What the UPS can do is known: its settings and commands can be listed."""


@dataclass(frozen=True)
class ScanComplete:
    """Everything was read once since the link came up."""


@dataclass(frozen=True)
class Diagnosed:
    """No UPS answers: what is on the line instead."""

    diagnosis: Diagnosis
    text: str
    """The diagnosis as a sentence that says what to do."""


@dataclass(frozen=True)
class OrderAccepted:
    """The UPS accepted an order and its effect is watched for."""

    ticket: int


@dataclass(frozen=True)
class OrderDone:
    """An order ended; comes exactly once for every ticket."""

    ticket: int
    outcome: Outcome


@dataclass(frozen=True)
class OtherEvent:
    """An event that only a newer version of this package knows: pass over it."""

    kind: int
    text: str


Event = Union[
    LinkChanged,
    Alerted,
    StatusChanged,
    ReadingChanged,
    ReadingWithdrawn,
    Discovered,
    ScanComplete,
    Diagnosed,
    OrderAccepted,
    OrderDone,
    OtherEvent,
]
"""Any event."""


def event_of(raw: _prototypes.Event) -> Event:
    """The event behind the library's structure. Its texts are copied, since they are only lent."""
    make = _MAKERS.get(raw.kind)
    return make(raw) if make else OtherEvent(raw.kind, _text(raw))


def outcome_of(kind: int, text: str) -> Outcome:
    """The outcome with this number; ``text`` is what the library says about it, when it says something."""
    succeeded: bool = _library.call("apcsmart_outcome_is_success", kind)
    said: bytes = _library.call("apcsmart_outcome_text", kind)
    return Outcome(OutcomeKind(kind), text or said.decode(), succeeded)



def _name(raw: _prototypes.Event) -> str:
    name: bytes = raw.name
    return name.decode()


def _text(raw: _prototypes.Event) -> str:
    text: bytes = raw.text
    return text.decode()


def _reading(raw: _prototypes.Event) -> ReadingChanged:
    text, unit = _text(raw), raw.unit.decode()
    return ReadingChanged(_name(raw), value_of(text, not math.isnan(raw.number)), text, unit)


_MAKERS: Dict[int, Callable[[_prototypes.Event], Event]] = {
    1: lambda raw: LinkChanged(Link(raw.link)),
    2: lambda raw: Alerted(Alert(raw.alert), _text(raw)),
    3: lambda raw: StatusChanged(Status(raw.status), _text(raw)),
    4: _reading,
    5: lambda raw: ReadingWithdrawn(_name(raw)),
    6: lambda raw: Discovered(),
    7: lambda raw: ScanComplete(),
    8: lambda raw: Diagnosed(Diagnosis(raw.diagnosis), _text(raw)),
    9: lambda raw: OrderAccepted(raw.ticket),
    10: lambda raw: OrderDone(raw.ticket, outcome_of(raw.outcome, _text(raw))),
}
"""By ``apcsmart_event_kind``."""
