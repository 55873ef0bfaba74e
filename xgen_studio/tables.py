"""From a parsed TOML table to a dataclass, with one clear line for every key that does not fit."""

from __future__ import annotations

import math
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from xgen_studio.errors import InputError

T = TypeVar("T")


def from_table(cls: type[T], table: Any, where: str) -> T:
    """An instance of a dataclass from a table; InputError names the key, the place and the type.

    Nested dataclasses, lists for tuples, and whole numbers for floats are understood; booleans are
    no numbers, and NaN and infinity are nothing.
    """
    if not isinstance(table, dict):
        raise InputError(f"{where}: needs a table of keys, not {table!r}")
    hints = get_type_hints(cls)
    known = {f.name: f for f in fields(cls) if f.init}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise InputError(f"{where}: unknown key '{key}'; known: {', '.join(sorted(known))}")
    values = {}
    for name, field in known.items():
        if name in table:
            values[name] = _value(hints[name], table[name], f"{where}: {name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{where}: the key '{name}' is missing")
    try:
        return cls(**values)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def _value(kind: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    if isinstance(kind, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return from_table(kind, value, where)
    if origin is tuple and isinstance(value, list | tuple):
        if parts[-1:] == (...,):
            parts = parts[:1] * len(value)
        if len(parts) != len(value):
            raise InputError(f"{where} needs {len(parts)} values, not {len(value)}")
        return tuple(_value(part, v, where) for part, v in zip(parts, value, strict=True))
    if origin is dict and isinstance(value, dict):
        return {key: _value(parts[1], v, f"{where}.{key}") for key, v in value.items()}
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise InputError(f"{where} is {value}; a finite number is needed")
        return float(value)
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in (str, bool, Path) and isinstance(value, kind):
        return value
    name = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    expected = name.get(kind, "a list" if origin is tuple else "a table")
    raise InputError(f"{where} is {value!r}; {expected} is needed")
