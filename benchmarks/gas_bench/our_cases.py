"""One measurement per way to fill an order of ours, and per way to cancel one."""

from __future__ import annotations

from collections.abc import Callable

from eth_abi.abi import encode

from gas_bench import oneinch
from gas_bench.build import own_contract
from gas_bench.feeds import FeedPair
from gas_bench.orders import LANE, fill_call
from gas_bench.report import Report, Row
from gas_bench.settlement import LANES, Ours
from gas_bench.stage import FORTUNE, Call
from pmm.chain.abi import encode_call, selector
from pmm.domain import (
    Address,
    BatchCall,
    BatchFill,
    CompactOrder,
    FillFunction,
    OwnDomainTerms,
    TakerTraits,
    allowed_sender_of,
)

FILLS = "fills of ours"
PORTAL = "fills of ours through the portal"
CANCELS = "cancels"
RATIOS = "against 1inch LOP 4.0.3 in the same run"
FIRST = "fillOrder, first nonce of a lane"
NEXT = "fillOrder, next nonce"
COMPACT = "fillOrderCompact, next nonce"
CAPPED = "fillOrder, caps on"
BANDED = "fillOrder, oracle band on"
CANCEL_ONE = "cancelNonce"
CANCEL_WINDOW = "cancelWindow, 160 nonces"
CANCEL_ALL = f"cancelAllLanes, {LANES} lanes"
COMPACT_FILL = "fillOrderCompact"
_WINDOW = 160
_BAND_ON, _CAPS_ON = 1, 2
_UNLIMITED_BAND = 200  # units of 5 bps


def measure_ours(ours: Ours, report: Report) -> None:
    """Measure every case whose function is on the contract; the others are noted as skipped."""
    _plain(ours, report)
    for case, needs, measure in (
        (COMPACT, (COMPACT_FILL,), _compact),
        (CAPPED, ("setGuards", "setCap"), _capped),
        (BANDED, ("setGuards", "setFeed"), _banded),
        (PORTAL, ("fillOrderFor",), _through_the_portal),
    ):
        _measure_if_there(ours, report, case, needs, measure)
    _contract_maker(ours, report)
    _cancels(ours, report)


def compare(report: Report) -> None:
    """Add the ratios to 1inch's figures of the same run."""
    pairs = (
        ("fillOrder, next nonce", NEXT, oneinch.NEXT, 0.95, 0.93),
        ("fillOrder, first nonce", FIRST, oneinch.FIRST, 0.95, 0.77),
        ("fillOrderCompact, next nonce", COMPACT, oneinch.NEXT, 0.935, 0.915),
        ("cancel one nonce", CANCEL_ONE, oneinch.CANCEL_ONE, 1.0, None),
        ("cancel a window", CANCEL_WINDOW, oneinch.CANCEL_MASK, 1.0, None),
    )
    for case, ours, theirs, target, goal in pairs:
        measured, reference = report.measured(ours), report.measured(theirs)
        if measured is not None and reference is not None:
            ratio = round(measured / reference, 4)
            row = Row(case=f"{case}, ratio", measured=ratio, unit="ratio", target=target, goal=goal)
            report.add(RATIOS, [row])


def _measure_if_there(
    ours: Ours,
    report: Report,
    case: str,
    needs: tuple[str, ...],
    measure: Callable[[Ours, Report], None],
) -> None:
    missing = [name for name in needs if not ours.has(name)]
    if missing:
        report.skip(case, f"RfqSettlement has no {' and no '.join(missing)} yet")
        return
    with ours.stage.undone():
        measure(ours, report)


def _plain(ours: Ours, report: Report) -> None:
    taker = ours.stage.taker.address
    with ours.stage.undone():
        first, following = ours.fill(0), ours.fill(1)
        private = ours.fill(2, allowed_sender=allowed_sender_of(taker))
        named = OwnDomainTerms(private_taker=taker).encode()
        rows = [
            Row(case=FIRST, measured=first),
            Row(case=NEXT, measured=following),
            Row(case="fillOrder, private by the caller's last 10 bytes", measured=private),
            Row(case="fillOrderArgs, private by the full address", measured=ours.fill(3, extension=named)),
            Row(case="fillOrder, sliding the window by one", measured=ours.fill(_WINDOW)),
            Row(case="fillOrder, sliding the window past its end", measured=ours.fill(3 * _WINDOW)),
        ]
        report.add(FILLS, rows)


def _compact(ours: Ours, report: Report) -> None:
    report.add(FILLS, [Row(case=COMPACT, measured=compact_gas(ours))])


def compact_gas(ours: Ours) -> int:
    """Return the gas of the compact entry, next nonce."""
    with ours.stage.undone():
        ours.fill(0)
        signed = ours.signed(1)
        words = CompactOrder.of(signed.order, ours.core_tokens).encode()
        signature = ours.signature_of(COMPACT_FILL)
        assert signature is not None
        call = Call(to=ours.address, data=selector(signature) + words + signed.signature.to_compact())
        return ours.stage.fill(call, holder=ours.address)


def _capped(ours: Ours, report: Report) -> None:
    for token in (ours.stage.base, ours.stage.quote):
        ours.configure("setCap", token, FORTUNE, FORTUNE, 3_600)
    ours.fill(0)
    plain = ours.fill(1)
    ours.configure("setGuards", _CAPS_ON)
    first, following = ours.fill(2), ours.fill(3)
    rows = [
        Row(case=f"{CAPPED}, first of the cap's window", measured=first),
        Row(case=CAPPED, measured=following),
        Row(case="what caps add to a fill", measured=following - plain, target=5_600, goal=300),
    ]
    report.add(FILLS, rows)


def _banded(ours: Ours, report: Report) -> None:
    stage = ours.stage
    feeds = FeedPair.place(
        stage, base_answer=2 * 10**8 * stage.taking // stage.making, quote_answer=2 * 10**8
    )
    for token, feed in ((stage.base, feeds.base), (stage.quote, feeds.quote)):
        ours.configure("setFeed", token, feed, 86_400)
    ours.configure("setBand", stage.base, stage.quote, _UNLIMITED_BAND)
    ours.fill(0)
    plain = ours.fill(1)
    ours.configure("setGuards", _BAND_ON)
    banded = ours.fill(2)
    bare = feeds.bare_read_gas()
    per_feed = (banded - plain - bare) / 2
    rows = [
        Row(case=BANDED, measured=banded),
        Row(case="bare latestRoundData() of both feeds", measured=bare),
        Row(
            case="what the band adds per feed above the bare read",
            measured=per_feed,
            target=2_900,
            goal=2_500,
        ),
    ]
    report.add(FILLS, rows)


def _through_the_portal(ours: Ours, report: Report) -> None:
    """Measure batches of plain fills against as many transactions to the settlement itself."""
    stage = ours.stage
    creation = own_contract("TakerPortal").creation(arguments=encode(["address"], [ours.address]))
    portal = stage.deploy("TakerPortal", creation)
    ours.join("takerPortal", portal)
    ours.fill(0)
    plain = ours.fill(1)
    rows, nonce = [], 2
    for size in (1, 2, 8):
        orders = [ours.signed(nonce + index) for index in range(size)]
        nonce += size
        traits = TakerTraits(maker_amount=True)
        fills = tuple(BatchFill.of(order, amount=stage.making, taker_traits=traits) for order in orders)
        before = stage.balances(ours.address)
        gas = stage.gas(Call(to=portal, data=BatchCall(fills=fills).encode()))
        base, quote = stage.balances(ours.address)
        assert (before[0] - base, quote - before[1]) == (size * stage.making, size * stage.taking)
        each = round(gas / size / plain, 4)
        rows += [
            Row(case=f"fillOrders of {size}", measured=gas),
            Row(case=f"fillOrders of {size}, each over fillOrder", measured=each, unit="ratio"),
        ]
    report.add(PORTAL, rows)


def _contract_maker(ours: Ours, report: Report) -> None:
    """Measure fills on 1inch's contract of orders whose maker is our contract."""
    long = Row(
        case="LOP 4.0.3 fillContractOrder, we as maker, long signature",
        measured=contract_maker_gas(ours, short=False),
        note="orders that have no compact form: a token that is not core, hooks",
    )
    short = Row(
        case="LOP 4.0.3 fillContractOrder, we as maker, short signature",
        measured=contract_maker_gas(ours, short=True),
        target=86_500,
        goal=85_500,
    )
    report.add(FILLS, [long, short])


def contract_maker_gas(ours: Ours, *, short: bool) -> int:
    """Return the gas of the next nonce of a word where we are the maker on 1inch's contract.

    The allowance is finite, as the settlement gives none other: 2,900 of it is the write of what is left.
    """
    with ours.stage.undone():
        for token in (ours.stage.base, ours.stage.quote):
            ours.configure("setRouterAllowance", token, 2**128 - 1)
        _fill_on_router(ours, 0, short=short)
        return _fill_on_router(ours, 1, short=short)


def _fill_on_router(ours: Ours, nonce: int, *, short: bool) -> int:
    signed = ours.signed(nonce, domain=ours.router.domain)
    core_tokens = ours.core_tokens if short else ()
    call = fill_call(ours.router.address, signed, FillFunction.FILL_CONTRACT_ORDER, core_tokens)
    return ours.stage.fill(call, holder=ours.address)


def _cancels(ours: Ours, report: Report) -> None:
    """Measure the signer's own cancels, in a lane that was filled before."""
    signer = Address(ours.signer.address)
    position = int(signer, 16) << 80 | LANE << 40 | 1
    epoch = report.measured(oneinch.CANCEL_EPOCH)
    ceiling = None if epoch is None else epoch + 5_300 * LANES
    cases = (
        (CANCEL_ONE, "cancelNonce", (position,), report.measured(oneinch.CANCEL_ONE)),
        (
            CANCEL_WINDOW,
            "cancelWindow",
            (position - 1, oneinch.MASK_160),
            report.measured(oneinch.CANCEL_MASK),
        ),
        (CANCEL_ALL, "cancelAllLanes", (signer,), ceiling),
    )
    for case, name, arguments, target in cases:
        signature = ours.signature_of(name)
        assert signature is not None
        with ours.stage.undone():
            ours.fill(0)
            call = Call(to=ours.address, data=encode_call(signature, *arguments), sender=signer)
            report.add(CANCELS, [Row(case=case, measured=ours.stage.gas(call), target=target)])
