"""``pmm otc enter``: a negotiated trade, signed by the running server."""

from __future__ import annotations

import json
import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from pmm.domain import MAINNET_TOKENS, Token
from pmm.domain.unix_time import utc_text
from pmm.errors import InvalidInput, SetupError
from pmm.server.client import QuoteRefused, parse_answer

_TIMEOUT_S = 10.0
_PATH = "/v1/operator/otc"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Enter negotiated trades.")


@app.callback()
def _group() -> None:
    """Keep ``enter`` a subcommand."""


@app.command()
def enter(
    reference: Annotated[
        str, typer.Option(help="The trade's name in your books; again gives the same order.")
    ],
    counterparty: Annotated[str, typer.Option(help="Who it is with.")],
    taker: Annotated[str, typer.Option(help="The counterparty's address, the only one that may fill.")],
    give: Annotated[str, typer.Option(help="TOKEN=AMOUNT that we give, in whole tokens.")],
    get: Annotated[str, typer.Option(help="TOKEN=AMOUNT that we get, in whole tokens.")],
    life_s: Annotated[int, typer.Option("--life-s", min=1, help="How long it may be filled.")] = 240,
    server: Annotated[str, typer.Option(help="Address of the server.")] = "http://127.0.0.1:8400",
    key_env: Annotated[str | None, typer.Option(help="Variable that holds an API key of a trader.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="File that holds it.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the signed order there (mode 0600), not to standard output.")
    ] = None,
) -> None:
    """Check, reserve, journal and sign a trade; print the signed order for the counterparty."""
    given, got = _leg(give, "--give"), _leg(get, "--get")
    body = {
        "reference": reference,
        "counterparty": counterparty,
        "taker": taker,
        "give": given[0].address,
        "giveAmount": str(given[1]),
        "get": got[0].address,
        "getAmount": str(got[1]),
        "lifeS": life_s,
    }
    answer = _post(server, body, _key(key_env, key_file))
    signed = parse_answer(answer)
    text = json.dumps(answer, indent=2)
    if out is None:
        typer.echo(text)
    else:
        _write_private(out, text)
    typer.echo(
        f"{reference}: {give} for {get}, {answer.get('totalBps', '?')} bps for us against the fair value, until "
        f"{utc_text(signed.expiration_s)}, order 0x{signed.signed.order_hash.hex()}",
        err=True,
    )


def _leg(text: str, name: str) -> tuple[Token, int]:
    symbol, sign, amount = text.partition("=")
    if not sign:
        raise InvalidInput(f"{name}: expected TOKEN=AMOUNT such as WETH=20, found {text[:40]!r}")
    token = MAINNET_TOKENS.get(symbol, name)
    try:
        units = Decimal(amount).scaleb(token.decimals)
    except InvalidOperation:
        raise InvalidInput(f"{name}: expected an amount such as 20 or 0.5, found {amount[:40]!r}") from None
    if not units.is_finite() or units <= 0 or units != units.to_integral_value():
        raise InvalidInput(
            f"{name}: expected an amount above 0 with at most {token.decimals} decimals, found {amount[:40]!r}"
        )
    return token, int(units)


def _key(variable: str | None, file: Path | None) -> str | None:
    if variable is not None and file is not None:
        raise InvalidInput("key: expected --key-env or --key-file, found both")
    if variable is not None:
        found = os.environ.get(variable)
        if not found:
            # The name is not repeated: it may be the key itself, given by mistake.
            raise InvalidInput("--key-env: expected the NAME of a variable that holds an API key, found none")
        return found
    if file is None:
        return None
    try:
        if file.stat().st_mode & 0o077:
            raise InvalidInput(f"--key-file {file}: expected mode 0600, others can read it; run chmod 600")
        return file.read_text().strip()
    except OSError as error:
        raise InvalidInput(
            f"--key-file {file}: expected an API key there, found: {error.strerror}"
        ) from error


def _post(server: str, body: dict[str, Any], key: str | None) -> dict[str, Any]:
    try:
        response = httpx.post(
            server.rstrip("/") + _PATH,
            json=body,
            headers={"X-API-Key": key} if key else {},
            timeout=_TIMEOUT_S,
            trust_env=False,
        )
        answer = response.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SetupError(
            f"expected a quote server at {server}, found {type(error).__name__}; start it with `pmm serve`. Entered "
            "again under the same reference, the trade is not signed twice"
        ) from error
    except ValueError as error:
        raise SetupError(
            f"expected JSON from {server}, found something else; is it a quote server?"
        ) from error
    if response.is_success and isinstance(answer, dict):
        return answer
    detail = answer.get("error") if isinstance(answer, dict) else None
    fields = detail if isinstance(detail, dict) else {"message": f"HTTP status {response.status_code}"}
    raise QuoteRefused(
        status=response.status_code,
        code=str(fields.get("code", "refused")),
        message=str(fields.get("message", "")),
        remedy=str(fields.get("remedy", "")),
    )


def _write_private(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    except OSError as error:
        raise SetupError(
            f"expected to write {path} anew, found: {error.strerror}; the same reference gives the order again"
        ) from error
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
