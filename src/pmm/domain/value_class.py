"""Frozen data classes that cost little to make: a firm quote makes fifty of them.

A frozen data class sets each field through ``object.__setattr__``: 1.4 us for ten fields. The same class over
``msgspec.Struct`` takes 0.15 us, and its instances are no work for the garbage collector while they hold none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec.structs

T = TypeVar("T")

__all__ = ["set_field", "value_class"]

set_field: Callable[[Any, str, object], None] = msgspec.structs.force_setattr
"""Sets a field of a value that is being made, in its ``__post_init__`` and nowhere else."""

if TYPE_CHECKING:
    from dataclasses import dataclass as value_class
else:

    def value_class(*, frozen: bool, slots: bool, kw_only: bool) -> Callable[[type[T]], type[T]]:
        """Return a decorator in the place of ``dataclass(frozen=True, slots=True, kw_only=True)``, and of no other.

        ``dataclasses.fields``, ``replace`` and ``asdict`` take the instances as they take a data class's. A class
        that has a base, a field outside ``__init__`` or one outside ``repr`` raises TypeError. ``__post_init__``
        may check fields; to set one it needs :data:`set_field`.
        """
        if not (frozen and slots and kw_only):
            raise TypeError("value_class: expected frozen, slots and kw_only")
        return _over_struct


def _over_struct(cls: type[T]) -> type[T]:
    known = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    if cls.__bases__ != (object,):
        raise TypeError(f"value_class {cls.__name__}: expected no base, found {cls.__bases__}")
    # Of the data class itself only its fields are used: they are what the module dataclasses asks for.
    described: Any = dataclass(frozen=True, kw_only=True)(type(cls.__name__, (), dict(known)))
    declared: list[tuple[str, Any, Any]] = []
    for one in fields(described):
        if not one.init or not one.repr or not one.compare:
            raise TypeError(f"value_class {cls.__name__}: expected plain fields, found {one.name}")
        declared.append((one.name, one.type, _default_of(one)))
    names = {name for name, _, _ in declared}
    body = {name: value for name, value in known.items() if name not in names and name != "__annotations__"}
    body["__dataclass_fields__"] = described.__dataclass_fields__
    body["__dataclass_params__"] = described.__dataclass_params__
    found: Any = msgspec.defstruct(
        cls.__name__, declared, namespace=body, module=cls.__module__, frozen=True, kw_only=True
    )
    found.__qualname__ = cls.__qualname__
    # msgspec's own refusal is an AttributeError that names no field.
    found.__setattr__ = found.__delattr__ = _refuse
    # In the order of the fields, as a data class has them.
    found.__slots__ = tuple(name for name, _, _ in declared)
    return found  # type: ignore[no-any-return]


def _refuse(made: object, name: str, *value: object) -> None:
    raise FrozenInstanceError(f"{type(made).__name__}: its fields do not change, found a new {name}")


def _default_of(one: Field[Any]) -> Any:
    if one.default is not MISSING:
        return msgspec.field(default=one.default)
    if one.default_factory is not MISSING:
        return msgspec.field(default_factory=one.default_factory)
    return msgspec.field()
