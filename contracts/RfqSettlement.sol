// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "./interfaces/IRfqSettlement.sol";
import {Admission} from "./modules/Admission.sol";
import {DeskModules} from "./modules/DeskModules.sol";
import {OneInchMaker} from "./modules/OneInchMaker.sol";
import {Roles} from "./modules/Roles.sol";
import {SpecialLegs} from "./modules/SpecialLegs.sol";
import {TokenLib} from "./modules/TokenLib.sol";
import {TokenRegistry} from "./modules/TokenRegistry.sol";

/// @title RfqSettlement: one maker's inventory, settled against signed quotes
///
/// @notice Purpose. Holds the inventory of a market maker and pays it out against orders that a registered
/// signer signed, on this contract or, through ERC-1271, on 1inch's.
///
/// Trust. The owner is trusted with everything. The guardian can only reduce. A signer can sign away the
/// inventory within registered tokens and its own lanes, nothing else. The hedger is trusted with nothing
/// beyond one open ticket: it is judged by balances. A pool of Uniswap's V3 factory is trusted to move what it says.
/// Takers, receivers and their contracts are hostile.
///
/// Tokens. A registered token moves exactly the amount it is told to, at no other time, and calls nobody.
/// Tokens that return nothing are served; tokens that return false or lost their code are refused at the
/// transfer. Fee-on-transfer and rebasing tokens must not be registered: amounts are trusted, not measured,
/// but for what the hedger delivers.
///
/// How to stop it. `pauseSigners()` by guardian or owner. Tables, roles and the reasons of `checkOrder`:
/// contracts/README.md.
///
/// Invariants.
/// INV-1 The inventory falls only by `withdraw`, by a fill of an order that an authorised, unpaused signer
///       signed word for word, or by 1inch's contract, within the owner's allowance, for an order
///       `isValidSignature` accepted.
/// INV-2 A (signer, lane, nonce) settles at most once on this contract.
/// INV-3 makingAmount * order.takingAmount <= takingAmount * order.makingAmount in every fill.
/// INV-4 Paused, revoked, expired, cancelled and wrong-epoch orders move nothing, on either venue.
/// INV-5 No allowance is ever given but the finite one to the immutable 1inch contract.
/// INV-6 A funded fill lowers no balance of its two assets here and earns at least the signed minimum.
/// INV-7 At most one fill runs at a time, and no ticket is open while none runs.
/// INV-8 Every lane word of an active signer carries the policy of today.
contract RfqSettlement is OneInchMaker {
    /// @param owner_ first owner
    /// @param weth_ wrapped ether, which must hold code
    /// @param router 1inch's contract, the only address that may ever get an allowance
    /// @param hedger_ address at which the hedger of this contract will be deployed; zero for none, for good
    /// @param core up to eight tokens tradable from the start at no storage cost per fill, most traded first
    constructor(
        address owner_,
        address weth_,
        address router,
        address hedger_,
        address[] memory core
    ) Roles(owner_) TokenRegistry(core) Admission(router) DeskModules(hedger_) SpecialLegs(weth_) {}

    /// @inheritdoc IRfqSettlement
    function withdraw(address token, address to, uint256 amount) external override onlyOwner whenUnlocked {
        if (to == address(0)) revert ZeroAddress();
        emit Withdrawn(token, to, amount);
        if (token == address(0)) TokenLib.pushEth(to, amount);
        else TokenLib.push(uint160(token), to, amount);
    }
}
