// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHookedLending, IHookedSettlement, IRouterHooks} from "./interfaces/IRouterHooks.sol";
import {Order} from "./interfaces/IRfqSettlement.sol";
import {HookPayload} from "./modules/HookPayload.sol";
import {TokenLib} from "./modules/TokenLib.sol";

/// @title RouterHooks: what our orders on 1inch's contract need that a signature check cannot see
///
/// @notice Purpose. 1inch asks the settlement whether an order is good without saying who takes it and how
/// much. This contract hears both and enforces the private taker, the minimum fill ratio and the caps, fetches
/// inventory that the settlement lacks, and puts to work what came in. Payloads: contracts/HOOKS.md.
///
/// Trust. Only 1inch's contract may call, and only for orders whose maker is the settlement. 1inch calls the
/// listener that the order's extension names; the salt binds the extension; and 1inch has asked the settlement
/// about exactly that order before. So whatever arrives here was signed by a registered signer. Takers are
/// hostile: they choose amount, gas, moment, and the state of every pool.
///
/// Holds nothing: no token, no allowance, no storage. No owner, no setting. It can do no more than the four
/// calls that settlement and lending account grant to `settlement.routerHooks()`.
///
/// How to stop it. Pausing the signers in the settlement stops every order that leads here.
contract RouterHooks is IRouterHooks {
    uint256 private constant _BPS = 10_000;
    uint256 private constant _RATIO_ONE = 255;
    uint256 private constant _RATIO_SHIFT = 200;
    /// @dev Above the price of a call to a cold account (2,600, EIP-2929) and of the few steps before it.
    uint256 private constant _CALL_COST = 3_000;

    /// @inheritdoc IRouterHooks
    address public immutable override SETTLEMENT;
    /// @inheritdoc IRouterHooks
    address public immutable override router;

    /// @dev Numbers in HOOKS.md: 1 the caller, 2 the maker.
    modifier onlyOurFill(Order calldata order) {
        if (msg.sender != router) revert NotRouter(msg.sender);
        if (order.maker != uint160(SETTLEMENT)) revert ForeignMaker(order.maker);
        _;
    }

    /// @param settlement the maker; its `oneInchRouter()` becomes the only caller
    constructor(address settlement) {
        if (settlement.code.length == 0) revert NoCode(settlement);
        SETTLEMENT = settlement;
        router = IHookedSettlement(settlement).oneInchRouter();
    }

    /// @inheritdoc IRouterHooks
    function preInteraction(
        Order calldata order,
        bytes calldata,
        bytes32,
        address taker,
        uint256 makingAmount,
        uint256,
        uint256,
        bytes calldata extraData
    ) external override onlyOurFill(order) {
        (address only, uint256 source) = HookPayload.readPre(extraData);

        // 1. Who takes.
        if (only != address(0) && only != taker) revert PrivateOrder(taker);

        // 2. How much.
        uint256 minimum = _minimumMaking(order);
        if (makingAmount < minimum) revert FillTooSmall(makingAmount, minimum);

        // 3. How much of the token in all.
        address makerAsset = address(uint160(order.makerAsset));
        IHookedSettlement(SETTLEMENT).consumeCap(makerAsset, makingAmount);

        // 4. What is missing.
        if (source == 0) return;
        uint256 held = TokenLib.balanceOf(makerAsset, SETTLEMENT);
        if (held >= makingAmount) return;
        _lending().provide(source, makerAsset, makingAmount - held);
    }

    /// @inheritdoc IRouterHooks
    function postInteraction(
        Order calldata order,
        bytes calldata,
        bytes32 orderHash,
        address,
        uint256,
        uint256 takingAmount,
        uint256,
        bytes calldata extraData
    ) external override onlyOurFill(order) {
        (uint256 action, bool required, uint256 gasFloor) = HookPayload.readPostHead(extraData);
        if (action == HookPayload.HEDGE) {
            _hedge(order, orderHash, takingAmount, required, gasFloor, extraData);
            return;
        }
        uint256 market = 0;
        if (action == HookPayload.REPAY) market = HookPayload.readRepay(extraData);
        else HookPayload.requireBare(extraData);
        if (action == HookPayload.NONE) return;

        address token = address(uint160(order.takerAsset));
        if (required) {
            _deposit(action, market, token, takingAmount);
            return;
        }
        (bool ok, bytes memory reason) = _attempt(
            address(this),
            abi.encodeCall(this.depositTaken, (action, market, token, takingAmount)),
            gasFloor
        );
        if (!ok) emit DepositFailed(orderHash, reason);
    }

    /// @inheritdoc IRouterHooks
    function depositTaken(uint256 action, uint256 market, address token, uint256 amount) external override {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        _deposit(action, market, token, amount);
    }

    /// @inheritdoc IRouterHooks
    // solhint-disable-next-line func-name-mixedcase
    function MIN_GAS_FLOOR() external pure override returns (uint256) {
        return HookPayload.MIN_GAS_FLOOR;
    }

    /// @dev A repayment takes no more than is owed; what came in beyond that stays in the settlement.
    function _deposit(uint256 action, uint256 market, address token, uint256 amount) private {
        IHookedLending lending = _lending();
        if (action == HookPayload.REPAY) {
            uint256 debt = lending.debtOf(market, token);
            if (debt < amount) amount = debt;
            if (amount == 0) return;
        }
        IHookedSettlement(SETTLEMENT).moveToLending(token, amount);
        if (action == HookPayload.REPAY) lending.repay(market, token, amount);
        else lending.supply(action, token, amount);
    }

    function _lending() private view returns (IHookedLending) {
        address account = IHookedSettlement(SETTLEMENT).lendingAccount();
        if (account == address(0)) revert NoLendingAccount();
        return IHookedLending(account);
    }

    /// @dev Sells the signed share of what came in for the maker asset. A partial fill sells its part, rounded
    /// down, for its part of the signed minimum, rounded up.
    function _hedge(
        Order calldata order,
        bytes32 orderHash,
        uint256 takingAmount,
        bool required,
        uint256 gasFloor,
        bytes calldata payload
    ) private {
        (uint256 shareBps, uint256 minimum, uint256 plan, bytes calldata route) = HookPayload.readHedge(
            payload
        );
        address tokenIn = address(uint160(order.takerAsset));
        address tokenOut = address(uint160(order.makerAsset));
        uint256 amountIn = (takingAmount * shareBps) / _BPS;
        // Neither factor is zero: 1inch fills nothing for nothing.
        minimum = (minimum * takingAmount - 1) / order.takingAmount + 1;
        IHookedSettlement settlement = IHookedSettlement(SETTLEMENT);
        if (required) {
            settlement.swapInventory(tokenIn, tokenOut, amountIn, minimum, plan, route);
            return;
        }
        (bool ok, bytes memory reason) = _attempt(
            SETTLEMENT,
            abi.encodeCall(settlement.swapInventory, (tokenIn, tokenOut, amountIn, minimum, plan, route)),
            gasFloor
        );
        if (!ok) emit HedgeFailed(orderHash, reason);
    }

    /// @dev Makes a call that may fail, but not for want of gas. A call gets at most 63/64 of what is left
    /// (EIP-150), however much is asked for: without the check a taker who gives little gas would make the
    /// call fail and the rest of the fill succeed.
    function _attempt(
        address target,
        bytes memory data,
        uint256 gasFloor
    ) private returns (bool ok, bytes memory reason) {
        uint256 needed = (gasFloor * 64) / 63 + 1 + _CALL_COST;
        uint256 available = gasleft();
        if (available < needed) revert NotEnoughGas(available, needed);
        (ok, reason) = target.call(data);
    }

    /// @dev ceil(order.makingAmount * ratio / 255) without a product that could overflow.
    function _minimumMaking(Order calldata order) private pure returns (uint256) {
        uint256 ratio = uint8(order.makerTraits >> _RATIO_SHIFT);
        uint256 making = order.makingAmount;
        unchecked {
            return
                (making / _RATIO_ONE) * ratio +
                ((making % _RATIO_ONE) * ratio + (_RATIO_ONE - 1)) / _RATIO_ONE;
        }
    }
}
