"""The TOML file of the settings: tables flattened, unknown keys refused with the nearest known one."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pmm.errors import InvalidInput
from pmm.settings_sections import NESTED, SECTIONS, section_of

_MAX_BYTES = 1_000_000


def read_settings_file(path: Path, known: Collection[str]) -> dict[str, Any]:
    """Return a file's settings in the shape of the tree.

    Args:
        path: the TOML file.
        known: names of the tree's top: settings without a section in their name, and the nested sections.

    Raises InvalidInput when the file cannot be read, is no TOML, or holds an unknown table or key; values are not
    repeated, they may be secrets.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise InvalidInput(f"settings file {path}: expected at most {_MAX_BYTES} bytes")
        tables = tomllib.loads(text.decode("utf-8"))
    except OSError as error:
        raise InvalidInput(
            f"settings file {path}: {error.strerror}; set PMM_CONFIG to a TOML file"
        ) from error
    except UnicodeDecodeError:
        raise InvalidInput(f"settings file {path}: expected UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"settings file {path}: expected TOML, found: {error}") from None
    flat: dict[str, Any] = {}
    for section, table in tables.items():
        _check_section(path, section, table)
        names = _names_in(section, known)
        for name, value in table.items():
            if name not in names:
                raise InvalidInput(_unknown(path, section, name, names, known))
            if section in NESTED:
                flat.setdefault(section, {})[name] = value
            else:
                flat[name] = _as_text(value)
    return flat


def _as_text(value: Any) -> Any:
    # A float would reach a price through binary digits: its shortest text is what the file says.
    if isinstance(value, float):
        return repr(value)
    return [_as_text(entry) for entry in value] if isinstance(value, list) else value


def _check_section(path: Path, section: str, table: Any) -> None:
    if section not in SECTIONS or not isinstance(table, dict):
        close = get_close_matches(section, SECTIONS, n=1)
        hint = f"; did you mean [{close[0]}]?" if close else ""
        raise InvalidInput(
            f"settings file {path}: expected tables of {', '.join(SECTIONS)}, found {section!r}{hint}"
        )


def _names_in(section: str, known: Collection[str]) -> set[str]:
    if section in NESTED:
        return set(NESTED[section].model_fields)
    return {name for name in known if name not in NESTED and section_of(name) == section}


def _unknown(path: Path, section: str, name: str, names: set[str], known: Collection[str]) -> str:
    close = get_close_matches(name, names, n=1)
    if close:
        hint = f"; did you mean {close[0]}?"
    elif name in known:
        hint = f"; it belongs into [{section_of(name)}]"
    else:
        hint = "; `pmm config show` lists what there is"
    return f"settings file {path}: unknown key {name!r} in [{section}]{hint}"
