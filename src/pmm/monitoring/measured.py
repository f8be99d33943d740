"""Puts a stopwatch around methods of a port, without the port or its user knowing."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

from pmm.execution import Stage, StageWatch

T = TypeVar("T")


class _Measured:
    def __init__(self, target: object, watch: StageWatch, methods: Mapping[str, Stage]) -> None:
        self._target = target
        # Found on the instance first, so that a call costs no lookup through __getattr__.
        for name in dir(type(target)):
            if not name.startswith("_") and inspect.isfunction(inspect.getattr_static(type(target), name)):
                self.__dict__[name] = getattr(target, name)
        # So are the fields of a target that never changes.
        if is_dataclass(target) and getattr(target, "__dataclass_params__").frozen:  # noqa: B009
            self.__dict__.update({field.name: getattr(target, field.name) for field in fields(target)})
        for name, stage in methods.items():
            self.__dict__[name] = _timed(getattr(target, name), watch, stage)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


def measured(target: T, watch: StageWatch, methods: Mapping[str, Stage]) -> T:
    """Return ``target`` with ``methods`` timed, up to the result of those that are awaited."""
    return cast(T, _Measured(target, watch, methods))


def _timed(method: Callable[..., Any], watch: StageWatch, stage: Stage) -> Callable[..., Any]:
    async def until_done(awaitable: Awaitable[Any], started_ns: int) -> Any:
        try:
            return await awaitable
        finally:
            watch.took(stage, started_ns)

    # Kinds of results that came at once: to ask one for a method that it has not takes longer than to know it.
    at_once: set[type] = set()

    async def timed_to_the_end(*arguments: Any, **named: Any) -> Any:
        started_ns = watch.now_ns()
        try:
            return await method(*arguments, **named)
        finally:
            watch.took(stage, started_ns)

    def timed(*arguments: Any, **named: Any) -> Any:
        started_ns = watch.now_ns()
        result = method(*arguments, **named)
        if type(result) in at_once:
            watch.took(stage, started_ns)
            return result
        if isinstance(result, asyncio.Future):
            # As it is: a coroutine around it would become a task of its own.
            result.add_done_callback(lambda _: watch.took(stage, started_ns))
            return result
        if hasattr(type(result), "__await__"):
            return until_done(result, started_ns)
        at_once.add(type(result))
        watch.took(stage, started_ns)
        return result

    return timed_to_the_end if inspect.iscoroutinefunction(method) else timed
