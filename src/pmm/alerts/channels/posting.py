"""One POST to somebody's API: in time, without its secrets in any log, with an answer that is understood."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from pmm.alerts.channel import DeliveryFailed, DeliveryRefused
from pmm.errors import InvalidInput
from pmm.settings_alerts import check_address

_LONGEST_PAUSE_S = 3_600.0
_TIMEOUT, _TOO_EARLY, _TOO_MANY = 408, 425, 429
# These log whole URLs, and a Slack webhook's URL is its key.
_TALKATIVE = ("httpx", "httpcore")


class Poster:
    """Posts to one address. Its repr, its errors and every log show neither address nor headers."""

    def __init__(self, name: str, url: str, *, timeout_s: float) -> None:
        try:
            check_address(url)
        except ValueError as error:
            raise InvalidInput(f"{name}: {error}; correct its setting") from None
        for logger in _TALKATIVE:
            logging.getLogger(logger).setLevel(logging.WARNING)
        self._name = name
        self._url = url
        # No redirects: what is signed or keyed goes to nobody else.
        self._client = httpx.Client(timeout=timeout_s, trust_env=False, follow_redirects=False)

    def __repr__(self) -> str:
        return f"Poster({self._name})"

    def post(
        self,
        *,
        content: bytes,
        headers: Mapping[str, str],
        auth: tuple[str, str] | None = None,
    ) -> httpx.Response:
        """Return the answer if its status is 2xx.

        Raises DeliveryFailed for silence, 408, 425, 429 and 5xx, DeliveryRefused for every other status.
        """
        login = httpx.USE_CLIENT_DEFAULT if auth is None else httpx.BasicAuth(*auth)
        try:
            answer = self._client.post(self._url, content=content, headers=dict(headers), auth=login)
        except httpx.HTTPError as error:
            # Not chained: the request hangs on the error, and with it the key.
            raise DeliveryFailed(f"{self._name}: expected an answer, found {type(error).__name__}") from None
        status = answer.status_code
        if answer.is_success:
            return answer
        if status in (_TIMEOUT, _TOO_EARLY, _TOO_MANY) or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise DeliveryFailed(
                f"{self._name}: expected status 2xx, found {status}", retry_after_s=retry_after_s(answer)
            )
        raise DeliveryRefused(f"{self._name}: expected status 2xx, found {status}; check key and address")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def retry_after_s(answer: httpx.Response) -> float | None:
    """Return the seconds of ``Retry-After``, of an hour at most: a number or a date (RFC 9110, 10.2.3)."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isdigit():
        return min(float(value), _LONGEST_PAUSE_S)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_PAUSE_S)
