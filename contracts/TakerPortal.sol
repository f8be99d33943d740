// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement, Order} from "./interfaces/IRfqSettlement.sol";
import {Fill, ITakerPortal} from "./interfaces/ITakerPortal.sol";

/// @notice EIP-2612.
interface IErc2612 {
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
}

/// @notice The permit of DAI, all or nothing.
interface IDaiPermit {
    function permit(
        address holder,
        address spender,
        uint256 nonce,
        uint256 expiry,
        bool allowed,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
}

/// @title TakerPortal: fills with a permit, and several fills in one call
///
/// @notice Purpose. What a taker needs around a fill, kept out of the settlement so that plain fills pay nothing
/// for it: contracts/PORTAL.md.
///
/// Trust. The settlement lets this contract name the taker, from whom the taker leg is pulled. It names the
/// caller, always: `msg.sender` is the only address that ever reaches `fillOrderFor` and the permits.
///
/// Holds nothing between calls: no token, no allowance, no storage, no ETH but what was forced on it, which nobody
/// gets. No owner, no setting. It calls the settlement, `permit` of registered tokens and of Permit2, and the
/// caller with what is left of its ETH.
///
/// How to stop it. Pausing the signers in the settlement stops every fill. It cannot be unset.
contract TakerPortal is ITakerPortal {
    address private constant _PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;
    /// @dev permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)
    bytes4 private constant _PERMIT2_SELECTOR = 0x2b67b570;

    uint256 private constant _EIP2612 = 1;
    uint256 private constant _DAI = 2;
    uint256 private constant _PERMIT_SINGLE = 3;

    uint256 private constant _MAX_FILLS = 256;
    /// @dev A callee gets 63/64 of the gas (EIP-150). If it starves at depth d below this contract, and all the
    /// callers between hand back what they kept, 1 - (63/64)^d is left here: under a quarter down to d = 18.
    uint256 private constant _STARVED_SHARE = 4;

    /// @inheritdoc ITakerPortal
    address public immutable override SETTLEMENT;

    /// @dev Zero: no call is running. Else one more than the ETH that the caller gets back at the end: lock and
    /// account in one word. What the settlement returns is counted as it arrives, never by a balance, so that ETH
    /// forced on this contract belongs to no call.
    uint256 private transient _purse;

    modifier locked() {
        if (_purse != 0) revert Reentered();
        _purse = 1;
        _;
        // All is done: the caller may come back from its receive function, as anybody may after this call.
        uint256 rest = _purse - 1;
        _purse = 0;
        if (rest != 0) _refund(rest);
    }

    /// @param settlement whose orders are filled; its owner joins the two by `setModule(3, portal)`
    constructor(address settlement) {
        if (settlement.code.length == 0) revert NoCode(settlement);
        SETTLEMENT = settlement;
    }

    /// @dev What a fill leaves of its ETH, and unwrapped WETH where the taker named this contract as the target.
    receive() external payable {
        _takeBack(msg.value);
    }

    /// @inheritdoc ITakerPortal
    function fillOrderPermit(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args,
        bytes calldata permit
    ) external override locked returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash) {
        _usePermit(order.takerAsset, permit);
        return IRfqSettlement(SETTLEMENT).fillOrderFor(msg.sender, order, r, vs, amount, takerTraits, args);
    }

    /// @inheritdoc ITakerPortal
    function fillOrders(
        Fill[] calldata fills,
        uint256 optional
    )
        external
        payable
        override
        locked
        returns (uint256[] memory makingAmounts, uint256[] memory takingAmounts)
    {
        uint256 count = fills.length;
        if (count == 0 || count > _MAX_FILLS) revert BadBatchSize(count);
        makingAmounts = new uint256[](count);
        takingAmounts = new uint256[](count);

        // 1. Fill after fill; msg.value is counted down here and read nowhere else.
        uint256 left = msg.value;
        for (uint256 i = 0; i < count; ++i) {
            Fill calldata fill = fills[i];
            uint256 value = fill.value;
            if (value > left) revert ValueExhausted(i, value, left);
            left -= value;
            (makingAmounts[i], takingAmounts[i]) =
                (optional >> i) & 1 == 0 ? _fill(fill, value) : _tryFill(fill, value, i);
        }

        // 2. What was lent to nobody joins what came back.
        _purse += left;
    }

    /// @dev Reverts as the settlement does.
    function _fill(Fill calldata fill, uint256 value) private returns (uint256 making, uint256 taking) {
        (making, taking, ) = IRfqSettlement(SETTLEMENT).fillOrderFor{value: value}(
            msg.sender,
            fill.order,
            fill.r,
            fill.vs,
            fill.amount,
            fill.takerTraits,
            fill.args
        );
    }

    /// @dev May fail, but not for want of gas: whoever sends the call of a taker with code chooses its gas, and a
    /// node that estimates gas takes the least with which the call passes.
    function _tryFill(
        Fill calldata fill,
        uint256 value,
        uint256 index
    ) private returns (uint256 making, uint256 taking) {
        uint256 gasBefore = gasleft();
        try
            IRfqSettlement(SETTLEMENT).fillOrderFor{value: value}(
                msg.sender,
                fill.order,
                fill.r,
                fill.vs,
                fill.amount,
                fill.takerTraits,
                fill.args
            )
        returns (uint256 making_, uint256 taking_, bytes32) {
            return (making_, taking_);
        } catch (bytes memory reason) {
            uint256 gasAfter = gasleft();
            if (gasAfter < gasBefore / _STARVED_SHARE) revert FillStarved(index, gasBefore, gasAfter);
            _purse += value;
            emit FillFailed(IRfqSettlement(SETTLEMENT).hashOrder(fill.order), msg.sender, index, reason);
        }
    }

    /// @dev Uses a permit of the caller's; what the permitted contract answers does not count.
    function _usePermit(uint256 token, bytes calldata permit) private {
        // 1. The permit is what it says.
        uint256 kind = permit.length == 0 ? 0 : uint8(permit[0]);
        if (kind == 0 || kind > _PERMIT_SINGLE) revert UnknownPermit(kind);
        uint256 expected = kind == _PERMIT_SINGLE ? 193 : 129;
        if (permit.length != expected) revert BadPermitLength(permit.length, expected);

        // 2. It goes to a token the owner has looked at, or to Permit2.
        if (token >> 160 != 0 || !IRfqSettlement(SETTLEMENT).isRegistered(address(uint160(token))))
            revert UnregisteredToken(token);
        address target = kind == _PERMIT_SINGLE ? _PERMIT2 : address(uint160(token));
        if (target.code.length == 0) revert NoCode(target);

        // 3. It may have been used before; its answer is not copied.
        bytes memory data =
            kind == _PERMIT_SINGLE ? _permit2Call(token, permit[1:]) : _tokenCall(kind, permit[1:]);
        assembly ("memory-safe") {
            pop(call(gas(), target, 0, add(data, 0x20), mload(data), 0, 0))
        }
    }

    function _tokenCall(uint256 kind, bytes calldata words) private view returns (bytes memory) {
        // value and deadline, or nonce and expiry
        (uint256 first, uint256 second, bytes32 r, uint256 vs) = abi.decode(
            words,
            (uint256, uint256, bytes32, uint256)
        );
        uint8 v = uint8(27 + (vs >> 255));
        bytes32 s = bytes32(vs & uint256(type(int256).max));
        return
            kind == _DAI
                ? abi.encodeCall(IDaiPermit.permit, (msg.sender, SETTLEMENT, first, second, true, v, r, s))
                : abi.encodeCall(IErc2612.permit, (msg.sender, SETTLEMENT, first, second, v, r, s));
    }

    /// @dev Words as they came: Permit2 refuses those that are too large, and takes the 64 bytes of r and vs.
    function _permit2Call(uint256 token, bytes calldata words) private view returns (bytes memory) {
        return
            abi.encodePacked(
                _PERMIT2_SELECTOR,
                uint256(uint160(msg.sender)),
                token,
                words[:96], // amount, expiration, nonce
                uint256(uint160(SETTLEMENT)),
                words[96:128], // sigDeadline
                uint256(256), // where the signature starts
                uint256(64), // its length
                words[128:] // r, vs
            );
    }

    function _takeBack(uint256 value) private {
        if (msg.sender != SETTLEMENT || _purse == 0) revert UnexpectedEth(msg.sender);
        _purse += value;
    }

    function _refund(uint256 amount) private {
        address to = msg.sender;
        bool ok;
        assembly ("memory-safe") {
            ok := call(gas(), to, amount, 0, 0, 0, 0)
        }
        if (!ok) revert EthTransferFailed(to);
    }
}
