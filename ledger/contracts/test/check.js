// Checks payout trees with OpenZeppelin's own code, and the contract with them: `check.js payouts.json`.
// The file is the one that ledger/examples/published.rs writes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { keccak256 } from "ethereum-cryptography/keccak.js";
import { Chain, compile } from "./chain.js";

const OWNER = `0x${"a1".repeat(20)}`;
const STRANGER = `0x${"b2".repeat(20)}`;
const SUPPLY = 10n ** 15n;
const LEAF = ["bytes32", "address", "uint256"];

const selector = (signature) => Buffer.from(keccak256(Buffer.from(signature)).slice(0, 4)).toString("hex");
const [NOT_THE_OWNER, NOT_NEWER, NOT_IN_THE_TREE, NOTHING_NEW, TRANSFER_FAILED] = [
  "NotTheOwner()",
  "NotNewer(uint256)",
  "NotInTheTree()",
  "NothingNew(uint256)",
  "TransferFailed()",
].map(selector);

/** OpenZeppelin makes the same root of the same payouts, and the same proof for each. */
function checkTree({ root, payouts }) {
  const leaf = ({ party, address, cumulative }) => [party, address, cumulative];
  const tree = StandardMerkleTree.of(payouts.map(leaf), LEAF);
  assert.equal(tree.root, root);
  payouts.forEach((payout, at) => assert.deepEqual(tree.getProof(at), payout.proof));
}

/** The arguments of `claim` as words: the proof stands behind the others. */
const claim = ({ party, address, cumulative, proof }, changes = {}) => {
  const of = { party, address, cumulative, proof, ...changes };
  return [of.party, of.address, of.cumulative, 4 * 32, of.proof.length, ...of.proof];
};

const refuses = (call, selector) => assert.rejects(call, { selector });

async function checkContract([first, second]) {
  const { Coin, Distributor } = compile("Distributor.sol", "test/Coin.sol");
  const chain = await Chain.begin();
  const coin = await chain.deploy(OWNER, Coin, SUPPLY);
  const distributor = await chain.deploy(OWNER, Distributor, coin.address);
  const paid = async (payout) => (await coin.balanceOf(STRANGER, payout.address)).value;
  const [before, after] = [first.payouts[0], second.payouts[0]];
  const [amount, more] = [BigInt(before.cumulative), BigInt(after.cumulative)];
  assert.ok(more > amount);

  await refuses(distributor.post(STRANGER, 1, first.root), NOT_THE_OWNER);
  await refuses(distributor.claim(STRANGER, ...claim(before)), NOT_IN_THE_TREE);
  await distributor.post(OWNER, 1, first.root);
  await refuses(distributor.claim(STRANGER, ...claim(before)), TRANSFER_FAILED);
  await coin.transfer(OWNER, distributor.address, SUPPLY);

  const { gas } = await distributor.claim(STRANGER, ...claim(before));
  assert.equal(await paid(before), amount, "paid once");
  await refuses(distributor.claim(STRANGER, ...claim(before)), NOTHING_NEW);
  const wrong = [{ cumulative: more }, { cumulative: amount + 1n }, { address: STRANGER }, { party: first.payouts[1].party }, { proof: before.proof.slice(1) }, { proof: [] }];
  for (const changes of wrong) await refuses(distributor.claim(STRANGER, ...claim(before, changes)), NOT_IN_THE_TREE);

  for (const epoch of [0, 1]) await refuses(distributor.post(OWNER, epoch, second.root), NOT_NEWER);
  await distributor.post(OWNER, 2, second.root);
  await refuses(distributor.post(OWNER, 1, first.root), NOT_NEWER);
  const other = first.payouts[1];
  await refuses(distributor.claim(STRANGER, ...claim(other)), NOT_IN_THE_TREE);
  for (const payout of second.payouts) {
    await distributor.claim(STRANGER, ...claim(payout));
    assert.equal(await paid(payout), BigInt(payout.cumulative), "all that was ever owed");
  }
  const owed = second.payouts.reduce((sum, payout) => sum + BigInt(payout.cumulative), 0n);
  assert.equal((await coin.balanceOf(STRANGER, distributor.address)).value, SUPPLY - owed);
  return gas;
}

const epochs = JSON.parse(readFileSync(process.argv[2], "utf8"));
epochs.forEach(checkTree);
console.log(`@openzeppelin/merkle-tree: the same roots and ${epochs.length * epochs[0].payouts.length} proofs`);
console.log(`the contract pays once, and no double, inflated or stale claim; a claim costs ${await checkContract(epochs)} gas`);
