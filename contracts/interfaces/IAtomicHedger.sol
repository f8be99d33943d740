// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What RfqSettlement asks of the hedger
interface IAtomicHedger {
    /// @notice The settlement contract whose fills the hedger serves, fixed at its construction.
    // solhint-disable-next-line func-name-mixedcase
    function SETTLEMENT() external view returns (address);

    /// @notice Delivers the maker asset of one fill out of borrowed or flash-swapped funds.
    /// @dev Called by the settlement only, while its ticket is open. Before it returns, `receiver` has got exactly
    /// `makingAmount` of `makerAsset`, `collect(payee, cost)` was called once, and the lender is repaid.
    /// @param receiver whoever gets the maker asset
    /// @param plan the signed plan word, see contracts/README.md
    function fundFill(
        address receiver,
        address makerAsset,
        address takerAsset,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 plan
    ) external;

    /// @notice The same for a plan whose route is signed behind the plan word.
    /// @param route layout in contracts/HEDGER.md
    function fundFillByRoute(
        address receiver,
        address makerAsset,
        address takerAsset,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 plan,
        bytes calldata route
    ) external;

    /// @notice Sells `amountIn` of `tokenIn`, which was sent to the hedger before, and sends all that is bought to the
    /// settlement.
    /// @return amountOut what the last pool paid out, by its own account
    function swapExactIn(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 plan,
        bytes calldata route
    ) external returns (uint256 amountOut);
}
