/** Passcodes, made expensive to guess (spec section 27; RFC 9106). */

import { argon2id } from "hash-wasm";

const [MEMORY_KIB, PASSES, LANES, LEN] = [64 * 1024, 3, 1, 32] as const;
const LEN_MAX = 256;

export function stretch(passcode: string, id: Uint8Array): Promise<Uint8Array> {
  return argon2id({
    password: passcode.normalize("NFC"),
    salt: id.subarray(0, 16),
    memorySize: MEMORY_KIB,
    iterations: PASSES,
    parallelism: LANES,
    hashLength: LEN,
    outputType: "binary",
  });
}

/** Whether a passcode may be one: 1 to 256 bytes without control characters. */
export function isPasscode(passcode: string): boolean {
  const length = new TextEncoder().encode(passcode.normalize("NFC")).length;
  return length >= 1 && length <= LEN_MAX && !/[\u0000-\u001f\u007f-\u009f]/.test(passcode);
}
