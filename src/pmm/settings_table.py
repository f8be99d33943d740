"""docs/settings.md, made from the settings themselves."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic.fields import FieldInfo

from pmm.settings import PREFIX, ServeSettings
from pmm.settings_changes import RELOADABLE
from pmm.settings_sections import NESTED, SECTIONS, section_of

_HEAD = """# Settings

Made by `pmm config table > docs/settings.md`. An option of `pmm serve` overrules its environment variable, a variable
overrules the TOML file (`--config FILE`, `PMM_CONFIG`), the file overrules the default. Unknown variables, tables and
keys are refused with the nearest known name. `pmm config show` prints what is in force, without secrets. Settings
marked *live* change with a reload ([operations.md](operations.md)); a file that changes another one is refused whole.

    [limits]                 # tables are the headings below
    max_quote_usd = 250000   # same as PMM_MAX_QUOTE_USD=250000
    [auth]
    rate_per_s = 100         # same as PMM_AUTH_RATE_PER_S=100
"""


def variable_of(name: str) -> str:
    """Return the environment variable of a leaf such as ``tls.key``."""
    return PREFIX + name.replace(".", "_").upper()


def settings_page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for section in SECTIONS:
        parts += [
            f"\n## `[{section}]`\n\n",
            "| variable | key | default | live | meaning |\n|---|---|---|---|---|\n",
        ]
        parts += [_row(name, key, field) for name, key, field in _fields(section)]
    return "".join(parts)


def _fields(section: str) -> list[tuple[str, str, FieldInfo]]:
    if section in NESTED:
        return [(f"{section}.{key}", key, field) for key, field in NESTED[section].model_fields.items()]
    top = ServeSettings.model_fields.items()
    return [(name, name, field) for name, field in top if name not in NESTED and section_of(name) == section]


def _row(name: str, key: str, field: FieldInfo) -> str:
    default = "the offline mainnet" if name == "rpc_url" else _text(field.default)
    value = f"`{default}`" if default and name != "rpc_url" else default
    live = "live" if name in RELOADABLE else ""
    return f"| `{variable_of(name)}` | `{key}` | {value} | {live} | {field.description} |\n"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(_text(one) for one in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value, int) else str(value.value)
    return str(value)
