/**
 * BLAKE3's compression function in WebAssembly text: once over four inputs side by side (SIMD), once over one.
 *
 * The rounds are written out, since WebAssembly has no arrays of locals. Source: the BLAKE3 paper, section 2.
 */

const IV = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const ROUNDS = 7;
/** The columns and then the diagonals of the state that the quarter rounds mix. */
const QUARTERS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const;

/** The operations on words, or on four words side by side. */
interface Words {
  readonly type: "i32" | "v128";
  add(a: string, b: string): string;
  xor(a: string, b: string): string;
  rotateRight(a: string, bits: number): string;
  constant(value: number): string;
}

const ONE: Words = {
  type: "i32",
  add: (a, b) => `(i32.add ${a} ${b})`,
  xor: (a, b) => `(i32.xor ${a} ${b})`,
  rotateRight: (a, bits) => `(i32.rotr ${a} (i32.const ${bits}))`,
  constant: (value) => `(i32.const ${value})`,
};

const FOUR: Words = {
  type: "v128",
  add: (a, b) => `(i32x4.add ${a} ${b})`,
  xor: (a, b) => `(v128.xor ${a} ${b})`,
  rotateRight: (a, bits) => (bits % 8 === 0 ? rotateBytes(a, bits / 8) : rotateBits(a, bits)),
  constant: (value) => `(v128.const i32x4 ${`${value} `.repeat(4)})`,
};

function rotateBytes(a: string, by: number): string {
  const lanes = Array.from({ length: 16 }, (_, at) => (at & ~3) + ((at + by) & 3));
  return `(i8x16.shuffle ${lanes.join(" ")} ${a} ${a})`;
}

function rotateBits(a: string, bits: number): string {
  // The operand is read twice, so it is always a local here.
  return `(v128.or (i32x4.shr_u ${a} (i32.const ${bits})) (i32x4.shl ${a} (i32.const ${32 - bits})))`;
}

const get = (name: string) => `(local.get $${name})`;
const set = (name: string, value: string) => `(local.set $${name} ${value})`;
const range = (length: number) => Array.from({ length }, (_, at) => at);
const locals = (names: string[], type: string) => names.map((name) => `(local $${name} ${type})`).join(" ");
const numbered = (letter: string, length: number) => range(length).map((at) => `${letter}${at}`);

/** The state and the seven rounds: `h`, the words `m`, `counter`, `len` and `flags` are locals or expressions. */
function compression(words: Words, counter: string, len: string, flags: string): string {
  const start = [...numbered("h", 8).map(get), ...IV.slice(0, 4).map(words.constant), counter, words.constant(0), len, flags];
  const lines = start.map((value, at) => set(`v${at}`, value));
  let order = range(16);
  for (let round = 0; round < ROUNDS; round++) {
    QUARTERS.forEach((quarter, at) => lines.push(...mix(words, quarter, order[2 * at] as number, order[2 * at + 1] as number)));
    order = PERMUTATION.map((from) => order[from] as number);
  }
  lines.push(...range(8).map((at) => set(`h${at}`, words.xor(get(`v${at}`), get(`v${at + 8}`)))));
  return lines.join("\n");
}

function mix(words: Words, [a, b, c, d]: readonly [number, number, number, number], x: number, y: number): string[] {
  const half = (word: number, first: number, second: number) => [
    set(`v${a}`, words.add(words.add(get(`v${a}`), get(`v${b}`)), get(`m${word}`))),
    set(`v${d}`, words.xor(get(`v${d}`), get(`v${a}`))),
    set(`v${d}`, words.rotateRight(get(`v${d}`), first)),
    set(`v${c}`, words.add(get(`v${c}`), get(`v${d}`))),
    set(`v${b}`, words.xor(get(`v${b}`), get(`v${c}`))),
    set(`v${b}`, words.rotateRight(get(`v${b}`), second)),
  ];
  return [...half(x, 16, 12), ...half(y, 8, 7)];
}

/** Four rows of four words become four columns; `rows` and what they become are locals. */
function transpose(rows: string[], to: string[]): string[] {
  const low = (a: string, b: string) => `(i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 ${a} ${b})`;
  const high = (a: string, b: string) => `(i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 ${a} ${b})`;
  const lowHalves = (a: string, b: string) => `(i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 ${a} ${b})`;
  const highHalves = (a: string, b: string) => `(i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 ${a} ${b})`;
  const [a, b, c, d] = rows.map(get) as [string, string, string, string];
  return [
    set("t0", low(a, b)),
    set("t1", low(c, d)),
    set("t2", high(a, b)),
    set("t3", high(c, d)),
    set(to[0] as string, lowHalves(get("t0"), get("t1"))),
    set(to[1] as string, highHalves(get("t0"), get("t1"))),
    set(to[2] as string, lowHalves(get("t2"), get("t3"))),
    set(to[3] as string, highHalves(get("t2"), get("t3"))),
  ];
}

/** Hashes four inputs of `blocks` blocks that lie `stride` bytes apart; writes four chaining values one after another. */
function four(): string {
  const load = (quarter: number) => {
    const names = numbered("m", 16).slice(4 * quarter, 4 * quarter + 4);
    const place = (lane: number) => `(i32.add ${get("at")} (i32.mul ${get("stride")} (i32.const ${lane})))`;
    const loads = names.map((name, lane) => set(name, `(v128.load offset=${16 * quarter} align=1 ${place(lane)})`));
    return [...loads, ...transpose(names, names)].join("\n");
  };
  const store = (half: number) => {
    const names = numbered("h", 8).slice(4 * half, 4 * half + 4);
    const stores = names.map((name, lane) => `(v128.store offset=${32 * lane + 16 * half} align=1 ${get("out")} ${get(name)})`);
    return [...transpose(names, names), ...stores].join("\n");
  };
  const isLast = `(i32.eq (i32.add ${get("block")} (i32.const 1)) ${get("blocks")})`;
  const begins = `(select ${get("start")} (i32.const 0) (i32.eqz ${get("block")}))`;
  const ends = `(select ${get("end")} (i32.const 0) ${isLast})`;
  const flags = `(i32x4.splat (i32.or ${get("flags")} (i32.or ${begins} ${ends})))`;
  return `(func (export "four") (param $at i32) (param $stride i32) (param $blocks i32) (param $counter i32) (param $step i32)
      (param $flags i32) (param $start i32) (param $end i32) (param $out i32)
    (local $block i32) (local $count v128)
    ${locals([...numbered("h", 8), ...numbered("m", 16), ...numbered("v", 16), ...numbered("t", 4)], "v128")}
    ${range(8).map((at) => set(`h${at}`, FOUR.constant(IV[at] as number))).join("\n")}
    ${set("count", `(i32x4.add (i32x4.splat ${get("counter")}) (i32x4.mul (v128.const i32x4 0 1 2 3) (i32x4.splat ${get("step")})))`)}
    (loop $next
      ${range(4).map(load).join("\n")}
      ${compression(FOUR, get("count"), FOUR.constant(64), flags)}
      ${set("at", `(i32.add ${get("at")} (i32.const 64))`)}
      ${set("block", `(i32.add ${get("block")} (i32.const 1))`)}
      (br_if $next (i32.lt_u ${get("block")} ${get("blocks")})))
    ${range(2).map(store).join("\n")})`;
}

/** Compresses one block of 64 bytes into the chaining value at `cv`. */
function one(): string {
  return `(func (export "one") (param $cv i32) (param $at i32) (param $counter i32) (param $len i32) (param $flags i32)
    ${locals([...numbered("h", 8), ...numbered("m", 16), ...numbered("v", 16)], "i32")}
    ${range(8).map((at) => set(`h${at}`, `(i32.load offset=${4 * at} align=1 ${get("cv")})`)).join("\n")}
    ${range(16).map((at) => set(`m${at}`, `(i32.load offset=${4 * at} align=1 ${get("at")})`)).join("\n")}
    ${compression(ONE, get("counter"), get("len"), get("flags"))}
    ${range(8).map((at) => `(i32.store offset=${4 * at} align=1 ${get("cv")} ${get(`h${at}`)})`).join("\n")})`;
}

/** The module. Its memory is one page of 64 KiB. */
export function blake3Wat(): string {
  return `(module (memory (export "memory") 1)\n${four()}\n${one()})`;
}
