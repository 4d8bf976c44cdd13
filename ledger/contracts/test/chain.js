// Contracts compiled by solc and run by @ethereumjs/vm: a chain of one machine, without a network.

import { readFileSync } from "node:fs";
import { createVM } from "@ethereumjs/vm";
import { bytesToHex, createAddressFromString, hexToBytes } from "@ethereumjs/util";
import solc from "solc";

const GAS_LIMIT = 10_000_000n;

/** Compiles files beside this folder; gives contracts by name, or throws what the compiler says. */
export function compile(...files) {
  const read = (file) => [file, { content: readFileSync(new URL(`../${file}`, import.meta.url), "utf8") }];
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(files.map(read)),
    settings: {
      evmVersion: "shanghai",
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "*": { "*": ["evm.bytecode.object", "evm.methodIdentifiers"] } },
    },
  };
  const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify(input)));
  if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
  return Object.assign({}, ...Object.values(contracts));
}

/** A word of 32 bytes, in hexadecimal: a number, or bytes that stand at its end. */
export const word = (value) => BigInt(value).toString(16).padStart(64, "0");

export class Chain {
  static async begin() {
    const chain = new Chain();
    chain.vm = await createVM();
    return chain;
  }

  /** Makes a contract; gives an object with one function for each of its own, which give what it returns. */
  async deploy(from, contract, ...words) {
    const caller = createAddressFromString(from);
    const data = hexToBytes(`0x${contract.evm.bytecode.object}${words.map(word).join("")}`);
    const { createdAddress, execResult } = await this.vm.evm.runCall({ caller, data, gasLimit: GAS_LIMIT });
    if (execResult.exceptionError) throw new Error(`not made: ${execResult.exceptionError.error}`);
    const methods = Object.entries(contract.evm.methodIdentifiers).map(([signature, selector]) => [
      signature.slice(0, signature.indexOf("(")),
      (by, ...given) => this.call(by, createdAddress, selector + given.map(word).join("")),
    ]);
    return { address: createdAddress.toString(), ...Object.fromEntries(methods) };
  }

  async call(from, to, hex) {
    const caller = createAddressFromString(from);
    const { execResult } = await this.vm.evm.runCall({ caller, to, data: hexToBytes(`0x${hex}`), gasLimit: GAS_LIMIT });
    if (execResult.exceptionError) throw new Reverted(bytesToHex(execResult.returnValue).slice(2, 10));
    return { gas: execResult.executionGasUsed, value: BigInt(bytesToHex(execResult.returnValue).padEnd(3, "0")) };
  }
}

/** A contract has refused. The selector says with which of its errors. */
export class Reverted extends Error {
  constructor(selector) {
    super(`reverted with ${selector}`);
    this.selector = selector;
  }
}
