// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "./IRfqSettlement.sol";

/// @title What the hooks ask of the settlement
interface IHookedSettlement {
    /// @notice 1inch's contract, fixed at construction.
    function oneInchRouter() external view returns (address);

    /// @notice The lending account, zero while there is none.
    function lendingAccount() external view returns (address);

    /// @notice Counts `making` base units against the caps of the token; does nothing while caps are off.
    function consumeCap(address makerAsset, uint256 making) external;

    /// @notice Sends `amount` base units of a registered token to the lending account.
    function moveToLending(address token, uint256 amount) external;

    /// @notice Sells `amountIn` of `tokenIn` through the hedger for at least the larger of `minimumOut` and
    /// what the oracle band asks.
    function swapInventory(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 minimumOut,
        uint256 plan,
        bytes calldata route
    ) external returns (uint256 amountOut);
}

/// @title What the hooks ask of the lending account
interface IHookedLending {
    /// @notice Sends exactly `amount` of `token` to the settlement.
    /// @param source 1 Aave withdraw, 2 Aave borrow, 3 Compound redeem, 4 Compound borrow
    function provide(uint256 source, address token, uint256 amount) external;

    /// @notice Supplies tokens that lie in the account.
    /// @param market 1 Aave V3, 2 Compound V2
    function supply(uint256 market, address token, uint256 amount) external;

    /// @notice Repays debt of the account with tokens that lie in it.
    /// @param market 1 Aave V3, 2 Compound V2
    /// @return repaid what was repaid, never more than is owed
    function repay(uint256 market, address token, uint256 amount) external returns (uint256 repaid);

    /// @notice Debt of the account in a token, with interest up to this block.
    function debtOf(uint256 market, address token) external returns (uint256 debt);
}

/// @title Listener of 1inch's hooks for orders whose maker is our settlement
/// @notice Layout of both payloads, and what each protects against: contracts/HOOKS.md.
/// @dev Selectors and arguments as in 1inch/limit-order-protocol, contracts/interfaces/IPreInteraction.sol
/// and IPostInteraction.sol. 1inch strips the 20 bytes of the listener off the payload.
interface IRouterHooks {
    /// @notice Emitted when a best-effort hedge did not happen; the fill stands and nothing was sold.
    /// @param reason what the settlement reverted with
    event HedgeFailed(bytes32 indexed orderHash, bytes reason);
    /// @notice Emitted when a best-effort supply or repayment did not happen; the fill stands and the taker
    /// asset stays in the settlement.
    event DepositFailed(bytes32 indexed orderHash, bytes reason);

    // ---- who calls ----
    /// @notice Thrown when the settlement of the constructor holds no code.
    error NoCode(address account);
    /// @notice Thrown when a hook is called by anyone but 1inch's contract.
    error NotRouter(address caller);
    /// @notice Thrown when the maker word of the order is not the settlement.
    error ForeignMaker(uint256 maker);
    /// @notice Thrown when `depositTaken` is called from outside.
    error NotSelf(address caller);

    // ---- the signed payload ----
    /// @notice Thrown when a payload has not the length its first bytes call for.
    error BadPayloadLength(uint256 length, uint256 expected);
    /// @notice Thrown when a flag is set that has no meaning; `flags` is the whole byte.
    error UnknownFlags(uint256 flags);
    /// @notice Thrown when the source of just-in-time inventory is not 0 to 4.
    error UnknownSource(uint256 source);
    /// @notice Thrown when the action is not 0 to 4.
    error UnknownAction(uint256 action);
    /// @notice Thrown when the market of a repayment is neither 1 nor 2.
    error UnknownMarket(uint256 market);
    /// @notice Thrown when a private order names the zero address.
    error ZeroTaker();
    /// @notice Thrown when the gas floor of a best-effort action is below `MIN_GAS_FLOOR`, or that of a
    /// required one is not zero.
    error BadGasFloor(uint256 gasFloor);
    /// @notice Thrown when the share to hedge is zero or above 10,000 bps.
    error BadShare(uint256 shareBps);
    /// @notice Thrown when a hedge is signed without a minimum.
    error ZeroMinimum();

    // ---- the fill ----
    /// @notice Thrown when the order is for another taker. The taker is the caller of 1inch's contract.
    error PrivateOrder(address caller);
    /// @notice Thrown when less is filled than the minimum fill ratio of makerTraits asks.
    error FillTooSmall(uint256 makingAmount, uint256 minimum);
    /// @notice Thrown when the payload needs the lending account and the settlement has none.
    error NoLendingAccount();
    /// @notice Thrown when a best-effort action is left with less gas than its signed floor needs.
    error NotEnoughGas(uint256 available, uint256 needed);

    /// @notice Called by 1inch before the maker asset leaves.
    /// @dev 1 private taker, 2 minimum fill ratio, 3 caps, 4 just-in-time inventory for what the settlement
    /// lacks. Selector 0x0986bdd5.
    /// @param extraData signed payload, contracts/HOOKS.md
    function preInteraction(
        Order calldata order,
        bytes calldata extension,
        bytes32 orderHash,
        address taker,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 remainingMakingAmount,
        bytes calldata extraData
    ) external;

    /// @notice Called by 1inch after the settlement was paid.
    /// @dev Supplies, repays or hedges what came in. Selector 0x462ebde2.
    /// @param extraData signed payload, contracts/HOOKS.md
    function postInteraction(
        Order calldata order,
        bytes calldata extension,
        bytes32 orderHash,
        address taker,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 remainingMakingAmount,
        bytes calldata extraData
    ) external;

    /// @notice Moves the taken asset to the lending account and puts it to work there, both or neither.
    /// @dev Called by this contract itself, so that a failure of the second step undoes the first.
    /// @param action 1 supply to Aave, 2 supply to Compound, 3 repay
    /// @param market of a repayment, else unused
    function depositTaken(uint256 action, uint256 market, address token, uint256 amount) external;

    // solhint-disable-next-line func-name-mixedcase
    function SETTLEMENT() external view returns (address);
    /// @notice 1inch's contract, as the settlement has it.
    function router() external view returns (address);
    /// @notice Least gas floor of a best-effort action.
    // solhint-disable-next-line func-name-mixedcase
    function MIN_GAS_FLOOR() external view returns (uint256);
}
