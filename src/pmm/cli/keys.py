"""``pmm keys create | list | revoke``: who may ask the server."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from pmm.errors import InvalidInput
from pmm.localnet.file_lock import exclusive
from pmm.server.access.keys import KeyKind, KeyRecord, new_key, read_keys, write_keys
from pmm.server.access.roles import Role

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keys of relayers and operators.")

_File = Annotated[
    Path | None, typer.Option("--file", help="Key file.", show_default="that of PMM_AUTH_KEYS_FILE")
]


def _path(given: Path | None) -> Path:
    name = os.environ.get("PMM_AUTH_KEYS_FILE", "")
    if given is None and not name:
        raise InvalidInput("key file: expected --file PATH or PMM_AUTH_KEYS_FILE, found neither")
    return given or Path(name)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The relayer's name as the server knows it, or the person's.")],
    role: Annotated[Role, typer.Option(help="What the key may do.")] = Role.RELAYER,
    hmac: Annotated[
        bool, typer.Option("--hmac", help="A secret that signs requests and never travels.")
    ] = False,
    rate: Annotated[float | None, typer.Option(min=0.01, help="Requests per second.")] = None,
    burst: Annotated[int | None, typer.Option(min=1, help="Requests at once after a rest.")] = None,
    file: _File = None,
) -> None:
    """Make a key and print it once; it cannot be shown again."""
    path = _path(file)
    kind = KeyKind.HMAC if hmac else KeyKind.API_KEY
    record, shown = new_key(
        kind=kind, role=role, name=name, now_s=int(time.time()), rate_per_s=rate, burst=burst
    )
    with exclusive(path.with_name(f"{path.name}.lock")):
        write_keys(path, [*read_keys(path), record])
    typer.echo(shown)
    how = "X-PMM-Key is its middle part, the secret its last" if hmac else "send it as X-API-Key"
    typer.echo(f"key {record.key_id}, {role.value} {name}: shown only now; {how}", err=True)


@app.command("list")
def list_keys(file: _File = None) -> None:
    """List the keys without their secrets."""
    table = Table("key", "kind", "role", "name", "rate/s", "made", "revoked")
    for key in read_keys(_path(file)):
        table.add_row(
            key.key_id,
            key.kind.value,
            key.role.value,
            key.name,
            "" if key.rate_per_s is None else f"{key.rate_per_s:g}",
            _day(key.created_at_s),
            _day(key.revoked_at_s),
        )
    Console(width=None).print(table)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="As in `pmm keys list`.")], file: _File = None) -> None:
    """End a key; a running server notices within a second or two."""
    path = _path(file)
    with exclusive(path.with_name(f"{path.name}.lock")):
        keys = read_keys(path)
        if not any(key.key_id == key_id and key.revoked_at_s is None for key in keys):
            raise InvalidInput(
                f"key: expected one of `pmm keys list` that is not revoked, found {key_id[:40]!r}"
            )
        write_keys(path, [_revoked(key) if key.key_id == key_id else key for key in keys])
    typer.echo(f"key {key_id} is revoked", err=True)


def _revoked(key: KeyRecord) -> KeyRecord:
    return msgspec.structs.replace(key, revoked_at_s=int(time.time()), verifier="")


def _day(unix_s: int | None) -> str:
    return "" if unix_s is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(unix_s))
