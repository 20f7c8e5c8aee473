"""The C interface as ctypes sees it: every structure and every function of ``apcsmart.h``, and nothing else.

Invariant: this file and the header say the same; ``tests/test_header.py`` compares them name by name. Whatever gives
these calls a meaning belongs elsewhere.
"""

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_double, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from typing import Any, Dict, List, Sequence, Tuple

ABI_VERSION = 0
"""The interface that this package was written for: ``APCSMART_ABI_VERSION``, and the number in the library's name."""

NEVER = 2**64 - 1
"""``APCSMART_NEVER``: the deadline of a session that waits for nothing."""

UINT32_MAX = 2**32 - 1
"""The greatest number that fits a parameter of 32 bits; ctypes takes greater ones and cuts them off."""

TRANSMIT_MAX = 64
"""``APCSMART_TRANSMIT_MAX``: no transmission has more bytes."""

STATUS_TEXT_SIZE = 64
"""``APCSMART_STATUS_TEXT_SIZE``: room for every text of a status."""

# A handle is an address that only the library looks behind; the enums of the header are 32 bits wide everywhere.
Handle = c_void_p
Enum = c_uint32


class Command(ctypes.Structure):
    """``apcsmart_command``"""

    _fields_ = [("name", c_char_p), ("meaning", c_char_p), ("danger", Enum)]


class Quality(ctypes.Structure):
    """``apcsmart_quality``"""

    _fields_ = [
        ("sent", c_uint64),
        ("answered", c_uint64),
        ("timeouts", c_uint64),
        ("mismatches", c_uint64),
        ("early", c_uint64),
        ("unsolicited", c_uint64),
        ("resyncs", c_uint64),
        ("confirmed", c_uint64),
        ("contradicted", c_uint64),
        ("alerts", c_uint64),
        ("eeprom_writes", c_uint64),
        ("reserved", c_uint64 * 5),
    ]


class Reading(ctypes.Structure):
    """``apcsmart_reading``"""

    _fields_ = [
        ("name", c_char_p),
        ("text", c_char_p),
        ("unit", c_char_p),
        ("number", c_double),
        ("is_number", c_bool),
    ]


class Setting(ctypes.Structure):
    """``apcsmart_setting``"""

    _fields_ = [
        ("name", c_char_p),
        ("unit", c_char_p),
        ("writable", Enum),
        ("choice_count", c_size_t),
        ("text_max", c_size_t),
    ]


class Event(ctypes.Structure):
    """``apcsmart_event``"""

    _fields_ = [
        ("kind", Enum),
        ("link", Enum),
        ("alert", Enum),
        ("status", c_uint32),
        ("diagnosis", Enum),
        ("outcome", Enum),
        ("ticket", c_uint64),
        ("number", c_double),
        ("name", c_char_p),
        ("text", c_char_p),
        ("unit", c_char_p),
        ("reserved", c_uint64 * 4),
    ]


class Output(ctypes.Structure):
    """``apcsmart_output``"""

    _fields_ = [("kind", Enum), ("length", c_size_t), ("deadline_ms", c_uint64), ("event", Event)]


STRUCTURES: Dict[str, type] = {
    "apcsmart_command": Command,
    "apcsmart_quality": Quality,
    "apcsmart_reading": Reading,
    "apcsmart_setting": Setting,
    "apcsmart_event": Event,
    "apcsmart_output": Output,
}

Prototype = Tuple[Any, Sequence[Any]]
"""What a function gives and what it takes."""

_GLOBAL: Dict[str, Prototype] = {
    "apcsmart_abi_version": (c_uint32, []),
    "apcsmart_version": (c_char_p, []),
    "apcsmart_result_text": (c_char_p, [Enum]),
    "apcsmart_link_text": (c_char_p, [Enum]),
    "apcsmart_outcome_text": (c_char_p, [Enum]),
    "apcsmart_outcome_is_success": (c_bool, [Enum]),
    "apcsmart_status_text": (Enum, [c_uint32, c_void_p, c_size_t]),
    "apcsmart_config_new": (Enum, [POINTER(Handle)]),
    "apcsmart_config_free": (None, [Handle]),
    "apcsmart_config_set_spacing": (Enum, [Handle, c_uint32]),
    "apcsmart_config_set_cable": (Enum, [Handle, c_char_p]),
    "apcsmart_config_set_reconnect": (Enum, [Handle, c_bool]),
}

_SESSION: Dict[str, Prototype] = {
    "apcsmart_session_new": (Enum, [Handle, POINTER(Handle)]),
    "apcsmart_session_free": (None, [Handle]),
    "apcsmart_session_handle_open": (Enum, [Handle, c_uint64]),
    "apcsmart_session_handle_close": (Enum, [Handle, c_uint64]),
    "apcsmart_session_handle_input": (Enum, [Handle, c_uint64, c_char_p, c_size_t]),
    "apcsmart_session_handle_timeout": (Enum, [Handle, c_uint64]),
    "apcsmart_session_poll_output": (Enum, [Handle, POINTER(c_uint8), c_size_t, POINTER(Output)]),
    "apcsmart_session_last_heard": (Enum, [Handle, POINTER(c_uint64)]),
    "apcsmart_session_run": (Enum, [Handle, c_uint64, c_char_p, c_char_p, Enum, POINTER(c_uint64)]),
    "apcsmart_session_set": (Enum, [Handle, c_uint64, c_char_p, c_char_p, POINTER(c_uint64)]),
    "apcsmart_session_last_refusal": (c_char_p, [Handle]),
}

_PORT: Dict[str, Prototype] = {
    "apcsmart_port_open": (Enum, [c_char_p, Handle, c_uint64, POINTER(Handle)]),
    "apcsmart_port_close": (None, [Handle]),
    "apcsmart_port_reopen": (Enum, [Handle]),
    "apcsmart_port_interrupt": (Enum, [Handle]),
    "apcsmart_port_error": (c_char_p, [Handle]),
    "apcsmart_port_wait_ready": (Enum, [Handle, c_uint64]),
    "apcsmart_port_serve": (Enum, [Handle, c_uint64]),
    "apcsmart_port_wait_event": (Enum, [Handle, c_uint64, POINTER(Event)]),
    "apcsmart_port_run": (Enum, [Handle, c_char_p, c_char_p, Enum, POINTER(Enum)]),
    "apcsmart_port_start": (Enum, [Handle, c_char_p, c_char_p, Enum, POINTER(c_uint64)]),
    "apcsmart_port_set": (Enum, [Handle, c_char_p, c_char_p, POINTER(Enum)]),
    "apcsmart_port_start_set": (Enum, [Handle, c_char_p, c_char_p, POINTER(c_uint64)]),
    "apcsmart_port_silence": (Enum, [Handle, POINTER(c_uint64)]),
}

_OF_BOTH: Dict[str, Prototype] = {
    "link": (Enum, [Handle, POINTER(Enum)]),
    "status": (Enum, [Handle, POINTER(c_uint32)]),
    "quality": (Enum, [Handle, POINTER(Quality)]),
    "reading_count": (Enum, [Handle, POINTER(c_size_t)]),
    "reading_at": (Enum, [Handle, c_size_t, POINTER(Reading)]),
    "reading": (Enum, [Handle, c_char_p, POINTER(Reading)]),
    "number": (Enum, [Handle, c_char_p, POINTER(c_double)]),
    "text": (Enum, [Handle, c_char_p, POINTER(c_char_p)]),
    "command_count": (Enum, [Handle, POINTER(c_size_t)]),
    "command_at": (Enum, [Handle, c_size_t, POINTER(Command)]),
    "command": (Enum, [Handle, c_char_p, POINTER(Command)]),
    "unknown_command_count": (Enum, [Handle, POINTER(c_size_t)]),
    "unknown_command_at": (Enum, [Handle, c_size_t, POINTER(c_char_p)]),
    "setting_count": (Enum, [Handle, POINTER(c_size_t)]),
    "setting_at": (Enum, [Handle, c_size_t, POINTER(Setting)]),
    "setting": (Enum, [Handle, c_char_p, POINTER(Setting)]),
    "choice_at": (Enum, [Handle, c_char_p, c_size_t, POINTER(c_char_p)]),
}


def _for_both() -> Dict[str, Prototype]:
    handles: List[str] = ["session", "port"]
    return {f"apcsmart_{handle}_{name}": given for handle in handles for name, given in _OF_BOTH.items()}


FUNCTIONS: Dict[str, Prototype] = {**_GLOBAL, **_SESSION, **_PORT, **_for_both()}
"""Every function of the header by its name."""
