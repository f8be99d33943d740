// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement, Order} from "../interfaces/IRfqSettlement.sol";
import {LaneLib} from "./LaneLib.sol";
import {OrderLib} from "./OrderLib.sol";
import {PriceBand} from "./PriceBand.sol";

/// @title What makes an order good: the rules shared by fills on our domain and by ERC-1271
/// @dev Signatures are ECDSA by the signer's key whatever code its account holds, so an EIP-7702 delegation
/// of a signer changes nothing.
abstract contract Admission is PriceBand {
    using LaneLib for uint256;
    using OrderLib for uint256;
    using OrderLib for Order;

    bytes32 private constant _DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant _NAME_HASH = keccak256("pmm RfqSettlement");
    bytes32 private constant _VERSION_HASH = keccak256("1");
    bytes32 private constant _ROUTER_NAME_HASH = keccak256("1inch Aggregation Router");
    bytes32 private constant _ROUTER_VERSION_HASH = keccak256("6");
    /// @dev Lane, nonce and expiration of a packed plain order.
    uint256 private constant _PACKED_TRAITS_MASK = ((1 << 152) - 1) ^ ((1 << 64) - 1);
    uint256 internal constant HALF_CURVE_ORDER =
        0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    address public immutable override oneInchRouter;
    uint256 private immutable _CHAIN_ID;
    bytes32 private immutable _SEPARATOR;
    bytes32 private immutable _ROUTER_SEPARATOR;

    constructor(address router) {
        if (router.code.length == 0) revert NoCode(router);
        oneInchRouter = router;
        _CHAIN_ID = block.chainid;
        _SEPARATOR = _separator(_NAME_HASH, _VERSION_HASH, address(this));
        _ROUTER_SEPARATOR = _separator(_ROUTER_NAME_HASH, _ROUTER_VERSION_HASH, router);
    }

    /// @inheritdoc IRfqSettlement
    function hashOrder(Order calldata order) public view override returns (bytes32) {
        return order.digest(DOMAIN_SEPARATOR());
    }

    /// @inheritdoc IRfqSettlement
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() public view override returns (bytes32) {
        if (block.chainid == _CHAIN_ID) return _SEPARATOR;
        return _separator(_NAME_HASH, _VERSION_HASH, address(this));
    }

    function _routerSeparator() internal view returns (bytes32) {
        if (block.chainid == _CHAIN_ID) return _ROUTER_SEPARATOR;
        return _separator(_ROUTER_NAME_HASH, _ROUTER_VERSION_HASH, oneInchRouter);
    }

    /// @notice Finds the lane word the signature is good for, and requires a time its policy allows.
    function _openLane(
        bytes32 hash,
        bytes32 r,
        bytes32 vs,
        uint256 salt,
        uint256 traits
    ) internal view returns (LaneSlot storage slot, uint256 word) {
        // 1. The signer, by its key alone.
        uint256 s = uint256(vs) & (type(uint256).max >> 1);
        if (s > HALF_CURVE_ORDER) revert HighS(s);
        address signer = _recover(hash, r, vs, s);

        // 2. Authorisation, pause and epoch. A failed recovery gives the zero address, which is never
        //    authorised.
        slot = _lanes[_key(signer, traits.series())];
        word = slot.word;
        if (!word.admits(salt)) _refuseLane(signer, word, salt, traits.series());

        // 3. Expiration: zero or in the past wraps to a distance beyond every horizon.
        unchecked {
            if (traits.expiration() - block.timestamp > word.maxExpiry())
                _refuseExpiration(traits.expiration(), word);
        }
    }

    /// @notice Requires two different assets that the lane's policy lets be traded.
    function _requireAssets(uint256 word, uint256 makerAsset, uint256 takerAsset) internal view {
        if (word & _refusalBits(makerAsset, takerAsset) != 0) _refuseAssets(word, makerAsset, takerAsset);
        if (makerAsset == takerAsset) revert SameAsset(makerAsset);
    }

    /// @notice The plain order that two packed words stand for; see contracts/README.md.
    function _unpack(
        uint256 amounts,
        uint256 terms
    )
        internal
        view
        returns (
            uint256 salt,
            uint256 makerAsset,
            uint256 takerAsset,
            uint256 making,
            uint256 taking,
            uint256 traits
        )
    {
        salt = (terms >> 160) << 160;
        makerAsset = _coreToken((terms >> 156) & 15);
        takerAsset = _coreToken((terms >> 152) & 15);
        making = amounts >> 128;
        taking = uint128(amounts);
        // Lane, nonce and expiration keep their order, 16 bits further up.
        traits = ((terms & _PACKED_TRAITS_MASK) << 16) | (terms << 255);
    }

    /// @dev ecrecover(hash, 27 + (vs >> 255), r, s), without the builtin's upkeep of memory.
    function _recover(bytes32 hash, bytes32 r, bytes32 vs, uint256 s) private view returns (address signer) {
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, hash)
            mstore(add(data, 0x20), add(shr(255, vs), 27))
            mstore(add(data, 0x40), r)
            mstore(add(data, 0x60), s)
            // Answers 32 bytes, or none: then the word keeps the zero.
            mstore(0x00, 0)
            pop(staticcall(gas(), 1, data, 0x80, 0x00, 0x20))
            signer := mload(0x00)
        }
    }

    function _refuseLane(address signer, uint256 word, uint256 salt, uint256 series) private pure {
        if (signer == address(0)) revert BadSignature();
        if (word & LaneLib.AUTHORISED == 0) revert UnknownSigner(signer, series);
        if (word & LaneLib.PAUSED != 0) revert SignerIsPaused(signer, series);
        revert WrongEpoch(salt.signedEpoch(), word.epoch());
    }

    function _refuseAssets(uint256 word, uint256 makerAsset, uint256 takerAsset) private view {
        revert UnregisteredToken(word & _refusalBit(makerAsset) != 0 ? makerAsset : takerAsset);
    }

    function _refuseExpiration(uint256 expiration, uint256 word) private view {
        if (expiration < block.timestamp) revert OrderExpired(expiration, block.timestamp);
        revert ExpiryTooFar(expiration, block.timestamp + word.maxExpiry());
    }

    function _separator(bytes32 name, bytes32 version, address verifier) private view returns (bytes32) {
        return keccak256(abi.encode(_DOMAIN_TYPEHASH, name, version, block.chainid, verifier));
    }
}
