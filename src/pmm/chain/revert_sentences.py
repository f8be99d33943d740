"""What every custom error of our contracts means and what to do about it; longer than usual because it is one table.

Keys are canonical signatures, so that one sentence serves every contract that has the error. In braces stand the
argument names of the ABI, with an optional form of ``pmm.chain.reverts``: ``address`` for a word that holds one,
``time`` for unix seconds, ``hex`` for bit masks and bytes, ``reason`` for revert data of somebody else. A test
compares the table with the ABIs.
"""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # ---- roles, set-up, modules
    "Unauthorised(address)": "expected a caller with the role of this function, found {caller}; "
    "send it from the owner, guardian, operator or module that may call it (a taker's payment: hedger or pool, once, "
    "while its funded fill runs)",
    "ZeroAddress()": "expected an address, found zero; name one",
    "NoCode(address)": "expected a contract at {account}, found no code; check the address and the chain (in a "
    "flash swap: the two tokens have no pool with the signed fee)",
    "ModuleAlreadySet(uint8,address)": "module {kind} was set to {module}, and a module is set once for good, the "
    "hedger (0) by the constructor; a new one needs a new settlement",
    "ForeignModule(address,address)": "expected a module of this settlement, found {module}, which serves "
    "{itsSettlement}; deploy one for this settlement",
    "ModuleMissing(uint8)": "the call needs module {kind} (0 hedger, 1 router hooks, 2 lending account, 3 taker "
    "portal) and there is none; the owner must call setModule, the hedger must be deployed where the settlement "
    "expects it",
    "BadGuards(uint256)": "expected switches of bits 0 (band) and 1 (caps), found {guards:hex}",
    "BadCoreTokens(uint256)": "expected at most eight different core tokens, found more, or one twice at position "
    "{index}",
    "BadMaxExpiry(uint256)": "expected a horizon of 1 to 65,535 seconds, found {seconds_}",
    "BadCapWindow(uint256)": "expected a cap window of 1 to 1,048,575 seconds, found {seconds_}",
    "BadHeartbeat(uint256)": "expected a heartbeat of at least one second, found {seconds_}",
    "BadDecimals(address,address,uint256)": "decimals of {token} and {feed} add up to {exponent}, more than 60; "
    "this feed cannot be used",
    "BadPair(address,address)": "expected two different tokens of which one is a core token, found {tokenA} and "
    "{tokenB}",
    "UnexpectedEth(address)": "expected ETH from WETH (the portal: from its settlement, during a call) only, found "
    "some from {sender}; send WETH, or ETH with a fill of an order that wants WETH",
    "UnexpectedEther(address)": "expected ETH from WETH or a protocol of the desk only, found some from {sender}",
    "Reentered()": "a fill is running in this transaction; call again when it is over",
    # ---- signers and lanes
    "TooManySigners(uint256)": "the settlement has {limit} active signers, the most it takes; revoke one first",
    "BadLaneCount(uint256,uint256)": "expected 1 to 64 lanes, more than the {present} that there are, found "
    "{wanted}",
    "UnknownLane(address,uint256)": "lane {lane} of {signer} was never opened; the owner must call initLanes",
    "UnknownSigner(address,uint256)": "the signature is by {recovered}, who may not sign on lane {lane}; an order "
    "changed after signing, or a wrong domain, recovers to a stranger too",
    "SignerIsPaused(address,uint256)": "signer {signer} is paused; ask for a quote when the desk is open again",
    "WrongEpoch(uint256,uint256)": "the order was signed in epoch {signed} and the lane is in {current}: the desk "
    "has voided it; ask for a new quote",
    "NonceDead(uint256,uint256)": "nonce {nonce} is filled, cancelled or left behind (the window starts at "
    "{base}); ask for a new quote",
    "NonceOutOfRange(uint256)": "expected a nonce below 2^32, found {nonce}",
    # ---- the order
    "BadSignature()": "r and vs recover nobody; the signature was altered or cut",
    "HighS(uint256)": "s is in the upper half of the curve order (the second form of a signature); send the "
    "low form",
    "BadMaker(uint256)": "expected this settlement as maker, found {maker:address}; check the contract called",
    "BadReceiver(uint256)": "expected zero or the settlement as receiver, found {receiver:address}",
    "UnsupportedTraits(uint256)": "makerTraits carries bits that are refused here: {bits:hex}; see the bit "
    "table in contracts/README.md",
    "UnsupportedTakerTraits(uint256)": "takerTraits carries bits that this call refuses: {bits:hex}",
    "OrderExpired(uint256,uint256)": "the order expired at {expiration:time}, the block is of {timestamp:time}; "
    "ask for a new quote",
    "ExpiryTooFar(uint256,uint256)": "the order expires at {expiration:time}, later than the {latest:time} "
    "that the owner allows",
    "PrivateOrder(address)": "the order is for another taker than {caller}; ask for a quote that names you",
    "UnregisteredToken(uint256)": "token {token:address} is not traded, or no longer",
    "UnregisteredToken(address)": "token {token} is not traded, or no longer",
    "SameAsset(uint256)": "maker and taker asset are both {token:address}",
    "MissingExtension()": "the order has an extension and none was passed on; put it into args",
    "UnexpectedExtension(uint256)": "an extension of {length} bytes was passed on and the order has none",
    "ExtensionHashMismatch(uint256,uint256)": "the extension is not the signed one: the salt is {salt:hex}, its "
    "hash {extensionHash:hex}",
    "BadExtension(uint256)": "the extension of {length} bytes has not the published layout; see "
    "contracts/README.md",
    "FundedOnly(uint256)": "the order has a funding plan ({plan:hex}); fill it by fillOrderFunded",
    "NoFundingPlan()": "the order has no funding plan; fill it by fillOrder or fillOrderArgs",
    # ---- guards
    "NoCap(uint256)": "caps are on and {token:address} has none; the owner must call setCap",
    "BlockCapExceeded(uint256,uint256,uint256)": "{amount} base units of {token:address} on top of what left in "
    "this block go over the cap of {cap}; fill less, or in the next block",
    "WindowCapExceeded(uint256,uint256,uint256)": "{amount} base units of {token:address} on top of what left in "
    "the last two windows go over the cap of {cap}; fill less, or later",
    "NoBand(uint256,uint256)": "the oracle band is on and the pair {makerAsset:address}, {takerAsset:address} has "
    "none; the owner must call setBand",
    "OutsideBand(uint256,uint256,uint256,uint256)": "the maker would get {takingAmount} base units of "
    "{takerAsset:address}, at least {minimum} is what the feeds and the band ask for; ask for a new quote",
    "NoFeed(uint256)": "{token:address} has no price feed; the owner must call setFeed",
    "FeedFailed(address)": "price feed {feed} gives no answer; the desk trades again when it does",
    "BadAnswer(address,int256)": "price feed {feed} answers {answer}, which is no price",
    "StaleAnswer(address,uint256,uint256)": "price feed {feed} last answered at {updatedAt:time}, longer ago than "
    "its heartbeat of {heartbeat} s; the desk trades again when it answers",
    "BoughtTooLittle(address,uint256,uint256)": "the swap brought {amount} base units of {token}, expected at "
    "least {minimum}; nothing was swapped",
    # ---- the call
    "BadArgs(uint256,uint256)": "takerTraits describe args of {expected} bytes, found {found}",
    "AmountOverflow(uint256,uint256)": "the amounts {a} and {b} are too large to multiply; fill less",
    "ZeroAmount(uint256,uint256)": "the fill would move {makingAmount} against {takingAmount} base units; "
    "fill more",
    "PartialFill(uint256,uint256)": "the order fills whole or not at all: {makingAmount} of "
    "{orderMakingAmount} base units were asked for",
    "FillTooSmall(uint256,uint256)": "the order takes fills of at least {minimum} base units, found {makingAmount}",
    "TakingAmountTooHigh(uint256,uint256)": "the fill costs {takingAmount} base units, over the taker's threshold "
    "of {threshold}",
    "MakingAmountTooLow(uint256,uint256)": "the fill brings {makingAmount} base units, under the taker's threshold "
    "of {threshold}; a decayed quote gives less",
    "BadMsgValue(uint256,uint256)": "expected at least {needed} wei, and only with an order that wants WETH; found "
    "{sent} wei",
    "BadInteractionTarget(address)": "{target} must not be the target of an interaction; use a contract of "
    "your own",
    "BadTarget(address)": "{target} must not receive the maker asset in this call; name another address",
    "TokenCallFailed(address,bytes)": "token {token} refused the transfer ({reason:reason}); check balance and "
    "allowance of both sides",
    "EthTransferFailed(address)": "{to} refused ETH; name a target that takes it, or take WETH",
    # ---- taker portal
    "UnknownPermit(uint256)": "expected a permit of kind 1 (EIP-2612), 2 (DAI) or 3 (Permit2) in its first byte, "
    "found {kind} (0: perhaps no permit at all); without one call fillOrderArgs",
    "BadPermitLength(uint256,uint256)": "the kind of the permit calls for {expected} bytes, found {length}; pack it "
    "as contracts/PORTAL.md says",
    "BadBatchSize(uint256)": "expected 1 to 256 fills in a call, found {size}; split the call",
    "ValueExhausted(uint256,uint256,uint256)": "fill {index} is lent {value} wei and the fills before it leave "
    "{left} of what the call carries; send the sum of all values",
    "FillStarved(uint256,uint256,uint256)": "optional fill {index} failed with {gasAfter} left of {gasBefore} gas: "
    "perhaps it lacked gas; send more, or leave it out if it still fails",
    # ---- funded fills
    "NotCollected(bytes32)": "hedger or pool returned, and {orderHash:hex} was not paid for; nothing moved",
    "WrongDelivery(uint256,uint256)": "expected {0} base units of the maker asset, found {1}: what the receiver "
    "holds, or all that the pool of a flash swap has in range; nothing moved, quote less or by another pool",
    "ProfitTooLow(uint256,uint256,uint256)": "the hedge costs {cost} of the {takingAmount} base units that "
    "the taker pays, which leaves less than the signed minimum of {minimum}; the pool has moved, ask for a "
    "new quote",
    # ---- ERC-1271
    "BadSignatureLength(uint256)": "expected a contract signature of 128 bytes, or of 232 and its extension, found "
    "{length}",
    "DigestMismatch(bytes32,bytes32)": "1inch asks about order {asked:hex}, the packed one is {computed:hex}; the "
    "signature belongs to another order, chain or settlement",
    "ForeignHook(address)": "the extension calls {hook}, expected the registered router hooks exactly where the "
    "traits announce them",
    "HookRequired(uint256)": "the order needs our preInteraction (smallest fill, or caps are on: {bits:hex}) "
    "and has none; sign it with the hook",
    # ---- router hooks
    "NotRouter(address)": "a hook was called by {caller}, only 1inch's contract may",
    "ForeignMaker(uint256)": "the hook serves one settlement, found the maker {maker:address}",
    "NotSelf(address)": "depositTaken was called by {caller}; only the hooks call it, on themselves",
    "BadPayloadLength(uint256,uint256)": "the signed payload has {length} bytes, its first bytes call for "
    "{expected}",
    "UnknownFlags(uint256)": "the signed payload carries flags without a meaning: {flags:hex}",
    "UnknownSource(uint256)": "expected a source of inventory that is known, found {source}; see "
    "contracts/HOOKS.md",
    "UnknownAction(uint256)": "expected an action after the fill of 0 to 4, found {action}",
    "UnknownMarket(uint256)": "expected market 1 (Aave V3) or 2 (Compound V2), found {market}",
    "ZeroTaker()": "the private order names the zero address as taker",
    "BadGasFloor(uint256)": "expected a gas floor of at least 100,000 for a best-effort action and 0 for a "
    "required one, found {gasFloor}",
    "BadShare(uint256)": "expected a share of 1 to 10,000 bps to hedge, found {shareBps}",
    "ZeroMinimum()": "a hedge after the fill is signed without a minimum; sign one",
    "NoLendingAccount()": "the payload needs the lending account and the settlement has none",
    "NotEnoughGas(uint256,uint256)": "the action after the fill needs {needed} gas, {available} were left; "
    "send the fill with a higher gas limit",
    # ---- hedger and other Vyper contracts
    "NotSettlement(address)": "expected the settlement as caller, found {caller}",
    "NotAContract(address)": "expected a contract at {account}, found no code; check the constructor arguments",
    "InvalidPlan(uint256)": "the funding plan {plan:hex} says something the hedger does not know; see "
    "contracts/HEDGER.md",
    "InvalidRoute(uint256,uint256)": "the route has {found} bytes, its plan asks for {expected}; see "
    "contracts/README.md, plan word",
    "ForeignOrder(uint256,uint256)": "the second signed order sells {makerAsset:hex} for {takerAsset:hex}, "
    "which is not what the fill needs",
    "InvalidReceiver(address)": "{receiver} must not receive the maker asset of a funded fill",
    "InvalidAmount(uint256)": "an amount of {0} cannot be hedged: it is zero or too large",
    "PoolNotFound(address,address,uint24)": "there is no pool of {tokenIn} and {tokenOut} with the fee of "
    "{fee} pips",
    "PoolTooShallow(address,uint256,uint256)": "pool {pool} gives {2} of the {1} base units wanted; quote less, or "
    "by another pool",
    "UnexpectedCallback(address,address,uint256)": "a callback came from {caller} over {amount} of {token}, which no "
    "open ticket names",
    "UnexpectedInitiator(address)": "a loan was started by {initiator}, only the hedger itself may",
    "CallbackMissing(address)": "{lender} returned without its callback; it is not the lender it seems to be",
    "FundsMissing(address,uint256,uint256)": "expected {expected} base units of {token}, found {found}",
    "TransferRefused(address,address,uint256)": "{token} refused to send {amount} base units to {receiver}",
    "ApprovalRefused(address,address,uint256)": "{token} refused an allowance of {amount} base units for {spender}",
    # ---- lending account
    "ForeignHedger(address)": "expected a delta hedger of this settlement and lending account, found {hedger}",
    "ZeroAmount()": "an amount is zero, or there is nothing to repay or to send",
    "PayoutShort(address,uint256,uint256)": "the market paid out {received} base units of {token}, expected "
    "{expected}",
    "BorrowingPaused()": "the guardian has paused new debt; repay or withdraw only, or ask the owner",
    "DebtCapExceeded(uint256,uint256,uint256)": "debt in market {market} would be {debtUsd} (USD, 8 decimals), the "
    "owner's cap is {capUsd}; borrow less",
    "InvalidCap(uint256)": "a debt cap of {capUsd} does not fit its 31 bits",
    "HealthTooLow(uint256,uint256,uint256)": "health in market {market} would be {health} (10^18 is "
    "liquidation), the floor is {lowest}; take less out, or repay first",
    "InvalidFloor(uint256)": "expected a health floor above 1 that fits 16 bits, found {floorBps} bps",
    "CompoundRefused(address,uint256)": "Compound's {cToken} refused with code {code}, or has no price",
    "UnlistedMarket(address,address)": "{token} has no listed Compound market that fits, found {cToken}",
    # ---- delta hedger
    "ForeignAccount(address)": "expected a lending account of this settlement, found {account}",
    "LimitExceeded(uint256,uint256,uint256)": "the swap sells {sold} for {bought}, worse than the operator's "
    "limit of {limit}; the price has moved, send it again with a new limit",
    "CostTooHigh(uint256,uint256,uint256)": "the swap brings {bought}, Chainlink's value is {fair}: that "
    "costs more than the owner's {maxCostBps} bps",
    "NotionalCapExceeded(uint256,uint256)": "swaps of this and the previous window would come to {used}, the "
    "owner's cap is {cap}; swap less, or later",
    "InvalidLimits(uint256,uint256,uint256)": "limits of {maxCostBps} bps, cap {cap} and window {windowS} s "
    "do not fit: a window of zero, a cost of 100 %, or too many bits",
    "RepaysTooMuch(uint256,uint256)": "a partial close would repay {repaid} of a debt of {debt}; close it whole",
    "ForeignTaker(address)": "1inch names {taker} as taker, expected the delta hedger itself",
    "ProfitTooLow(uint256,uint256)": "the order leaves {0}, less than the minimum of {1}; leave it",
}

# 1inch's own errors that a fill of our orders meets. Source: 1inch/limit-order-protocol, contracts/OrderMixin.sol,
# interfaces/IOrderMixin.sol, OrderLib.sol and libraries/BitInvalidatorLib.sol, EpochManager.sol.
ROUTER_SENTENCES: dict[str, str] = {
    "BitInvalidatedOrder()": "1inch: the nonce is filled or cancelled; ask for a new quote",
    "InvalidatedOrder()": "1inch: the order is filled up or cancelled; ask for a new quote",
    "TakingAmountExceeded()": "1inch: the fill would take more than the order has",
    "PrivateOrder()": "1inch: the order is for another caller; ask for a quote that names the contract that calls",
    "OrderExpired()": "1inch: the order is expired; ask for a new quote",
    "WrongSeriesNonce()": "1inch: the maker's epoch is not the one of the order",
    "SwapWithZeroAmount()": "1inch: an amount came out as zero; fill more",
    "PartialFillNotAllowed()": "1inch: the order fills whole or not at all",
    "PredicateIsNotTrue()": "1inch: the order's condition does not hold",
    "TakingAmountTooHigh()": "1inch: the fill costs more than the taker's threshold",
    "MakingAmountTooLow()": "1inch: the fill brings less than the taker's threshold",
    "TransferFromMakerToTakerFailed()": "1inch: the maker asset could not be pulled; balance or allowance is short",
    "TransferFromTakerToMakerFailed()": "1inch: the taker asset could not be pulled; balance or allowance is short",
    "MissingOrderExtension()": "1inch: the order has an extension and none was passed on; put it into args",
    "UnexpectedOrderExtension()": "1inch: an extension was passed on and the order has none",
    "InvalidExtensionHash()": "1inch: the extension is not the signed one",
    "ReentrancyDetected()": "1inch: the order was filled from inside its own fill",
}
