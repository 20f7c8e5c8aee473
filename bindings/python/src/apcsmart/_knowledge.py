"""What can be asked about a UPS without talking to it: the questions that ports and sessions answer alike.

Invariant: nothing here changes a handle, and every text is copied before the handle is left.
"""

import ctypes
from collections.abc import Mapping
from typing import Dict, Iterator, Tuple

from . import _prototypes
from ._handle import OwnedHandle, text_for_c
from .errors import NotKnown, Result
from .kinds import Link, Status, Writable
from .model import Command, Quality, Reading, Setting, Value, value_of


class Knowledge(OwnedHandle, Mapping[str, Value]):
    """Readings by name, as a mapping of ``int``, ``float`` and ``str``, and what else is known of the UPS."""

    def __getitem__(self, name: str) -> Value:
        return self.reading(name).value

    def __iter__(self) -> Iterator[str]:
        return iter(self.readings)

    def __len__(self) -> int:
        with self._entered() as handle:
            return self._count(handle, "reading_count")

    # A mapping without entries is false and equals another one: neither is right for what stands for a device.
    def __bool__(self) -> bool:
        return True

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def reading(self, name: str) -> Reading:
        """A reading with its unit.

        :raises NotKnown: this UPS has no such reading, or it was not read yet.
        """
        raw = _prototypes.Reading()
        with self._entered() as handle:
            code = self._code(handle, "reading", text_for_c(name, "the name of a reading"), ctypes.byref(raw))
            if code == Result.NOT_FOUND:
                raise NotKnown(f"this UPS has no reading {name!r}, or it was not read yet")
            self._check(handle, code)
            return _reading(raw)

    @property
    def readings(self) -> Dict[str, Reading]:
        """Every reading by its name, as they are now; sorted."""
        raw = _prototypes.Reading()
        with self._entered() as handle:
            found = []
            for index in range(self._count(handle, "reading_count")):
                self._ask(handle, "reading_at", index, ctypes.byref(raw))
                found.append(_reading(raw))
        return {reading.name: reading for reading in found}

    @property
    def status(self) -> Status:
        """What the UPS does, as it was last told.

        :raises NotKnown: before the first status.
        """
        bits = ctypes.c_uint32()
        with self._entered() as handle:
            code = self._code(handle, "status", ctypes.byref(bits))
            if code == Result.NOT_FOUND:
                raise NotKnown("the status was not read yet")
            self._check(handle, code)
        return Status(bits.value)

    @property
    def link(self) -> Link:
        """How the link to the UPS is."""
        link = _prototypes.Enum()
        with self._entered() as handle:
            self._ask(handle, "link", ctypes.byref(link))
        return Link(link.value)

    @property
    def commands(self) -> Dict[str, Command]:
        """Every command of this UPS by its name, sorted; empty until it was discovered."""
        raw = _prototypes.Command()
        with self._entered() as handle:
            found = []
            for index in range(self._count(handle, "command_count")):
                self._ask(handle, "command_at", index, ctypes.byref(raw))
                found.append(Command(raw.name.decode(), raw.meaning.decode(), raw.danger != 0))
        return {command.name: command for command in found}

    @property
    def unknown_commands(self) -> Tuple[str, ...]:
        """What the UPS lists and nobody knows what it does, as manuals write it: ``"^E"``, ``"9F D1"``. It is never sent.

        Empty until the UPS was discovered, and on those that list nothing. A report about a model that lists some is welcome.
        """
        code = ctypes.c_char_p()
        found = []
        with self._entered() as handle:
            for index in range(self._count(handle, "unknown_command_count")):
                self._ask(handle, "unknown_command_at", index, ctypes.byref(code))
                found.append((code.value or b"").decode())
        return tuple(found)

    @property
    def settings(self) -> Dict[str, Setting]:
        """Every setting of this UPS by its name, sorted; empty until it was discovered."""
        raw = _prototypes.Setting()
        with self._entered() as handle:
            found = []
            for index in range(self._count(handle, "setting_count")):
                self._ask(handle, "setting_at", index, ctypes.byref(raw))
                found.append(self._setting(handle, raw))
        return {setting.name: setting for setting in found}

    def setting(self, name: str) -> Setting:
        """How a variable may be set, which may be not at all.

        :raises NotKnown: this UPS has no such variable, or was not discovered yet.
        """
        raw = _prototypes.Setting()
        with self._entered() as handle:
            code = self._code(handle, "setting", text_for_c(name, "the name of a setting"), ctypes.byref(raw))
            if code == Result.NOT_FOUND:
                raise NotKnown(f"this UPS has no variable {name!r}, or was not discovered yet")
            self._check(handle, code)
            return self._setting(handle, raw)

    def choices(self, name: str) -> Tuple[str, ...]:
        """The permitted values of a setting, as its reading would show them; empty when it is not set to one of a list.

        :raises NotKnown: this UPS has no such variable, or was not discovered yet.
        """
        return self.setting(name).choices

    @property
    def quality(self) -> Quality:
        """What was counted on the line."""
        raw = _prototypes.Quality()
        with self._entered() as handle:
            self._ask(handle, "quality", ctypes.byref(raw))
        return Quality(**{name: getattr(raw, name) for name in Quality.__dataclass_fields__})

    def _setting(self, handle: ctypes.c_void_p, raw: _prototypes.Setting) -> Setting:
        name: bytes = raw.name
        choices = []
        choice = ctypes.c_char_p()
        for index in range(raw.choice_count):
            self._ask(handle, "choice_at", name, index, ctypes.byref(choice))
            choices.append((choice.value or b"").decode())
        return Setting(name.decode(), raw.unit.decode(), Writable(raw.writable), tuple(choices), raw.text_max)

    def _count(self, handle: ctypes.c_void_p, function: str) -> int:
        count = ctypes.c_size_t()
        self._ask(handle, function, ctypes.byref(count))
        return count.value

    def _value_for_c(self, name: str, value: Value) -> bytes:
        """A value as a setting takes it. A number is written as the setting's own choice writes it."""
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise TypeError(f"a setting takes a number or a str, not {type(value).__name__}")
        if isinstance(value, str):
            return text_for_c(value, "the value")
        try:
            choices = self.choices(name)
        except NotKnown:
            choices = ()
        same = [choice for choice in choices if _is_number(choice, value)]
        return (same[0] if same else f"{value:g}" if isinstance(value, float) else str(value)).encode()


def _reading(raw: _prototypes.Reading) -> Reading:
    text: str = raw.text.decode()
    return Reading(raw.name.decode(), value_of(text, raw.is_number), text, raw.unit.decode())


def _is_number(text: str, number: float) -> bool:
    try:
        return float(text) == number
    except ValueError:
        return False
