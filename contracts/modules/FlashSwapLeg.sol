// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";
import {DeskModules} from "./DeskModules.sol";
import {TokenLib} from "./TokenLib.sol";

/// @title The taker's payment under a one-shot ticket, and flash swaps on one Uniswap V3 pool
/// @dev Whoever the ticket names, the hedger or the pool of a flash swap, may have one payment made out of what the
/// taker pays, and nothing else: neither holds an allowance, and no other function answers them.
/// A pool is authenticated by its CREATE2 address alone: no other code than the factory's own pool can stand there,
/// and that pool moves exactly what it says. So a flash swap needs no judgement by balances.
abstract contract FlashSwapLeg is DeskModules {
    /// @dev Who may ask for the payment; zero while no ticket is open.
    address internal transient _ticketHolder;
    address private transient _ticketTaker;
    uint256 private transient _ticketAsset;
    uint256 private transient _ticketAmount;
    uint256 private transient _ticketMinimum;

    /// @dev swap(address,bool,int256,uint160,bytes), left-aligned.
    uint256 private constant _SWAP = 0x128acb08 << 224;
    /// @dev TickMath.MIN_SQRT_RATIO + 1 and MAX_SQRT_RATIO - 1: no price limit. What the taker pays bounds the cost.
    uint256 private constant _LOWEST_PRICE = 4295128740;
    uint256 private constant _HIGHEST_PRICE = 1461446703485210103287273052203988822378723970341;

    /// @inheritdoc IRfqSettlement
    function uniswapV3SwapCallback(int256 delta0, int256 delta1, bytes calldata) external override {
        // One of the two is what the pool is owed, the other is negative.
        _payOut(msg.sender, uint256(delta0 > 0 ? delta0 : delta1));
    }

    function _openTicket(
        address holder,
        address taker,
        uint256 takerAsset,
        uint256 takingAmount,
        uint256 minimum
    ) internal {
        _ticketHolder = holder;
        _ticketTaker = taker;
        _ticketAsset = takerAsset;
        _ticketAmount = takingAmount;
        _ticketMinimum = minimum;
    }

    /// @dev What the hedge costs goes to the payee, the rest of what the taker pays stays here.
    function _payOut(address payee, uint256 cost) internal {
        if (msg.sender != _ticketHolder) revert Unauthorised(msg.sender);
        _ticketHolder = address(0);
        uint256 takingAmount = _ticketAmount;
        uint256 minimum = _ticketMinimum;
        if (cost > takingAmount || takingAmount - cost < minimum)
            revert ProfitTooLow(takingAmount, cost, minimum);
        uint256 takerAsset = _ticketAsset;
        TokenLib.pull(takerAsset, _ticketTaker, address(this), takingAmount);
        TokenLib.push(takerAsset, payee, cost);
    }

    /// @dev Buys the maker asset for the receiver; the pool pays first and then has the taker pay.
    function _buyFrom(
        address pool,
        address receiver,
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 making
    ) internal {
        if (pool.code.length == 0) revert NoCode(pool);
        uint256 zeroForOne;
        uint256 data;
        assembly ("memory-safe") {
            // swap(receiver, zeroForOne, -making, limit, "")
            data := mload(0x40)
            zeroForOne := lt(takerAsset, makerAsset)
            mstore(data, _SWAP)
            mstore(add(data, 0x04), receiver)
            mstore(add(data, 0x24), zeroForOne)
            mstore(add(data, 0x44), sub(0, making))
            mstore(add(data, 0x64), _HIGHEST_PRICE)
            if zeroForOne {
                mstore(add(data, 0x64), _LOWEST_PRICE)
            }
            mstore(add(data, 0x84), 0xa0)
            mstore(add(data, 0xa4), 0)
        }
        TokenLib.callFrom(pool, data, 0xc4);
        // What it paid out is its answer for the other token, negative.
        uint256 received;
        assembly ("memory-safe") {
            returndatacopy(0x00, shl(5, zeroForOne), 0x20)
            received := sub(0, mload(0x00))
        }
        if (received != making) revert WrongDelivery(making, received);
    }
}
