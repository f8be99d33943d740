"""Whether fills through the hedger can work: the settlement calls one contract alone, and its code must be ours."""

from __future__ import annotations

from pmm.chain.deployments import Deployment
from pmm.chain.inventory import hedger_call
from pmm.chain.rpc import JsonRpc
from pmm.domain import ZERO_ADDRESS, Address, address_from_bytes, to_hex
from pmm.errors import InvalidInput, UnsafeToSign

HEDGER = "AtomicHedger"


def hedger_fault(rpc: JsonRpc, deployment: Deployment, settlement: Address) -> str | None:
    """Return why no fill can go through the hedger, None when the recorded one is the settlement's and has its code.

    A flash swap on one pool needs none. A settlement contract's hedger is fixed in its code, so asking at the start
    is enough.
    Raises ChainError when the node does not answer.
    """
    try:
        recorded = deployment.address(HEDGER)
    except InvalidInput as error:
        return str(error)
    target, data = hedger_call(settlement)
    answer = bytes.fromhex(rpc.call("eth_call", {"to": target, "data": to_hex(data)}, "latest")[2:])
    found = address_from_bytes(answer[12:32]) if len(answer) == 32 else ZERO_ADDRESS
    if found.lower() != recorded.lower():
        shown = "none" if found == ZERO_ADDRESS else found
        return (
            f"expected {recorded} as hedger of {settlement}, found {shown}; give the --deployment that belongs to "
            "it, or deploy both anew by `ape run deploy settlement`"
        )
    try:
        deployment.check_code(rpc, HEDGER)
    except UnsafeToSign as error:
        return str(error)
    return None
