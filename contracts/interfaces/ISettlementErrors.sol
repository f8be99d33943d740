// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ModuleKind} from "./IRfqSettlement.sol";

/// @title Errors of RfqSettlement
/// @notice Every refusal carries the value that caused it. A raw order word is reported as uint256, because
/// it may hold dirty upper bits that an address could not show.
interface ISettlementErrors {
    // ---- roles and set-up ----
    /// @notice Thrown when the caller lacks the role of the function.
    error Unauthorised(address caller);
    /// @notice Thrown when an address that must be set is zero.
    error ZeroAddress();
    /// @notice Thrown when an address that must hold code holds none.
    error NoCode(address account);
    /// @notice Thrown when a module is set a second time, or the hedger, which is part of the code.
    error ModuleAlreadySet(ModuleKind kind, address module);
    /// @notice Thrown when the module to be set serves another settlement contract.
    error ForeignModule(address module, address itsSettlement);
    /// @notice Thrown when the call needs a module that is not set, or a hedger that is not deployed yet.
    error ModuleMissing(ModuleKind kind);
    /// @notice Thrown when a switch is named that does not exist.
    error BadGuards(uint256 guards);
    /// @notice Thrown when the window of a cap is zero or over 1,048,575 seconds.
    error BadCapWindow(uint256 seconds_);
    /// @notice Thrown when the heartbeat of a feed is zero or over 16,777,215 seconds.
    error BadHeartbeat(uint256 seconds_);
    /// @notice Thrown when the decimals of token and feed add up to more than 36.
    error BadDecimals(address token, address feed, uint256 exponent);
    /// @notice Thrown when a band is set for one token, or for two that are not core tokens.
    error BadPair(address tokenA, address tokenB);
    /// @notice Thrown when more than eight core tokens are given to the constructor, or one of them twice.
    error BadCoreTokens(uint256 index);
    /// @notice Thrown when the horizon is zero or over 65,535 seconds.
    error BadMaxExpiry(uint256 seconds_);
    /// @notice Thrown when plain ETH arrives from anyone but WETH.
    error UnexpectedEth(address sender);
    /// @notice Thrown when a second fill, a collect or a withdrawal is tried while a fill is running.
    error Reentered();

    // ---- signers and lanes ----
    /// @notice Thrown when a seventeenth active signer is added.
    error TooManySigners(uint256 limit);
    /// @notice Thrown when the wanted number of lanes is zero, over 64, or lower than what the signer already
    /// has.
    error BadLaneCount(uint256 wanted, uint256 present);
    /// @notice Thrown when the lane was never initialised for the signer.
    error UnknownLane(address signer, uint256 lane);
    /// @notice Thrown when the recovered address may not sign on that lane.
    error UnknownSigner(address recovered, uint256 lane);
    /// @notice Thrown when the signer is paused.
    error SignerIsPaused(address signer, uint256 lane);
    /// @notice Thrown when the epoch in the salt is not the one of the lane.
    error WrongEpoch(uint256 signed, uint256 current);
    /// @notice Thrown when the nonce is filled, cancelled, or left behind by the window.
    error NonceDead(uint256 nonce, uint256 base);
    /// @notice Thrown when the nonce does not fit 32 bits.
    error NonceOutOfRange(uint256 nonce);

    // ---- the order ----
    /// @notice Thrown when r, vs recover no address.
    error BadSignature();
    /// @notice Thrown when s lies in the upper half of the curve order.
    error HighS(uint256 s);
    /// @notice Thrown when the maker word is not this contract's address.
    error BadMaker(uint256 maker);
    /// @notice Thrown when the receiver word is neither zero nor this contract's address.
    error BadReceiver(uint256 receiver);
    /// @notice Thrown when makerTraits carries bits this venue refuses; `bits` holds those alone.
    error UnsupportedTraits(uint256 bits);
    /// @notice Thrown when takerTraits carries bits this call refuses; `bits` holds those alone.
    error UnsupportedTakerTraits(uint256 bits);
    /// @notice Thrown when the order has no expiration or is past it.
    error OrderExpired(uint256 expiration, uint256 timestamp);
    /// @notice Thrown when the expiration lies further ahead than the owner allows.
    error ExpiryTooFar(uint256 expiration, uint256 latest);
    /// @notice Thrown when the order is for another taker.
    error PrivateOrder(address caller);
    /// @notice Thrown when an asset of the order is not registered.
    error UnregisteredToken(uint256 token);
    /// @notice Thrown when maker and taker asset are the same.
    error SameAsset(uint256 token);
    /// @notice Thrown when the traits announce an extension and none is given.
    error MissingExtension();
    /// @notice Thrown when an extension is given that the traits do not announce.
    error UnexpectedExtension(uint256 length);
    /// @notice Thrown when the salt does not end in the low 160 bits of the extension's hash.
    error ExtensionHashMismatch(uint256 salt, uint256 extensionHash);
    /// @notice Thrown when the extension is not laid out as contracts/README.md says.
    error BadExtension(uint256 length);
    /// @notice Thrown when an order with a funding plan is filled from inventory.
    error FundedOnly(uint256 plan);
    /// @notice Thrown when an order without a funding plan is sent to the funded fill.
    error NoFundingPlan();

    // ---- guards ----
    /// @notice Thrown when caps are on and the token has none.
    error NoCap(uint256 token);
    /// @notice Thrown when `amount` on top of what left in this block is over the cap.
    error BlockCapExceeded(uint256 token, uint256 amount, uint256 cap);
    /// @notice Thrown when `amount` on top of what left in the previous and the current window is over the cap.
    error WindowCapExceeded(uint256 token, uint256 amount, uint256 cap);
    /// @notice Thrown when the pair has no band, or one of zero.
    error NoBand(uint256 makerAsset, uint256 takerAsset);
    /// @notice Thrown when the maker would get less than the band allows; `minimum` is the least it allows.
    error OutsideBand(uint256 makerAsset, uint256 takerAsset, uint256 takingAmount, uint256 minimum);
    /// @notice Thrown when a token has no price feed.
    error NoFeed(uint256 token);
    /// @notice Thrown when a feed reverts or answers less than five words.
    error FeedFailed(address feed);
    /// @notice Thrown when a feed answers zero, less, or more than 2^112.
    error BadAnswer(address feed, int256 answer);
    /// @notice Thrown when the answer is older than the heartbeat, or from the future.
    error StaleAnswer(address feed, uint256 updatedAt, uint256 heartbeat);
    /// @notice Thrown when a swap of inventory brought less than the band and the caller allow.
    error BoughtTooLittle(address token, uint256 amount, uint256 minimum);

    // ---- the call ----
    /// @notice Thrown when a fill is smaller than the signed share of the order.
    error FillTooSmall(uint256 makingAmount, uint256 minimum);
    /// @notice Thrown when args is shorter or longer than takerTraits says.
    error BadArgs(uint256 expected, uint256 found);
    /// @notice Thrown when a factor of an amount computation is so large that the product overflows.
    error AmountOverflow(uint256 a, uint256 b);
    /// @notice Thrown when either amount of the fill comes out as zero.
    error ZeroAmount(uint256 makingAmount, uint256 takingAmount);
    /// @notice Thrown when an all-or-nothing order is filled in part.
    error PartialFill(uint256 makingAmount, uint256 orderMakingAmount);
    /// @notice Thrown when the taker would pay more than the threshold.
    error TakingAmountTooHigh(uint256 takingAmount, uint256 threshold);
    /// @notice Thrown when the taker would get less than the threshold.
    error MakingAmountTooLow(uint256 makingAmount, uint256 threshold);
    /// @notice Thrown when ETH is sent with an order not paid in WETH, or less ETH than the order costs.
    error BadMsgValue(uint256 sent, uint256 needed);
    /// @notice Thrown when the interaction target is a registered token, this contract, the hedger, a module, Permit2
    /// or 1inch.
    error BadInteractionTarget(address target);
    /// @notice Thrown when the receiver of the maker asset may not receive it in this call.
    error BadTarget(address target);
    /// @notice Thrown when a token call reverts, returns false, or the token has no code; `reason` is what it
    /// said.
    error TokenCallFailed(address token, bytes reason);
    /// @notice Thrown when ETH cannot be delivered.
    error EthTransferFailed(address to);

    // ---- funded fills ----
    /// @notice Thrown when the hedger or the pool returns without having collected the taker's leg.
    error NotCollected(bytes32 orderHash);
    /// @notice Thrown when the receiver's balance of the maker asset is not the old one plus the making amount, or
    /// the pool of a flash swap paid another amount.
    error WrongDelivery(uint256 expected, uint256 found);
    /// @notice Thrown when the hedge leaves less of the taking amount than the signed minimum profit.
    error ProfitTooLow(uint256 takingAmount, uint256 cost, uint256 minimum);

    // ---- ERC-1271 ----
    /// @notice Thrown when the packed contract signature is neither 128 nor at least 232 bytes long.
    error BadSignatureLength(uint256 length);
    /// @notice Thrown when the extension names another hook than the registered one, or one that the traits do not
    /// announce, or none where they do.
    error ForeignHook(address hook);
    /// @notice Thrown when a term or a switch needs our preInteraction and the order has none.
    error HookRequired(uint256 bits);
    /// @notice Thrown when the packed order does not hash to the digest that 1inch asks about.
    error DigestMismatch(bytes32 asked, bytes32 computed);
}
