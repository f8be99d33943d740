// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface IMorphoLoans {
    function flashLoan(address token, uint256 assets, bytes calldata data) external;
}

interface IBalancerLoans {
    function flashLoan(
        address recipient,
        address[] calldata tokens,
        uint256[] calldata amounts,
        bytes calldata data
    ) external;
}

interface IAaveLoans {
    function flashLoanSimple(
        address receiver,
        address asset,
        uint256 amount,
        bytes calldata data,
        uint16 referral
    ) external;
}

interface IToken {
    function balanceOf(address account) external view returns (uint256);
}

/// @notice Takes flash loans, records what it held inside the callback, and repays unless told otherwise.
contract FlashBorrower {
    bool public immutable repays;
    address public lender;
    address public initiator;
    mapping(address token => uint256) public heldInside;
    mapping(address token => uint256) public fee;

    constructor(bool repays_) {
        repays = repays_;
    }

    function borrowFromMorpho(address morpho, address token, uint256 amount) external {
        IMorphoLoans(morpho).flashLoan(token, amount, abi.encode(token));
    }

    function borrowFromBalancer(
        address vault,
        address[] calldata tokens,
        uint256[] calldata amounts
    ) external {
        IBalancerLoans(vault).flashLoan(address(this), tokens, amounts, "");
    }

    function borrowFromAave(address pool, address asset, uint256 amount) external {
        IAaveLoans(pool).flashLoanSimple(address(this), asset, amount, "", 0);
    }

    function onMorphoFlashLoan(uint256 assets, bytes calldata data) external {
        address token = abi.decode(data, (address));
        _record(token, 0);
        if (repays) _call(token, abi.encodeWithSignature("approve(address,uint256)", msg.sender, assets));
    }

    function receiveFlashLoan(
        address[] calldata tokens,
        uint256[] calldata amounts,
        uint256[] calldata fees,
        bytes calldata
    ) external {
        for (uint256 i; i < tokens.length; ++i) {
            _record(tokens[i], fees[i]);
            if (repays) {
                _call(
                    tokens[i],
                    abi.encodeWithSignature("transfer(address,uint256)", msg.sender, amounts[i] + fees[i])
                );
            }
        }
    }

    function executeOperation(
        address asset,
        uint256 amount,
        uint256 premium,
        address initiator_,
        bytes calldata
    ) external returns (bool) {
        initiator = initiator_;
        _record(asset, premium);
        if (repays)
            _call(asset, abi.encodeWithSignature("approve(address,uint256)", msg.sender, amount + premium));
        return true;
    }

    function _record(address token, uint256 fee_) private {
        lender = msg.sender;
        heldInside[token] = IToken(token).balanceOf(address(this));
        fee[token] = fee_;
    }

    /// @dev Without a look at the answer: USDT gives none.
    function _call(address token, bytes memory data) private {
        (bool success, ) = token.call(data);
        require(success, "token call failed");
    }
}
