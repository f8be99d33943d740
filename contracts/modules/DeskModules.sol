// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAtomicHedger} from "../interfaces/IAtomicHedger.sol";
import {IRfqSettlement, ModuleKind} from "../interfaces/IRfqSettlement.sol";
import {Admission} from "./Admission.sol";
import {LaneLib} from "./LaneLib.sol";
import {TokenLib} from "./TokenLib.sol";

/// @notice What every contract that works for the settlement says of itself.
interface IDeskModule {
    // solhint-disable-next-line func-name-mixedcase
    function SETTLEMENT() external view returns (address);
}

/// @title The contracts that work for this one, and what they and the operator may move
/// @dev Inventory goes to the lending account, which pays back to this contract only, or through the hedger
/// against a balance check and the oracle band. Neither leaves the desk.
abstract contract DeskModules is Admission {
    address public immutable override hedger;
    address public override routerHooks;
    address public override lendingAccount;
    address public override takerPortal;

    /// @dev Zero: none, for good. It names this contract as its own and is deployed after it, so its address is known
    /// before its code; until that is there, it is missing.
    constructor(address hedger_) {
        if (hedger_ == address(0)) return;
        hedger = hedger_;
        _untouchable[hedger_] = true;
        emit ModuleSet(ModuleKind.HEDGER, hedger_);
    }

    modifier onlyMover() {
        if (msg.sender != operator && msg.sender != routerHooks) revert Unauthorised(msg.sender);
        _;
    }

    /// @inheritdoc IRfqSettlement
    function setModule(ModuleKind kind, address module) external override onlyOwner {
        address present = _moduleOf(kind);
        if (present != address(0) || kind == ModuleKind.HEDGER) revert ModuleAlreadySet(kind, present);
        if (module.code.length == 0) revert NoCode(module);
        // It can never be changed: one that serves another settlement would end its function here for good.
        address served = IDeskModule(module).SETTLEMENT();
        if (served != address(this)) revert ForeignModule(module, served);
        if (kind == ModuleKind.ROUTER_HOOKS) routerHooks = module;
        else if (kind == ModuleKind.LENDING_ACCOUNT) lendingAccount = module;
        else takerPortal = module;
        _untouchable[module] = true;
        emit ModuleSet(kind, module);
    }

    /// @inheritdoc IRfqSettlement
    function consumeCap(address makerAsset, uint256 making) external override {
        if (msg.sender != routerHooks) revert Unauthorised(msg.sender);
        if (_policy & LaneLib.CAPS != 0) _consumeCap(uint160(makerAsset), making);
    }

    /// @inheritdoc IRfqSettlement
    function moveToLending(address token, uint256 amount) external override onlyMover whenUnlocked {
        if (lendingAccount == address(0)) revert ModuleMissing(ModuleKind.LENDING_ACCOUNT);
        if (!isRegistered(token)) revert UnregisteredToken(uint160(token));
        emit MovedToLending(token, amount);
        TokenLib.push(uint160(token), lendingAccount, amount);
    }

    /// @inheritdoc IRfqSettlement
    function swapInventory(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 minimumOut,
        uint256 plan,
        bytes calldata route
    ) external override onlyMover locked returns (uint256 amountOut) {
        // 1. Two tokens of ours, the price of the band, and the cap of what leaves.
        address hedger_ = _deployedHedger();
        _requireAssets(_policy | LaneLib.AUTHORISED, uint160(tokenIn), uint160(tokenOut));
        uint256 floor = _bandFloor(uint160(tokenIn), uint160(tokenOut), amountIn);
        if (minimumOut < floor) minimumOut = floor;
        if (_policy & LaneLib.CAPS != 0) _consumeCap(uint160(tokenIn), amountIn);

        // 2. The hedger swaps what it is sent.
        uint256 before = TokenLib.balanceOf(tokenOut, address(this));
        TokenLib.push(uint160(tokenIn), hedger_, amountIn);
        amountOut = IAtomicHedger(hedger_).swapExactIn(tokenIn, tokenOut, amountIn, plan, route);

        // 3. Judge by what the pool paid, and only as far as it came in: a token on the way may call an operator who
        // has the lending account pay us meanwhile, and that is not the pool's money.
        uint256 received = TokenLib.balanceOf(tokenOut, address(this)) - before;
        if (received < amountOut) amountOut = received;
        if (amountOut < minimumOut) revert BoughtTooLittle(tokenOut, amountOut, minimumOut);
        emit InventorySwapped(tokenIn, tokenOut, amountIn, amountOut);
    }

    function _deployedHedger() internal view returns (address hedger_) {
        hedger_ = hedger;
        if (hedger_.code.length == 0) revert ModuleMissing(ModuleKind.HEDGER);
    }

    function _moduleOf(ModuleKind kind) private view returns (address) {
        if (kind == ModuleKind.HEDGER) return hedger;
        if (kind == ModuleKind.ROUTER_HOOKS) return routerHooks;
        return kind == ModuleKind.LENDING_ACCOUNT ? lendingAccount : takerPortal;
    }
}
