// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RfqSettlement} from "contracts/RfqSettlement.sol";
import {IRfqSettlement, ModuleKind, Order} from "contracts/interfaces/IRfqSettlement.sol";

/// @notice The cheat codes used here.
interface ICheats {
    function prank(address sender) external;
    function createCalldata(string calldata contractName) external returns (bytes memory data);
}

/// @notice An ERC-20 that does what it is told; also WETH.
contract PlainToken {
    mapping(address holder => uint256) public balanceOf;
    mapping(address holder => mapping(address spender => uint256)) public allowance;
    uint8 public constant decimals = 18;

    function mint(address holder, uint256 amount) external {
        balanceOf[holder] = amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// @notice Stands for 1inch and for every module: it answers and does nothing.
contract Bystander {
    address public immutable SETTLEMENT;

    constructor(address settlement) {
        SETTLEMENT = settlement;
    }

    function cancelOrder(uint256, bytes32) external {}
    function bitsInvalidateForOrder(uint256, uint256) external {}
}

/// @title Who can lower a balance of the settlement, and how often a nonce settles
/// @dev Caller, arguments, balances, order and signature are free; storage is what the owner's usual setup leaves.
/// ecrecover is an uninterpreted function of digest, v, r and s: it may answer the signer for any signature, so
/// the attacker here is stronger than one who cannot forge. What is shown is that no path pays out without an
/// answer that is the signer.
contract SettlementRules {
    ICheats private constant _VM = ICheats(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    ICheats private constant _SVM = ICheats(0xF3993A62377BCd56AE39D773740A5390411E8BC9);
    address private constant _OWNER = address(0xA11CE);
    address private constant _GUARDIAN = address(0x6A4D);
    address private constant _OPERATOR = address(0x09E4);
    address private constant _SIGNER = address(0x51639E4);
    uint256 private constant _LANES = 2;

    PlainToken private _base;
    PlainToken private _quote;
    RfqSettlement private _settlement;
    address private _hooks;

    function setUp() external {
        _base = new PlainToken();
        _quote = new PlainToken();
        PlainToken weth = new PlainToken();
        address[] memory core = new address[](2);
        (core[0], core[1]) = (address(_base), address(_quote));
        address router = address(new Bystander(address(0)));
        address hedger = address(new Bystander(address(0)));
        _settlement = new RfqSettlement(address(this), address(weth), router, hedger, core);
        _settlement.initLanes(_SIGNER, _LANES);
        _settlement.setGuardian(_GUARDIAN);
        _settlement.setOperator(_OPERATOR);
        _hooks = address(new Bystander(address(_settlement)));
        _settlement.setModule(ModuleKind.ROUTER_HOOKS, _hooks);
        _settlement.setModule(ModuleKind.LENDING_ACCOUNT, address(new Bystander(address(_settlement))));
        _settlement.transferOwnership(_OWNER);
        _VM.prank(_OWNER);
        _settlement.acceptOwnership();
    }

    /// @notice Every function but the fills; the movers and the owner's withdraw only for others than their callers.
    function check_anyCall__lowersNoBalance(address caller, uint128 held) external {
        _base.mint(address(_settlement), held);
        _quote.mint(address(_settlement), held);
        bytes memory data = _SVM.createCalldata("IRfqSettlement");
        bytes4 selector = bytes4(data);
        if (_isFill(selector)) return;
        if (caller == address(_settlement)) return;
        if (selector == IRfqSettlement.withdraw.selector && caller == _OWNER) return;
        bool moves =
            selector == IRfqSettlement.moveToLending.selector || selector == IRfqSettlement.swapInventory.selector;
        if (moves && (caller == _OPERATOR || caller == _hooks)) return;

        _VM.prank(caller);
        (bool ok, ) = address(_settlement).call(data);
        ok;
        assert(_base.balanceOf(address(_settlement)) >= held);
        assert(_quote.balanceOf(address(_settlement)) >= held);
    }

    /// @dev A plain order to sell base for quote, in a plain call without a threshold; every other word is free.
    function check_fillOrder__paysOnlyASignedOrderAndGetsPaid(
        uint256[4] calldata words,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        bool byMaking
    ) external {
        Order memory order = _order(words);
        _stock(address(this));
        (uint256 making, uint256 taking, bytes32 hash) = _settlement.fillOrder(
            order,
            r,
            vs,
            amount,
            byMaking ? 1 << 255 : 0
        );
        assert(_recovered(hash, r, vs) == _SIGNER);
        assert(making <= order.makingAmount);
        assert(_base.balanceOf(address(_settlement)) == type(uint128).max - making);
        assert(_quote.balanceOf(address(_settlement)) == uint256(type(uint128).max) + taking);
    }

    /// @dev The same through the path that reads every term, to a free receiver.
    function check_fillOrderArgs__paysOnlyASignedOrderAndGetsPaid(
        uint256[4] calldata words,
        bytes32 r,
        bytes32 vs,
        address target
    ) external {
        Order memory order = _order(words);
        _stock(address(this));
        if (target == address(_settlement)) return;
        (uint256 making, uint256 taking, bytes32 hash) = _settlement.fillOrderArgs(
            order,
            r,
            vs,
            words[2],
            (1 << 255) | (1 << 251),
            abi.encodePacked(target)
        );
        assert(_recovered(hash, r, vs) == _SIGNER);
        assert(making <= order.makingAmount);
        assert(_base.balanceOf(address(_settlement)) == type(uint128).max - making);
        assert(_quote.balanceOf(address(_settlement)) == uint256(type(uint128).max) + taking);
    }

    function check_fillOrderCompact__paysOnlyASignedOrderAndGetsPaid(
        address taker,
        uint256 amounts,
        uint256 terms,
        bytes32 r,
        bytes32 vs
    ) external {
        if (taker == address(_settlement)) return;
        _stock(taker);
        _VM.prank(taker);
        (uint256 making, uint256 taking, bytes32 hash) = _settlement.fillOrderCompact(
            bytes32(amounts),
            bytes32(terms),
            r,
            vs
        );
        assert(_recovered(hash, r, vs) == _SIGNER);
        assert(making == amounts >> 128 && taking == uint128(amounts));
        (PlainToken out, PlainToken in_) = (terms >> 156) & 15 == 0 ? (_base, _quote) : (_quote, _base);
        assert(out.balanceOf(address(_settlement)) == type(uint128).max - making);
        assert(in_.balanceOf(address(_settlement)) == uint256(type(uint128).max) + taking);
    }

    /// @dev Two orders to sell base for quote, of the same lane and nonce; any other terms, amounts and signatures.
    function check_nonce__settlesOnce(
        uint256[2] calldata amounts,
        uint256[2] calldata terms,
        bytes32[2] calldata r,
        bytes32[2] calldata vs
    ) external {
        uint256 assets = 1 << 152;
        uint256 first = (terms[0] & ~(uint256(0xff) << 152)) | assets;
        uint256 second = (terms[1] & ~uint256(((1 << 56) - 1) << 104)) | (first & (((1 << 56) - 1) << 104));
        _stock(address(this));
        _settlement.fillOrderCompact(bytes32(amounts[0]), bytes32(first), r[0], vs[0]);
        try _settlement.fillOrderCompact(bytes32(amounts[1]), bytes32(second), r[1], vs[1]) {
            assert(false);
        } catch {}
    }

    /// @dev The same nonce through the compact entry first, then through the full one.
    function check_nonce__settlesOnceAcrossEntries(
        uint256 amounts,
        uint256 terms,
        bytes32[2] calldata r,
        bytes32[2] calldata vs,
        uint256[4] calldata words
    ) external {
        uint256 first = (terms & ~(uint256(0xff) << 152)) | (1 << 152);
        Order memory order = _order(words);
        uint256 place = ((first >> 104) & ((1 << 48) - 1)) << 120;
        order.makerTraits = (order.makerTraits & ~uint256(((1 << 80) - 1) << 120)) | place;
        _stock(address(this));
        _settlement.fillOrderCompact(bytes32(amounts), bytes32(first), r[0], vs[0]);
        try _settlement.fillOrder(order, r[1], vs[1], order.takingAmount, 0) {
            assert(false);
        } catch {}
    }

    /// @param words salt, traits (lane, nonce, expiration and NO_PARTIAL_FILLS of it), making and taking amount
    function _order(uint256[4] calldata words) private view returns (Order memory) {
        return
            Order({
                salt: words[0],
                maker: uint160(address(_settlement)),
                receiver: 0,
                makerAsset: uint160(address(_base)),
                takerAsset: uint160(address(_quote)),
                makingAmount: words[2],
                takingAmount: words[3],
                makerTraits: words[1] & ((1 << 255) | (((1 << 120) - 1) << 80))
            });
    }

    function _stock(address taker) private {
        _base.mint(address(_settlement), type(uint128).max);
        _quote.mint(address(_settlement), type(uint128).max);
        _base.mint(taker, type(uint128).max);
        _quote.mint(taker, type(uint128).max);
        _VM.prank(taker);
        _base.approve(address(_settlement), type(uint256).max);
        _VM.prank(taker);
        _quote.approve(address(_settlement), type(uint256).max);
    }

    function _recovered(bytes32 hash, bytes32 r, bytes32 vs) private pure returns (address) {
        uint256 s = uint256(vs) & (type(uint256).max >> 1);
        return ecrecover(hash, uint8(27 + (uint256(vs) >> 255)), r, bytes32(s));
    }

    function _isFill(bytes4 selector) private pure returns (bool) {
        return
            selector == IRfqSettlement.fillOrder.selector ||
            selector == IRfqSettlement.fillOrderCompact.selector ||
            selector == IRfqSettlement.fillOrderArgs.selector ||
            selector == IRfqSettlement.fillOrderFor.selector ||
            selector == IRfqSettlement.fillOrderFunded.selector;
    }
}
