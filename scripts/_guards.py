"""Caps, feeds, bands and switches as options of a script, and the owner's calls that they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

Step = tuple[str, tuple[Any, ...]]

_GUARD_BITS = {"band": 1, "caps": 2}
_BAND_UNIT_BPS = 5
_NO_LIMIT_UNITS = 255


def guard_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; it gets ``caps``, ``feeds``, ``bands`` and ``guards``."""
    options = (
        click.option(
            "--cap",
            "caps",
            multiple=True,
            metavar="TOKEN=BLOCK,WINDOW,SECONDS",
            help="How much may leave per block and in any span of so many seconds, base units; may be repeated.",
        ),
        click.option(
            "--feed",
            "feeds",
            multiple=True,
            metavar="TOKEN=FEED,HEARTBEAT",
            help="Chainlink feed in USD and its heartbeat in seconds; may be repeated.",
        ),
        click.option(
            "--band",
            "bands",
            multiple=True,
            metavar="TOKEN,TOKEN=BPS",
            help="How far below the feeds' value the maker may sell, in steps of 5 bps up to 1,270, or `none` for no "
            "limit; may be repeated.",
        ),
        click.option(
            "--guard",
            "guards",
            multiple=True,
            type=click.Choice(sorted(_GUARD_BITS)),
            help="Switch to turn on; may be repeated.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def guard_steps(
    caps: Sequence[str], feeds: Sequence[str], bands: Sequence[str], guards: Sequence[str]
) -> list[Step]:
    """Return the owner's calls, switches last; raises UsageError naming the option that cannot be read."""
    steps: list[Step] = []
    for text in feeds:
        token, (feed, heartbeat_s) = _split(text, "--feed TOKEN=FEED,HEARTBEAT", 2)
        steps.append(("setFeed", (token, feed, _number(heartbeat_s, text))))
    for text in bands:
        pair, (width,) = _split(text, "--band TOKEN,TOKEN=BPS", 1)
        tokens = pair.split(",")
        if len(tokens) != 2:
            raise click.UsageError(f"expected --band TOKEN,TOKEN=BPS, found {text!r}")
        steps.append(("setBand", (*tokens, _units(width, text))))
    for text in caps:
        token, values = _split(text, "--cap TOKEN=BLOCK,WINDOW,SECONDS", 3)
        steps.append(("setCap", (token, *(_number(value, text) for value in values))))
    if guards:
        steps.append(("setGuards", (sum(_GUARD_BITS[name] for name in set(guards)),)))
    return steps


def _split(text: str, form: str, count: int) -> tuple[str, list[str]]:
    name, _, rest = text.partition("=")
    values = rest.split(",")
    if not name or len(values) != count or not all(values):
        raise click.UsageError(f"expected {form}, found {text!r}")
    return name, values


def _number(value: str, text: str) -> int:
    if not value.isdigit():
        raise click.UsageError(f"expected a whole number, found {value!r} in {text!r}")
    return int(value)


def _units(width: str, text: str) -> int:
    if width == "none":
        return _NO_LIMIT_UNITS
    units, rest = divmod(_number(width, text), _BAND_UNIT_BPS)
    if rest or units >= _NO_LIMIT_UNITS:
        raise click.UsageError(f"expected a band in steps of 5 bps up to 1,270, or none, found {text!r}")
    return units
