"""The risk settings as a section of the settings tree: made from ``RiskSettings``, field by field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic_settings import NoDecode

from pmm.risk.catalogue import BY_NAME
from pmm.risk.lines import Line
from pmm.risk.plans import ActionKind
from pmm.risk.settings import RiskSettings


def _split(value: Any) -> Any:
    return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value


def _line_check(name: str) -> Callable[[tuple[float, float, float]], tuple[float, float, float]]:
    def check(value: tuple[float, float, float]) -> tuple[float, float, float]:
        Line(BY_NAME[name].better, *value)
        return value

    return check


def _known_actions(value: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(value) - set(ActionKind))
    if unknown:
        raise ValueError(f"expected any of {', '.join(ActionKind)}, found {', '.join(unknown)}")
    return value


def _field(name: str, hint: Any, default: Any, description: str) -> Any:
    if get_origin(hint) is tuple and get_args(hint):
        hint = Annotated[hint, NoDecode, BeforeValidator(_split)]
    if name in BY_NAME:
        hint = Annotated[hint, AfterValidator(_line_check(name))]
    if name == "ask":
        hint = Annotated[hint, AfterValidator(_known_actions)]
    return hint, Field(default, description=description)


def _section() -> type[BaseModel]:
    hints = get_type_hints(RiskSettings)
    definitions: dict[str, Any] = {}
    for one in fields(RiskSettings):
        assert one.default is not MISSING
        definitions[one.name] = _field(one.name, hints[one.name], one.default, one.metadata["description"])
    return create_model(
        "RiskSection",
        __config__=ConfigDict(frozen=True, extra="forbid"),
        __doc__=RiskSettings.__doc__,
        **definitions,
    )


RiskSection = _section()
"""A frozen model with the fields of ``RiskSettings``; lists are written with commas, lines are checked."""


def risk_settings(section: BaseModel) -> RiskSettings:
    """Return what the risk package takes."""
    return RiskSettings(**section.model_dump())
