// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What RfqSettlement asks of the hedger
interface IAtomicHedger {
    /// @notice The settlement contract whose fills the hedger serves, fixed at its construction.
    // solhint-disable-next-line func-name-mixedcase
    function SETTLEMENT() external view returns (address);

    /// @notice Delivers the maker asset of one fill out of borrowed or flash-swapped funds.
    /// @dev Called by the settlement only, while its ticket is open. Before it returns, the hedger has sent
    /// exactly `makingAmount` of `makerAsset` to `receiver`, called `collect()` once (which brings it
    /// `takingAmount` of `takerAsset`), repaid its lender, and sent everything left over to the settlement.
    /// @param orderHash digest of the order under the settlement's domain
    /// @param taker whoever called the settlement and pays the taker asset
    /// @param receiver whoever gets the maker asset
    /// @param plan the signed plan word, see contracts/README.md
    /// @return profit taker asset sent to the settlement; informative, the settlement measures for itself
    function fundFill(
        bytes32 orderHash,
        address taker,
        address receiver,
        address makerAsset,
        address takerAsset,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 plan
    ) external returns (uint256 profit);
}
