"""The package's tables and the committed header say the same."""

import ctypes
import re
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from apcsmart import _prototypes, events, kinds
from apcsmart.errors import ApcSmartError, Result, error_of

HEADER = Path(__file__).resolve().parents[3] / "include" / "apcsmart.h"


def declarations() -> str:
    """The header without comments and without lines for the preprocessor."""
    text = HEADER.read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def functions() -> Dict[str, Tuple[str, List[str]]]:
    """Every function: what it gives and the types of what it takes."""
    found = re.findall(r"^((?:const )?\w+ \*?)(apcsmart_\w+)\(([^)]*)\);", declarations(), re.MULTILINE)
    return {name: (gives.strip(), parameters(takes)) for gives, name, takes in found}


def parameters(takes: str) -> List[str]:
    return [] if takes.strip() == "void" else [re.sub(r"\w+$", "", one.strip()).strip() for one in takes.split(",")]


def structures() -> Dict[str, List[Tuple[str, str]]]:
    """Every structure with a body: its fields with their types."""
    found = re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", declarations(), re.DOTALL)
    field = re.compile(r"^\s*((?:const |struct )*\w+ \*?)(\w+)(\[\d+\])?;", re.MULTILINE)
    return {name: [(one, kind.strip() + room) for kind, one, room in field.findall(body)] for name, body in found}


def enums() -> Dict[str, Dict[str, int]]:
    """Every enum: its names without the prefix, and their numbers."""
    found = re.findall(r"enum apcsmart_(\w+)\s*(?::\s*\w+)?\s*\{(.*?)\}", declarations(), re.DOTALL)
    of_one = re.compile(r"(\w+) = (\d+)")
    return {
        name: {one.replace(f"APCSMART_{prefix(name)}_", ""): int(number) for one, number in of_one.findall(body)}
        for name, body in found
    }


def prefix(enum: str) -> str:
    return enum.upper().replace("_KIND", "")


def constants() -> Dict[str, int]:
    found = re.findall(r"^#define APCSMART_(\w+) (\w+)$", HEADER.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: 2**64 - 1 if value == "UINT64_MAX" else int(value, 0) for name, value in found}


def ctype_of(declared: str) -> Any:
    """How ctypes names a type of the header."""
    plain = {
        "void": None,
        "bool": ctypes.c_bool,
        "double": ctypes.c_double,
        "size_t": ctypes.c_size_t,
        "uint32_t": ctypes.c_uint32,
        "uint64_t": ctypes.c_uint64,
        "const char *": ctypes.c_char_p,
    }
    if declared in plain:
        return plain[declared]
    name = declared.replace("struct ", "")
    if name in _prototypes.STRUCTURES:
        return _prototypes.STRUCTURES[name]
    assert name.replace("apcsmart_", "") in enums(), f"{declared} is no type that this test knows"
    return ctypes.c_uint32


def takes(declared: str) -> List[Any]:
    """How ctypes may name a parameter of the header."""
    handles = ("apcsmart_session", "apcsmart_port", "apcsmart_config")
    bare = declared.replace("const ", "").replace("struct ", "")
    if declared == "const char *":
        return [ctypes.c_char_p]
    if bare in (f"{handle} *" for handle in handles):
        return [ctypes.c_void_p]
    if bare in (f"{handle} **" for handle in handles):
        return [ctypes.POINTER(ctypes.c_void_p)]
    if declared == "const char **":
        return [ctypes.POINTER(ctypes.c_char_p)]
    if bare in ("char *", "uint8_t *"):
        # Room, and bytes that may be anything.
        return [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_uint8)]
    if bare.endswith("*"):
        return [ctypes.POINTER(ctype_of(bare[:-1].strip()))]
    return [ctype_of(declared)]


def test_every_function_of_the_header_is_declared_and_no_other() -> None:
    assert sorted(functions()) == sorted(_prototypes.FUNCTIONS)
    assert len(functions()) > 50, "the header was not read"


@pytest.mark.parametrize("name", sorted(functions()))
def test_a_function_gives_and_takes_what_the_header_says(name: str) -> None:
    declared_gives, declared_takes = functions()[name]
    gives, arguments = _prototypes.FUNCTIONS[name]
    assert gives is ctype_of(declared_gives)
    assert len(arguments) == len(declared_takes)
    for argument, declared in zip(arguments, declared_takes):
        assert argument in takes(declared), declared


def test_structures_have_the_fields_of_the_header_in_its_order() -> None:
    assert sorted(structures()) == sorted(_prototypes.STRUCTURES)
    for name, fields in structures().items():
        mine: Any = getattr(_prototypes.STRUCTURES[name], "_fields_")
        assert [field for field, _ in mine] == [field for field, _ in fields], name
        for (_, ctype), (field, declared) in zip(mine, fields):
            kind, _, room = declared.partition("[")
            base = ctype_of(kind)
            assert ctype == (base * int(room[:-1]) if room else base), f"{name}.{field}"


@pytest.mark.parametrize(
    ("name", "mine"),
    [
        ("result", Result),
        ("link", kinds.Link),
        ("alert", kinds.Alert),
        ("diagnosis", kinds.Diagnosis),
        ("outcome", kinds.OutcomeKind),
        ("writable", kinds.Writable),
    ],
)
def test_enums_have_the_numbers_of_the_header(name: str, mine: Any) -> None:
    known = {member.name: int(member) for member in mine if member.name != "UNKNOWN"}
    # "None" is what an event without such a thing has; in Python that event has no such field.
    declared = {one: number for one, number in enums()[name].items() if one != "NONE"}
    assert known == declared


def test_every_kind_of_event_has_a_class() -> None:
    declared = {number for name, number in enums()["event_kind"].items() if name != "NONE"}
    assert set(events._MAKERS) == declared


def test_constants_and_status_bits_are_those_of_the_header() -> None:
    declared = constants()
    bits = {
        name.replace("STATUS_", ""): value
        for name, value in declared.items()
        if name.startswith("STATUS_") and name != "STATUS_TEXT_SIZE"
    }
    assert bits == {status.name: int(status) for status in kinds.Status}
    for name in ("ABI_VERSION", "NEVER", "TRANSMIT_MAX", "STATUS_TEXT_SIZE"):
        assert getattr(_prototypes, name) == declared[name], name


@pytest.mark.parametrize("code", [code for code in Result if code not in (Result.OK, Result.ORDER_FAILED)])
def test_every_failure_has_an_exception_that_carries_its_number(code: Result) -> None:
    error = error_of(code, "it went wrong")
    assert type(error) is not ApcSmartError
    assert error.code == code
    assert str(error) == "it went wrong"


def test_a_failure_of_a_newer_library_is_still_an_error() -> None:
    error = error_of(9999, "something new")
    assert type(error) is ApcSmartError
    assert error.code == 9999
