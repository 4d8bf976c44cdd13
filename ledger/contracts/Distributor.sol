// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// The one thing that is asked of the token: an ERC-20 transfer. Tokens that answer nothing are taken at their word.
interface Token {
    function transfer(address to, uint256 amount) external returns (bool);
}

/// Pays the parties of a Headwater ledger what its settlements say (docs/spec.md, section 25).
///
/// Each settlement has a tree of what every party was ever owed by contracts. The owner posts its root; whoever brings the
/// proof of a party has the part paid that was not paid before, to the address that the tree names. Amounts are cumulative:
/// epochs can be left out, and no proof is worth anything twice. The token has six decimals, as the ledger's unit has.
contract Distributor {
    Token public immutable token;
    /// Who posts roots: an account, or a contract that asks several.
    address public immutable owner;
    uint256 public epoch;
    bytes32 public root;
    /// What each party, by its key, was paid.
    mapping(bytes32 => uint256) public paid;

    event Posted(uint256 indexed epoch, bytes32 root);
    event Paid(bytes32 indexed party, address indexed to, uint256 amount);

    error NotTheOwner();
    error NotNewer(uint256 epoch);
    error NotInTheTree();
    error NothingNew(uint256 paid);
    error TransferFailed();

    constructor(Token token_) {
        token = token_;
        owner = msg.sender;
    }

    /// Replaces the root by that of a later epoch. Proofs for the one before are worth nothing from now on.
    function post(uint256 epoch_, bytes32 root_) external {
        if (msg.sender != owner) revert NotTheOwner();
        if (epoch_ <= epoch) revert NotNewer(epoch);
        (epoch, root) = (epoch_, root_);
        emit Posted(epoch_, root_);
    }

    /// Pays a party what is new of `cumulative`. Anybody may ask, and pays nobody else.
    function claim(bytes32 party, address to, uint256 cumulative, bytes32[] calldata proof) external {
        bytes32 node = keccak256(bytes.concat(keccak256(abi.encode(party, to, cumulative))));
        for (uint256 n = 0; n < proof.length; n++) node = pair(node, proof[n]);
        if (node != root) revert NotInTheTree();
        uint256 before = paid[party];
        if (cumulative <= before) revert NothingNew(before);
        // Written before the token is called: it cannot come back and claim once more.
        paid[party] = cumulative;
        transfer(to, cumulative - before);
        emit Paid(party, to, cumulative - before);
    }

    function pair(bytes32 one, bytes32 two) private pure returns (bytes32) {
        return one < two ? keccak256(bytes.concat(one, two)) : keccak256(bytes.concat(two, one));
    }

    function transfer(address to, uint256 amount) private {
        (bool done, bytes memory answer) = address(token).call(abi.encodeCall(Token.transfer, (to, amount)));
        if (!done || (answer.length > 0 && !abi.decode(answer, (bool)))) revert TransferFailed();
    }
}
