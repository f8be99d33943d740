// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "./interfaces/IRfqSettlement.sol";
import {
    CapState,
    FeedState,
    ISettlementLens,
    LaneState,
    Limits,
    TokenLimits
} from "./interfaces/ISettlementLens.sol";
import {AmountLib} from "./modules/AmountLib.sol";
import {GuardStates} from "./modules/GuardStates.sol";
import {LaneLib} from "./modules/LaneLib.sol";
import {OrderLib} from "./modules/OrderLib.sol";
import {PoolLib} from "./modules/PoolLib.sol";
import {ProbeLib} from "./modules/ProbeLib.sol";
import {ReasonLib} from "./modules/ReasonLib.sol";
import {RouterOrderReasons} from "./modules/RouterOrderReasons.sol";

/// @title SettlementLens: why an order would not fill, and what limits the desk
///
/// @notice Purpose. Answers off-chain questions about one RfqSettlement with views that would cost it bytes.
///
/// Trust. None asked, none given: no state, no role, no funds, no call that could change anything. A wrong
/// answer misleads whoever asks and moves nothing. It can be replaced at any time by deploying another.
contract SettlementLens is RouterOrderReasons {
    using LaneLib for uint256;
    using OrderLib for uint256;
    using PoolLib for uint256;

    /// @param settlement the contract whose words are read
    constructor(address settlement) GuardStates(settlement) {}

    /// @inheritdoc ISettlementLens
    function checkOrder(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        bytes calldata extension,
        address taker,
        uint256 amount
    ) external view override returns (uint256 reasons) {
        uint256 policy = _settlement.policyWord();

        // 1. Terms, extension, signature and lane.
        (uint256 found, bytes calldata funding) = _extensionReasons(order, extension, taker);
        bool planned = funding.length != 0;
        reasons = found | _termReasons(order, taker, policy);
        bool ownReceiver = order.receiver == 0 || order.receiver == uint160(address(_settlement));
        if (!ownReceiver) reasons |= ReasonLib.RECEIVER;
        if (order.makerTraits & OrderLib.REFUSED_TRAITS != 0) reasons |= ReasonLib.TRAITS;
        uint256 word;
        (found, word) = _laneReasons(_settlement.hashOrder(order), order, r, vs);
        reasons |= found;
        if (word != 0 && !word.isLive(order.makerTraits.nonce())) reasons |= ReasonLib.NONCE;

        // 2. The settlement.
        if (planned) reasons |= _fundingReasons(order, funding);
        if (_settlement.isLocked()) reasons |= ReasonLib.LOCKED;

        // 3. Amounts, guards, money.
        reasons |= _moneyReasons(order, planned, taker, amount, word == 0 ? policy : word);
    }

    /// @inheritdoc ISettlementLens
    function checkRouterOrder(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        bytes calldata extension,
        address taker,
        uint256 amount
    ) external view override returns (uint256 reasons) {
        return _routerReasons(order, r, vs, extension, taker, amount);
    }

    /// @inheritdoc ISettlementLens
    function reasonNames(uint256 reasons) external pure override returns (string[] memory) {
        return ReasonLib.names(reasons);
    }

    /// @inheritdoc ISettlementLens
    function fillAmounts(
        uint256 orderMaking,
        uint256 orderTaking,
        uint256 makerTraits,
        uint256 amount
    ) external view override returns (uint256 making, uint256 taking, uint256 effective, uint256 minimum) {
        effective = AmountLib.decayedDown(orderMaking, makerTraits, block.timestamp);
        making = amount < effective ? amount : effective;
        taking = AmountLib.takingUp(effective, orderTaking, making);
        if (making != effective) minimum = AmountLib.minimumUp(effective, makerTraits);
    }

    /// @inheritdoc ISettlementLens
    function lane(address signer, uint40 lane_) external view override returns (LaneState memory) {
        uint256 word = _settlement.laneWord(signer, lane_);
        return
            LaneState({
                authorised: word & LaneLib.AUTHORISED != 0,
                paused: word & LaneLib.PAUSED != 0,
                bandOn: word & LaneLib.BAND != 0,
                capsOn: word & LaneLib.CAPS != 0,
                blockedTokens: uint8(word >> LaneLib.BLOCKED_SHIFT),
                maxExpiry: word.maxExpiry(),
                epoch: word.epoch(),
                base: word.base(),
                window: uint160(word)
            });
    }

    /// @inheritdoc ISettlementLens
    function laneCount(address signer) external view override returns (uint256) {
        return _settlement.numberOfLanes(signer);
    }

    /// @inheritdoc ISettlementLens
    function epochs(address signer) external view override returns (uint256[] memory found) {
        found = new uint256[](_settlement.numberOfLanes(signer));
        for (uint256 i = 0; i < found.length; ++i) {
            found[i] = _settlement.laneWord(signer, uint40(i)).epoch();
        }
    }

    /// @inheritdoc ISettlementLens
    function cap(address token) external view override returns (CapState memory) {
        return _capState(token);
    }

    /// @inheritdoc ISettlementLens
    function feed(address token) external view override returns (FeedState memory) {
        return _feedState(token);
    }

    /// @inheritdoc ISettlementLens
    function band(address tokenA, address tokenB) external view override returns (uint256) {
        return _bandBps(_bandUnits(_settlement.coreTokens(), tokenA, tokenB));
    }

    /// @inheritdoc ISettlementLens
    function limitsOf(address token) external view override returns (TokenLimits memory) {
        return _limitsOf(token, _settlement.coreTokens(), _settlement.oneInchRouter());
    }

    /// @inheritdoc ISettlementLens
    function limits() external view override returns (Limits memory found) {
        uint256 policy = _settlement.policyWord();
        address router = _settlement.oneInchRouter();
        address[] memory core = _settlement.coreTokens();
        found.blockNumber = block.number;
        found.timestamp = block.timestamp;
        found.locked = _settlement.isLocked();
        found.bandOn = policy & LaneLib.BAND != 0;
        found.capsOn = policy & LaneLib.CAPS != 0;
        found.maxExpiry = policy.maxExpiry();
        found.hedger = _settlement.hedger();
        found.routerHooks = _settlement.routerHooks();
        found.lendingAccount = _settlement.lendingAccount();
        found.tokens = new TokenLimits[](core.length);
        for (uint256 i = 0; i < core.length; ++i) {
            found.tokens[i] = _limitsOf(core[i], core, router);
        }
    }

    function _limitsOf(
        address token,
        address[] memory core,
        address router
    ) private view returns (TokenLimits memory found) {
        found.token = token;
        found.registered = _settlement.isRegistered(token);
        found.inventory = ProbeLib.balanceOf(token, address(_settlement));
        found.routerAllowance = ProbeLib.allowance(token, address(_settlement), router);
        found.cap = _capState(token);
        found.feed = _feedState(token);
        found.bandsBps = new uint256[](core.length);
        for (uint256 i = 0; i < core.length; ++i) {
            if (core[i] != token) found.bandsBps[i] = _bandBps(_bandUnits(core, token, core[i]));
        }
    }

    function _extensionReasons(
        Order calldata order,
        bytes calldata extension,
        address taker
    ) private pure returns (uint256 reasons, bytes calldata funding) {
        bool announced = order.makerTraits & OrderLib.HAS_EXTENSION != 0;
        bool bound = !announced || uint160(uint256(keccak256(extension))) == uint160(order.salt);
        bool ok;
        address only;
        (ok, only, funding) = OrderLib.decodeExtension(extension);
        if (announced != (extension.length != 0) || !bound || !ok)
            return (ReasonLib.EXTENSION, extension[:0]);
        if (only != address(0) && only != taker) reasons = ReasonLib.PRIVATE;
    }

    /// @notice Whether what the plan works with is there: the pool of a flash swap, for any other the hedger.
    function _fundingReasons(Order calldata order, bytes calldata funding) private view returns (uint256) {
        uint256 plan = uint256(bytes32(funding[:32]));
        if (!plan.isOnePool(funding.length))
            return _settlement.hedger().code.length == 0 ? ReasonLib.NO_HEDGER : 0;
        // Of the wrong assets there is no pool; that they are wrong is said already.
        if (!_isTradable(order.makerAsset) || !_isTradable(order.takerAsset)) return 0;
        address pool = PoolLib.poolOf(order.makerAsset, order.takerAsset, plan);
        return pool.code.length == 0 ? ReasonLib.NO_POOL : 0;
    }

    /// @param policy lane word or policy word, for the switches of the guards
    function _moneyReasons(
        Order calldata order,
        bool planned,
        address taker,
        uint256 amount,
        uint256 policy
    ) private view returns (uint256 reasons) {
        // 1. The amounts; without them there is nothing to hold against anything.
        FillAmounts memory fill = _fillAmounts(
            order.makingAmount,
            order.takingAmount,
            order.makerTraits,
            amount
        );
        reasons = _amountReasons(fill, order.makingAmount, order.makerTraits);
        if (!fill.ok) return reasons;

        // 2. What the maker side limits and holds.
        bool makerKnown = _isTradable(order.makerAsset);
        bool takerKnown = _isTradable(order.takerAsset);
        address makerAsset = address(uint160(order.makerAsset));
        bool pair = makerKnown && takerKnown && order.makerAsset != order.takerAsset;
        if (pair && policy & LaneLib.BAND != 0) {
            address takerAsset = address(uint160(order.takerAsset));
            reasons |= _bandReasons(makerAsset, takerAsset, fill.making, fill.taking);
        }
        if (makerKnown && policy & LaneLib.CAPS != 0) reasons |= _capReasons(makerAsset, fill.making);
        if (makerKnown && !planned && ProbeLib.balanceOf(makerAsset, address(_settlement)) < fill.making)
            reasons |= ReasonLib.INVENTORY;

        // 3. What the taker has.
        if (taker != address(0) && takerKnown)
            reasons |= _takerReasons(order.takerAsset, taker, address(_settlement), fill.taking);
    }
}
