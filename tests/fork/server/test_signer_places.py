"""Restarting works for ever on one fork: a run gives its signer's place back, or the next one takes it."""

from pathlib import Path

from pmm.chain.inventory import signers_call, signers_of
from pmm.chain.signer_keys import MAX_SIGNERS
from pmm.domain import parse_address, to_hex
from pmm.localnet.addresses import keyless_account
from pmm.localnet.placement import ChainBuilder
from tests.fork.server.site import Deployed, as_owner, fill, serving


def test_serve__started_and_stopped_often__finds_a_place_for_its_signer(
    deployed: Deployed, tmp_path: Path
) -> None:
    for number in range(3):
        with serving(deployed, tmp_path / f"{number}.sqlite") as server:
            assert server.runtime.signer.address in signers(deployed)
            server.quote(settlement="pmm")
        assert server.runtime.signer.address not in signers(deployed)


def test_serve__places_full_of_runs_left_behind__takes_the_first(
    deployed: Deployed, journal: Path, chain: ChainBuilder
) -> None:
    left = [keyless_account(f"run {number}") for number in range(MAX_SIGNERS - len(signers(deployed)))]
    for signer in left:
        as_owner(chain, deployed, "initLanes(address,uint256)", signer, 2)
    with serving(deployed, journal) as server:
        fill(chain, server.quote(settlement="pmm"))
        assert left[0].lower() not in [signer.lower() for signer in signers(deployed)]


def signers(deployed: Deployed) -> list[str]:
    target, data = signers_call(parse_address(deployed.settlement))
    answer = deployed.rpc.call("eth_call", {"to": target, "data": to_hex(data)}, "latest")
    return [parse_address(signer) for signer in signers_of(bytes.fromhex(answer[2:]))]
