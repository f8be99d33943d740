# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Roles and limits of LendingAccount
@license Apache-2.0
@dev Roles are read from the settlement contract at every call. All limits share one word:

     | bits    | meaning                                                          |
     |---------|------------------------------------------------------------------|
     | 0-159   | delta hedger, zero = none                                         |
     | 160-175 | health floor on Aave V3, bps (10,000 = liquidation)               |
     | 176-191 | health floor on Compound V2, bps                                  |
     | 192     | borrowing is paused                                              |
     | 193-223 | most debt on Aave V3, whole USD; zero = no new debt               |
     | 224-254 | most debt on Compound V2, whole USD                               |
"""
from ...interfaces import IDeltaHedger
from ...interfaces import IDesk
from . import lending_errors

AAVE_V3: constant(uint256) = 1
COMPOUND_V2: constant(uint256) = 2

_BPS: constant(uint256) = 10_000
_WAD_PER_BPS: constant(uint256) = 10**14
_USD: constant(uint256) = 10**8
_HEDGER_MASK: constant(uint256) = 2**160 - 1
_AAVE_FLOOR_AT: constant(uint256) = 160
_COMPOUND_FLOOR_AT: constant(uint256) = 176
_FLOOR_MASK: constant(uint256) = 2**16 - 1
_PAUSED: constant(uint256) = 1 << 192
_AAVE_CAP_AT: constant(uint256) = 193
_COMPOUND_CAP_AT: constant(uint256) = 224
_CAP_MASK: constant(uint256) = 2**31 - 1


event DeltaHedgerSet:
    hedger: indexed(address)


event HealthFloorSet:
    market: indexed(uint256)
    floor_bps: uint256


event DebtCapSet:
    market: indexed(uint256)
    cap_usd: uint256


event BorrowingPauseSet:
    paused: bool


SETTLEMENT: public(immutable(address))

_word: uint256


@deploy
def __init__(settlement: address, floor_bps: uint256):
    SETTLEMENT = settlement
    self._set_floor(AAVE_V3, floor_bps)
    self._set_floor(COMPOUND_V2, floor_bps)


# ------------------------------------------------------------------------------------------ owner and guardian


@external
def setDeltaHedger(hedger: address):
    """
    @notice Set the delta hedger, or none. Owner; the guardian may set none.
    """
    if hedger != empty(address):
        self._require_owner()
        if not hedger.is_contract:
            lending_errors._not_a_contract(hedger)
        if staticcall IDeltaHedger(hedger).SETTLEMENT() != SETTLEMENT:
            lending_errors._foreign_hedger(hedger)
        if staticcall IDeltaHedger(hedger).LENDING_ACCOUNT() != self:
            lending_errors._foreign_hedger(hedger)
    else:
        self._require_reducer()
    self._word = (self._word & ~_HEDGER_MASK) | convert(hedger, uint256)
    log DeltaHedgerSet(hedger=hedger)


@external
def setHealthFloor(market: uint256, floor_bps: uint256):
    """
    @notice Set the lowest health factor that an exit may leave. Owner.
    @param floor_bps Above 10,000, which is liquidation; at most 65,535.
    """
    self._require_owner()
    self._set_floor(market, floor_bps)


@external
def setDebtCap(market: uint256, cap_usd: uint256):
    """
    @notice Set the debt above which nothing more is borrowed in a market. Owner.
    @param cap_usd Whole USD at the market's own prices, below 2**31; zero forbids new debt.
    """
    self._require_owner()
    if cap_usd > _CAP_MASK:
        lending_errors._invalid_cap(cap_usd)
    at: uint256 = self._at(market, _AAVE_CAP_AT, _COMPOUND_CAP_AT)
    self._word = (self._word & ~(_CAP_MASK << at)) | (cap_usd << at)
    log DebtCapSet(market=market, cap_usd=cap_usd)


@external
def pauseBorrowing():
    """
    @notice Forbid new debt in both markets. Guardian or owner.
    """
    self._require_reducer()
    self._word |= _PAUSED
    log BorrowingPauseSet(paused=True)


@external
def resumeBorrowing():
    """
    @notice Allow new debt again. Owner.
    """
    self._require_owner()
    self._word &= ~_PAUSED
    log BorrowingPauseSet(paused=False)


@external
@view
def settings() -> (address, uint256, uint256, uint256, uint256, bool):
    """
    @return Delta hedger; health floors in bps of Aave V3 and Compound V2; debt caps in whole USD of the two; whether
            borrowing is paused.
    """
    word: uint256 = self._word
    return (
        convert(word & _HEDGER_MASK, address),
        (word >> _AAVE_FLOOR_AT) & _FLOOR_MASK,
        (word >> _COMPOUND_FLOOR_AT) & _FLOOR_MASK,
        (word >> _AAVE_CAP_AT) & _CAP_MASK,
        (word >> _COMPOUND_CAP_AT) & _CAP_MASK,
        word & _PAUSED != 0,
    )


# ----------------------------------------------------------------------------------------------- for the account


@internal
@view
def _require_unpaused(word: uint256):
    if word & _PAUSED != 0:
        lending_errors._borrowing_paused()


@internal
@view
def _floor(word: uint256, market: uint256) -> uint256:
    """
    @return Wad.
    """
    return ((word >> self._at(market, _AAVE_FLOOR_AT, _COMPOUND_FLOOR_AT)) & _FLOOR_MASK) * _WAD_PER_BPS


@internal
@view
def _cap(word: uint256, market: uint256) -> uint256:
    """
    @return USD, 8 decimals.
    """
    return ((word >> self._at(market, _AAVE_CAP_AT, _COMPOUND_CAP_AT)) & _CAP_MASK) * _USD


@internal
@view
def _require_hedger(word: uint256):
    # An unset hedger is the zero address, which cannot call.
    if convert(msg.sender, uint256) != word & _HEDGER_MASK:
        lending_errors._unauthorised(msg.sender)


@internal
@view
def _require_owner():
    if msg.sender != staticcall IDesk(SETTLEMENT).owner():
        lending_errors._unauthorised(msg.sender)


@internal
@view
def _require_reducer():
    if msg.sender != staticcall IDesk(SETTLEMENT).guardian():
        self._require_owner()


@internal
@view
def _require_operator():
    if msg.sender != staticcall IDesk(SETTLEMENT).operator():
        lending_errors._unauthorised(msg.sender)


@internal
@view
def _require_desk():
    """
    @dev Operator or router hooks.
    """
    if msg.sender != staticcall IDesk(SETTLEMENT).routerHooks():
        self._require_operator()


@internal
@view
def _require_desk_or_guardian():
    if msg.sender != staticcall IDesk(SETTLEMENT).guardian():
        self._require_desk()


@internal
def _set_floor(market: uint256, floor_bps: uint256):
    if floor_bps <= _BPS or floor_bps > _FLOOR_MASK:
        lending_errors._invalid_floor(floor_bps)
    at: uint256 = self._at(market, _AAVE_FLOOR_AT, _COMPOUND_FLOOR_AT)
    self._word = (self._word & ~(_FLOOR_MASK << at)) | (floor_bps << at)
    log HealthFloorSet(market=market, floor_bps=floor_bps)


@internal
@pure
def _at(market: uint256, on_aave: uint256, on_compound: uint256) -> uint256:
    if market == AAVE_V3:
        return on_aave
    if market != COMPOUND_V2:
        lending_errors._unknown_market(market)
    return on_compound
