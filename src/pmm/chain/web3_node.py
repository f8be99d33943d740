"""A node read through web3: batches of JSON-RPC and Multicall3, a timeout on each, our errors only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
from eth_abi.exceptions import DecodingError
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.addresses import MULTICALL3
from pmm.chain.rpc import NodeUnreachable, RpcError, key_parts, shown_url
from pmm.errors import ChainError

# What web3 lets out when an answer is JSON, but not the JSON-RPC that it takes for granted.
_MALFORMED = (Web3Exception, ValueError, TypeError, KeyError, AttributeError, IndexError)
_SHOWN_LENGTH = 300
_AGGREGATE = "aggregate3((address,bool,bytes)[])"

Call = tuple[str, bytes]
"""Target address and calldata."""


class Web3Node:
    """One node over HTTP, for reading only. Not thread-safe."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self.shown_url = shown_url(url)
        self._secrets = key_parts(url)
        session = requests.Session()
        session.trust_env = False
        # No silent retries: the caller knows how long an answer may take.
        self._provider = HTTPProvider(
            url,
            request_kwargs={"timeout": timeout_s},
            session=session,
            exception_retry_configuration=None,
        )
        self._session = session
        self.web3 = Web3(self._provider)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Call several methods in one round trip; a result per call, an RpcError where the node refused it.

        Raises:
            NodeUnreachable: no answer within the timeout.
            ChainError: the answer is not what JSON-RPC allows.
        """
        requests_ = [(RPCEndpoint(method), list(params)) for method, params in calls]
        try:
            answers: Any = self._provider.make_batch_request(requests_)
        except requests.RequestException as error:
            raise self._unreachable("a batch of calls", error) from error
        except _MALFORMED as error:
            raise self._malformed("a JSON-RPC batch answer", error) from error
        if not isinstance(answers, list) or len(answers) != len(calls):
            raise self._malformed(f"{len(calls)} answers", answers)
        if not all(isinstance(answer, dict) for answer in answers):
            raise self._malformed("JSON-RPC answers", answers)
        results: list[Any] = []
        for (method, _), answer in zip(calls, answers, strict=True):
            if "error" in answer:
                results.append(self._refusal(method, answer["error"]))
            elif "result" in answer:
                results.append(answer["result"])
            else:
                raise self._malformed(f"a result of {method}", answer)
        return results

    def call(self, target: str, data: bytes, *, block: int | str = "latest") -> bytes:
        """Call a contract and return what it returned; raises as :meth:`batch`, and ChainError on a revert."""
        try:
            return bytes(
                self.web3.eth.call(
                    {"to": Web3.to_checksum_address(target), "data": Web3.to_hex(data)},
                    block,  # type: ignore[arg-type]
                )
            )
        except requests.RequestException as error:
            raise self._unreachable(f"eth_call of {target}", error) from error
        except _MALFORMED as error:
            raise self._malformed(f"an answer of {target}", error) from error

    def multicall(self, calls: Sequence[Call], *, block: int | str) -> list[bytes | None]:
        """Call many contracts at one block; None where a call failed or returned nothing."""
        if not calls:
            return []
        data = encode_call(_AGGREGATE, [(target, True, payload) for target, payload in calls])
        answer = self.call(MULTICALL3, data, block=block)
        try:
            (results,) = decode_result(("(bool,bytes)[]",), answer)
        except DecodingError as error:
            raise ChainError(
                f"expected Multicall3 at {MULTICALL3}, found something that answers {len(answer)} bytes; "
                "check that the node is a mainnet node"
            ) from error
        return [returned if ok and returned else None for ok, returned in results]

    def without_key(self, text: str) -> str:
        """Return a text without those parts of the node's address that may be a key."""
        for secret in self._secrets:
            text = text.replace(secret, "...")
        return text

    def _refusal(self, method: str, error: Any) -> RpcError:
        fields = error if isinstance(error, dict) else {"message": error}
        return RpcError(method, {**fields, "message": self.without_key(str(fields.get("message")))})

    def _unreachable(self, what: str, error: requests.RequestException) -> NodeUnreachable:
        status = "" if error.response is None else f" (HTTP status {error.response.status_code})"
        return NodeUnreachable(
            f"expected an answer to {what} from {self.shown_url}, found {type(error).__name__}{status}; "
            "check that the node runs and that the address is right"
        )

    def _malformed(self, what: str, found: object) -> ChainError:
        # Cut after the key is out: half a key would not be recognised.
        shown = self.without_key(repr(found))[:_SHOWN_LENGTH]
        return ChainError(f"expected {what} from {self.shown_url}, found {shown}")


def word(data: bytes | None, *, what: str) -> int:
    """Return the single uint256 that a call returned; raise ChainError when there is none."""
    if data is None or len(data) < 32:
        found = "a failed call" if data is None else f"{len(data)} bytes"
        raise ChainError(f"expected a number from {what}, found {found}")
    return int.from_bytes(data[:32], "big")
