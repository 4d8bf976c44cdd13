/** Canonical CBOR (spec section 1), and typed access to what was decoded. */

import { decode, encode } from "cborg";

export type Value = bigint | boolean | number | string | Uint8Array | Value[] | Map<string, Value>;

export class CborError extends Error {}

/** The value that `bytes` write. Refuses whatever does not encode to the same bytes again. */
export function decodeCanonical(bytes: Uint8Array, limit: number): Value {
  if (bytes.length > limit) throw new CborError(`${bytes.length} bytes are more than the ${limit} allowed`);
  let value: Value;
  try {
    value = decode(bytes, {
      allowIndefinite: false,
      allowUndefined: false,
      rejectDuplicateMapKeys: true,
      strict: true,
      useMaps: true,
    }) as Value;
  } catch (error) {
    throw new CborError(`not canonical CBOR: ${(error as Error).message}`);
  }
  if (!equal(encodeCanonical(value), bytes)) throw new CborError("not canonical CBOR: it encodes to other bytes");
  return value;
}

/** The bytes of `value`. Keys of maps are sorted by their encoding. */
export function encodeCanonical(value: Value): Uint8Array {
  return encode(value);
}

/** The map of these fields; those that are undefined are left out. */
export function mapOf(fields: object): Map<string, Value> {
  return new Map(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Whether two strings of bytes are the same. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Reads the fields of one map; every error says where. */
export class Fields {
  private constructor(
    private readonly map: Map<string, Value>,
    readonly where: string,
  ) {}

  /** The map `value`, which has all of `required` and otherwise only some of `optional`. */
  static of(value: Value, where: string, required: readonly string[], optional: readonly string[] = []): Fields {
    if (!(value instanceof Map)) throw new CborError(`${where} is not a map`);
    for (const key of required) if (!value.has(key)) throw new CborError(`${where} lacks ${key}`);
    for (const key of value.keys()) {
      if (!required.includes(key) && !optional.includes(key))
        throw new CborError(`${where} has an unknown key ${JSON.stringify(key)}`);
    }
    return new Fields(value, where);
  }

  has(key: string): boolean {
    return this.map.has(key);
  }

  value(key: string): Value {
    const value = this.map.get(key);
    if (value === undefined) throw new CborError(`${this.where} lacks ${key}`);
    return value;
  }

  /** An integer from `low` to `high`, both included. */
  integer(key: string, low: number, high: number): number {
    const value = this.value(key);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < low || value > high) {
      throw new CborError(`${this.where}.${key} is not an integer from ${low} to ${high}`);
    }
    return value;
  }

  /** An integer from `low` to 2^64 − 1; above 2^53 it is rounded. */
  u64(key: string, low = 0): number {
    return Number(this.exact(key, BigInt(low)));
  }

  /** The same, not rounded. */
  exact(key: string, low: bigint): bigint {
    const value = this.value(key);
    const whole = typeof value === "bigint" || Number.isSafeInteger(value);
    if (!whole || BigInt(value as bigint | number) < low)
      throw new CborError(`${this.where}.${key} is not an integer from ${low} on`);
    return BigInt(value as bigint | number);
  }

  bool(key: string): boolean {
    const value = this.value(key);
    if (typeof value !== "boolean") throw new CborError(`${this.where}.${key} is neither true nor false`);
    return value;
  }

  /** Bytes; of one length, where it is given. */
  bytes(key: string, length?: number): Uint8Array {
    const value = this.value(key);
    if (!(value instanceof Uint8Array)) throw new CborError(`${this.where}.${key} is not a byte string`);
    if (length !== undefined && value.length !== length) {
      throw new CborError(`${this.where}.${key} has ${value.length} bytes instead of ${length}`);
    }
    return value;
  }

  /** A text of 1 to `most` bytes without control characters, but for line feeds where `lines` says so. */
  text(key: string, most: number, lines = false): string {
    const value = this.value(key);
    if (typeof value !== "string") throw new CborError(`${this.where}.${key} is not a text`);
    const length = new TextEncoder().encode(value).length;
    if (length < 1 || length > most)
      throw new CborError(`${this.where}.${key} has ${length} bytes; 1 to ${most} are allowed`);
    if (hasControls(lines ? value.replaceAll("\n", "") : value))
      throw new CborError(`${this.where}.${key} has control characters`);
    return value;
  }

  /** A language: a BCP 47 tag by its form. */
  language(key: string): string {
    const tag = this.text(key, 35);
    if (!/^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$/.test(tag))
      throw new CborError(`${this.where}.${key} is no language tag`);
    return tag;
  }

  /** A media type: 1 to 127 printable characters of ASCII. */
  mediaType(key: string): string {
    const type = this.text(key, 127);
    if (!/^[\x20-\x7e]+$/.test(type)) throw new CborError(`${this.where}.${key} is no media type`);
    return type;
  }

  list(key: string, most: number): Value[] {
    const value = this.value(key);
    if (!Array.isArray(value)) throw new CborError(`${this.where}.${key} is not a list`);
    if (value.length > most)
      throw new CborError(`${this.where}.${key} has ${value.length} entries; ${most} are allowed`);
    return value;
  }

  /** What `read` makes of the key, or undefined when it is not there. */
  optional<T>(key: string, read: (key: string) => T): T | undefined {
    return this.has(key) ? read(key) : undefined;
  }
}

function hasControls(text: string): boolean {
  return /[\u0000-\u001f\u007f-\u009f]/.test(text);
}
