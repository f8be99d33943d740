// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "../interfaces/IRfqSettlement.sol";
import {ITakerInteraction} from "../interfaces/ITakerInteraction.sol";
import {FundedLeg} from "./FundedLeg.sol";
import {OrderLib} from "./OrderLib.sol";
import {IWeth, TokenLib} from "./TokenLib.sol";

/// @notice The call of Permit2 that the settlement makes.
interface IPermit2Transfer {
    function transferFrom(address from, address to, uint160 amount, address token) external;
}

/// @title Legs out of the inventory that are no plain transfer: another receiver, ETH, Permit2, the taker's
/// interaction
abstract contract SpecialLegs is FundedLeg {
    address private constant _PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;

    address public immutable override weth;

    constructor(address weth_) {
        if (weth_.code.length == 0) revert NoCode(weth_);
        weth = weth_;
        _untouchable[weth_] = true;
        _untouchable[_PERMIT2] = true;
        _untouchable[oneInchRouter] = true;
        _untouchable[address(this)] = true;
    }

    /// @dev ETH comes from unwrapping only; the taker's comes with a fill.
    receive() external payable {
        if (msg.sender != weth) revert UnexpectedEth(msg.sender);
    }

    function _pushMakerLeg(
        Order calldata order,
        address target,
        uint256 makingAmount,
        uint256 takerTraits
    ) internal {
        if (takerTraits & OrderLib.UNWRAP_WETH != 0 && order.makerAsset == uint160(weth)) {
            IWeth(weth).withdraw(makingAmount);
            TokenLib.pushEth(target, makingAmount);
        } else {
            TokenLib.push(order.makerAsset, target, makingAmount);
        }
    }

    function _pullTakerLeg(
        uint256 takerAsset,
        address taker,
        uint256 takingAmount,
        uint256 takerTraits
    ) internal {
        if (msg.value != 0) _chargeEth(takerAsset, takingAmount);
        else if (takerTraits & OrderLib.USE_PERMIT2 != 0) _pullByPermit2(takerAsset, taker, takingAmount);
        else TokenLib.pull(takerAsset, taker, address(this), takingAmount);
    }

    function _interact(
        Order calldata order,
        bytes calldata extension,
        bytes32 orderHash,
        address taker,
        uint256 makingAmount,
        uint256 takingAmount,
        bytes calldata interaction
    ) internal {
        // 1. The target: none that anything of ours listens to.
        if (interaction.length < 20) revert BadArgs(20, interaction.length);
        address target = address(bytes20(interaction[:20]));
        if (_untouchable[target]) revert BadInteractionTarget(target);
        if (target.code.length == 0) revert NoCode(target);

        // 2. ITakerInteraction(target).takerInteraction(order, extension, orderHash, taker, makingAmount,
        //    takingAmount, order.makingAmount, interaction[20:]). Written out because the compiler's encoder of these
        //    arguments takes 2,000 bytes of code. Every length was cut out of args by `parseArgs`.
        bytes4 selector = ITakerInteraction.takerInteraction.selector;
        bytes calldata extraData = interaction[20:];
        uint256 start_;
        uint256 size;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            let head := add(data, 0x04)
            calldatacopy(head, order, 0x100)
            mstore(add(head, 0x120), orderHash)
            mstore(add(head, 0x140), taker)
            mstore(add(head, 0x160), makingAmount)
            mstore(add(head, 0x180), takingAmount)
            mstore(add(head, 0x1a0), calldataload(add(order, 0xa0)))
            let tail := add(head, 0x1e0)
            mstore(add(head, 0x100), sub(tail, head))
            tail := copy(tail, extension.offset, extension.length)
            mstore(add(head, 0x1c0), sub(tail, head))
            tail := copy(tail, extraData.offset, extraData.length)
            start_ := data
            size := sub(tail, data)

            // Writes length and bytes, padded with zeros; returns where the next item goes.
            function copy(to, from, length) -> next {
                mstore(to, length)
                let start := add(to, 0x20)
                mstore(add(start, length), 0)
                calldatacopy(start, from, length)
                next := add(start, and(add(length, 0x1f), not(0x1f)))
            }
        }
        TokenLib.callFrom(target, start_, size);
    }

    function _chargeEth(uint256 token, uint256 takingAmount) private {
        if (token != uint160(weth)) revert BadMsgValue(msg.value, 0);
        if (msg.value < takingAmount) revert BadMsgValue(msg.value, takingAmount);
        IWeth(weth).deposit{value: takingAmount}();
        unchecked {
            if (msg.value != takingAmount) TokenLib.pushEth(msg.sender, msg.value - takingAmount);
        }
    }

    function _pullByPermit2(uint256 token, address from, uint256 amount) private {
        if (amount > type(uint160).max) revert AmountOverflow(amount, 1);
        IPermit2Transfer(_PERMIT2).transferFrom(
            from,
            address(this),
            uint160(amount),
            address(uint160(token))
        );
    }
}
