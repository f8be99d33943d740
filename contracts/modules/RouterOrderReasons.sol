// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "../interfaces/IRfqSettlement.sol";
import {ISettlementLens} from "../interfaces/ISettlementLens.sol";
import {HookPayload} from "./HookPayload.sol";
import {LaneLib} from "./LaneLib.sol";
import {OrderLib} from "./OrderLib.sol";
import {OrderReasons} from "./OrderReasons.sol";
import {ProbeLib} from "./ProbeLib.sol";
import {ReasonLib} from "./ReasonLib.sol";

/// @title What 1inch's contract and `isValidSignature` ask of an order, told as reasons
abstract contract RouterOrderReasons is OrderReasons {
    using OrderLib for uint256;
    using OrderLib for Order;

    /// @dev Reasons that `isValidSignature` gives by itself; while one stands, it need not be asked.
    uint256 private constant _TOLD_BY_SETTLEMENT =
        ReasonLib.MAKER |
            ReasonLib.RECEIVER |
            ReasonLib.TRAITS |
            ReasonLib.EXPIRED |
            ReasonLib.EXPIRY_TOO_FAR |
            ReasonLib.MAKER_ASSET |
            ReasonLib.TAKER_ASSET |
            ReasonLib.SAME_ASSET |
            ReasonLib.SIGNATURE |
            ReasonLib.UNKNOWN_SIGNER |
            ReasonLib.PAUSED |
            ReasonLib.EPOCH |
            ReasonLib.EXTENSION |
            ReasonLib.AMOUNT |
            ReasonLib.LOCKED |
            ReasonLib.NO_BAND |
            ReasonLib.OUTSIDE_BAND |
            ReasonLib.FEED |
            ReasonLib.HOOK_REQUIRED;

    /// @dev Address of the listener in front of a payload, which 1inch cuts off.
    uint256 private constant _LISTENER = 20;
    bytes32 private constant _DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant _ROUTER_NAME_HASH = keccak256("1inch Aggregation Router");
    bytes32 private constant _ROUTER_VERSION_HASH = keccak256("6");

    /// @inheritdoc ISettlementLens
    function readHooks(
        uint256 makerTraits,
        bytes calldata extension
    ) external view override returns (address onlyTaker, uint256 source) {
        OrderLib.requireHooks(makerTraits, extension, _settlement.routerHooks());
        // The end of the preInteraction field; everything after it is the postInteraction's.
        uint256 middle = 32 + uint32(uint256(bytes32(extension[:32])) >> 192);
        if (makerTraits & OrderLib.PRE_INTERACTION != 0)
            (onlyTaker, source) = HookPayload.readPre(extension[32 + _LISTENER:middle]);
        if (makerTraits & OrderLib.POST_INTERACTION != 0) _readPost(extension[middle + _LISTENER:]);
    }

    function _routerReasons(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        bytes calldata extension,
        address taker,
        uint256 amount
    ) internal view returns (uint256 reasons) {
        address router = _settlement.oneInchRouter();
        uint256 policy = _settlement.policyWord();
        bytes32 hash = order.digest(_routerSeparator(router));

        // 1. Terms, hooks, signature and lane.
        (uint256 found, uint256 word) = _laneReasons(hash, order, r, vs);
        reasons = found | _termReasons(order, taker, policy) | _routerTermReasons(order);
        bool provided;
        (found, provided) = _hookReasons(order, extension, taker);
        reasons |= found;
        if (_settlement.isLocked()) reasons |= ReasonLib.LOCKED;
        if (word == 0) word = policy;
        bool hooked = order.makerTraits & OrderLib.PRE_INTERACTION != 0;
        if (word & LaneLib.CAPS != 0 && !hooked) reasons |= ReasonLib.HOOK_REQUIRED;

        // 2. Nonce, amounts, money. The hook counts caps by the policy, not by a lane.
        reasons |= _routerNonceReasons(order.makerTraits, router);
        bool capped = hooked && policy & LaneLib.CAPS != 0;
        reasons |= _routerMoneyReasons(order, taker, router, amount, capped, provided);

        // 3. The band, which the settlement holds for the whole amounts.
        uint256 unfit = ReasonLib.MAKER_ASSET | ReasonLib.TAKER_ASSET | ReasonLib.SAME_ASSET;
        if (reasons & unfit == 0 && word & LaneLib.BAND != 0) {
            reasons |= _bandReasons(
                address(uint160(order.makerAsset)),
                address(uint160(order.takerAsset)),
                order.makingAmount,
                order.takingAmount
            );
        }

        // 4. The settlement's own word.
        if (reasons & _TOLD_BY_SETTLEMENT == 0 && !_isAccepted(hash, order, r, vs, extension))
            reasons |= ReasonLib.REFUSED;
    }

    function _routerTermReasons(Order calldata order) private pure returns (uint256 reasons) {
        uint256 traits = order.makerTraits;
        if (order.receiver != 0) reasons |= ReasonLib.RECEIVER;
        if (traits & OrderLib.REFUSED_ROUTER_TRAITS != 0) reasons |= ReasonLib.TRAITS;
        // A minimum ratio counts only where the hook holds it.
        if (traits & OrderLib.MINIMUM_RATIO_MASK != 0 && traits & OrderLib.PRE_INTERACTION == 0)
            reasons |= ReasonLib.HOOK_REQUIRED;
    }

    /// @dev No extension, or exactly our hooks with payloads they can read.
    /// @return reasons EXTENSION or PRIVATE
    /// @return provided whether the hook fetches what the inventory lacks
    function _hookReasons(
        Order calldata order,
        bytes calldata extension,
        address taker
    ) private view returns (uint256 reasons, bool provided) {
        uint256 traits = order.makerTraits;
        bool announced = traits & OrderLib.HAS_EXTENSION != 0;
        if (announced != (extension.length != 0)) return (ReasonLib.EXTENSION, false);
        if (traits & OrderLib.HOOK_TRAITS == 0) return (0, false);
        if (uint160(uint256(keccak256(extension))) != uint160(order.salt))
            return (ReasonLib.EXTENSION, false);
        try this.readHooks(traits, extension) returns (address only, uint256 source) {
            if (only != address(0) && only != taker) reasons = ReasonLib.PRIVATE;
            provided = source != 0 && _settlement.lendingAccount() != address(0);
        } catch {
            reasons = ReasonLib.EXTENSION;
        }
    }

    /// @dev As RouterHooks reads it; reverts where that would.
    function _readPost(bytes calldata payload) private pure {
        (uint256 action, , ) = HookPayload.readPostHead(payload);
        if (action == HookPayload.HEDGE) HookPayload.readHedge(payload);
        else if (action == HookPayload.REPAY) HookPayload.readRepay(payload);
        else HookPayload.requireBare(payload);
    }

    /// @dev 1inch keeps one bitmap per maker contract, 256 nonces a word.
    function _routerNonceReasons(uint256 traits, address router) private view returns (uint256) {
        uint256 used = ProbeLib.usedNonces(router, address(_settlement), traits.nonce());
        return (used >> uint8(traits.nonce())) & 1 == 0 ? 0 : ReasonLib.NONCE;
    }

    /// @param capped whether the hook will count the making amount against the caps
    /// @param provided whether the hook will fetch what the inventory lacks
    function _routerMoneyReasons(
        Order calldata order,
        address taker,
        address router,
        uint256 amount,
        bool capped,
        bool provided
    ) private view returns (uint256 reasons) {
        uint256 traits = order.makerTraits & ~OrderLib.DECAY_MASK;
        FillAmounts memory fill = _fillAmounts(order.makingAmount, order.takingAmount, traits, amount);
        reasons = _amountReasons(fill, order.makingAmount, traits);
        if (!fill.ok) return reasons;
        if (_isTradable(order.makerAsset)) {
            address token = address(uint160(order.makerAsset));
            if (capped) reasons |= _capReasons(token, fill.making);
            if (!provided && ProbeLib.balanceOf(token, address(_settlement)) < fill.making)
                reasons |= ReasonLib.INVENTORY;
            if (ProbeLib.allowance(token, address(_settlement), router) < fill.making)
                reasons |= ReasonLib.ROUTER_ALLOWANCE;
        }
        if (taker != address(0) && _isTradable(order.takerAsset))
            reasons |= _takerReasons(order.takerAsset, taker, router, fill.taking);
    }

    function _isAccepted(
        bytes32 hash,
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        bytes calldata extension
    ) private view returns (bool) {
        bytes memory signature = abi.encodePacked(
            order.salt,
            uint160(order.makerAsset),
            uint160(order.takerAsset),
            order.makingAmount,
            order.takingAmount,
            order.makerTraits,
            r,
            vs,
            extension
        );
        try _settlement.isValidSignature(hash, signature) returns (bytes4 answer) {
            return answer == _settlement.isValidSignature.selector;
        } catch {
            return false;
        }
    }

    function _routerSeparator(address router) private view returns (bytes32) {
        return
            keccak256(
                abi.encode(_DOMAIN_TYPEHASH, _ROUTER_NAME_HASH, _ROUTER_VERSION_HASH, block.chainid, router)
            );
    }
}
