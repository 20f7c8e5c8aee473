"""What is told about a UPS: readings, commands, settings, outcomes, counters. Plain values that never change."""

from dataclasses import dataclass
from typing import Tuple, Union

from .kinds import OutcomeKind, Writable

Value = Union[int, float, str]
"""What a reading is: a number, or text."""


def value_of(text: str, is_number: bool) -> Value:
    """A reading as Python would write it: ``27.4`` and ``230`` are numbers, whole ones are ``int``."""
    if not is_number:
        return text
    try:
        return int(text)
    except ValueError:
        return float(text)


@dataclass(frozen=True)
class Reading:
    """A reading of the UPS."""

    name: str
    """By NUT's naming, such as ``"battery.charge"``."""
    value: Value
    """A number, or text."""
    text: str
    """The value as NUT's clients read it."""
    unit: str
    """The unit of a number, such as ``"V"``; empty for none and for text."""

    def __str__(self) -> str:
        return f"{self.name}: {self.text} {self.unit}".rstrip()


@dataclass(frozen=True)
class Command:
    """A command of the UPS."""

    name: str
    """By NUT's naming, such as ``"test.battery.start"``."""
    meaning: str
    """What it does, in a sentence."""
    needs_confirmation: bool
    """Whether it can take power from the load or run the battery down, and needs ``confirm=True``."""


@dataclass(frozen=True)
class Setting:
    """A setting of the UPS. Its value is the reading of the same name."""

    name: str
    """By NUT's naming, such as ``"input.transfer.low"``."""
    unit: str
    """The unit of its value; empty for none and for text."""
    writable: Writable
    """How it is set."""
    choices: Tuple[str, ...]
    """The permitted values in the UPS's own order, as its reading would show them; empty unless it is set to one of them."""
    text_max: int
    """How many characters a text may have; zero unless it is text."""


@dataclass(frozen=True)
class Outcome:
    """How an order ended. True when it was carried out, as far as can be known."""

    kind: OutcomeKind
    """What was seen."""
    text: str
    """The same as a sentence in English."""
    succeeded: bool
    """Whether it was carried out, as far as can be known."""

    def __bool__(self) -> bool:
        return self.succeeded

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Quality:
    """What was counted on the line since the port or session was made. Never reset; take differences."""

    sent: int
    """Questions and instructions sent."""
    answered: int
    """Answers with the right shape, refusals included."""
    timeouts: int
    """Answers that did not come in time."""
    mismatches: int
    """Answers of the wrong shape."""
    early: int
    """Answers that came sooner than the line can carry them."""
    unsolicited: int
    """Bytes and lines that nothing had asked for."""
    resyncs: int
    """Times that the conversation was begun anew to find the place."""
    confirmed: int
    """Second reads that agreed with the first."""
    contradicted: int
    """Second reads that did not."""
    alerts: int
    """Alerts."""
    eeprom_writes: int
    """Writes to the UPS's EEPROM, which stands about a hundred thousand, that orders sent; refused ones are not counted."""
