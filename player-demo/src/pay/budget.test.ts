import { describe, expect, it } from "vitest";

import { allow, type Budget, giveBack, leftOf, NOTHING_ALLOWED, take, takenOf, within } from "./budget";
import { charge, type Per, type Price, type Usage } from "./price";

const price = (per: Per, micro = 100n, of = 3n): Price => ({ micro, of, per });
const ms = (ms: number): Usage => ({ bytes: 1_000_000n, ms: BigInt(ms) });

/** A small generator of numbers that follow from a seed. */
function numbers(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}

describe("what a viewer has allowed", () => {
  it("is one sum over gateways, grants and streams", () => {
    const second = price("second");
    let budget = allow(NOTHING_ALLOWED, second, 1000n);
    budget = take(budget, second, "a/0", ms(12_000));
    budget = take(budget, second, "b/0", ms(12_000));
    expect(leftOf(budget, second)).toBe(200n);
    budget = take(budget, second, "b/1", ms(60_000));
    expect([leftOf(budget, second), budget.taken["b/1"]]).toEqual([0n, ms(6029)]);
    expect(take(budget, second, "c/0", ms(60_000)).taken["c/0"]?.ms).toBe(29n);
  });

  it("gives back what a stream that ended has not used, and nothing twice", () => {
    const second = price("second");
    const full = take(allow(NOTHING_ALLOWED, second, 1000n), second, "a/0", ms(30_000));
    expect(leftOf(full, second)).toBe(0n);
    const ended = giveBack(full, "a/0", ms(3000));
    expect(leftOf(giveBack(ended, "a/0", ms(9000)), second)).toBe(900n);
    expect(giveBack(ended, "stranger/0", ms(1))).toEqual(ended);
  });

  it("is the same when it is allowed twice before anything came, and adds up afterwards", () => {
    const second = price("second");
    const once = allow(NOTHING_ALLOWED, second, 1000n);
    expect(allow(once, second, 1000n)).toEqual(once);
    const used = take(once, second, "a/0", ms(15_000));
    expect(leftOf(allow(used, second, 1000n), second)).toBe(1000n);
  });

  it("pays for a view once at each grant, or not at all", () => {
    const view = price("view");
    let budget = take(allow(NOTHING_ALLOWED, view, 100n), view, "a/0", ms(9000));
    expect(leftOf(budget, view)).toBe(0n);
    budget = take(budget, view, "b/0", ms(9000));
    expect(budget.taken["b/0"]?.ms).toBe(2999n);
    expect(within(view, ms(9000), 99n).ms).toBe(2999n);
  });

  it("forgets old streams without giving back what they have taken", () => {
    const second = price("second");
    let budget: Budget = allow(NOTHING_ALLOWED, second, 1_000_000n);
    for (let at = 0; at < 500; at++) budget = take(budget, second, `g${at}/0`, ms(3000));
    const slim = allow(budget, second, 50n);
    expect([leftOf(slim, second), Object.keys(slim.taken).length]).toEqual([50n, 128]);
  });

  it.each(["byte", "second", "view"] as const)("is never exceeded, in whatever order streams of a title priced per %s take", (per) => {
    for (let seed = 1; seed <= 40; seed++) {
      const next = numbers(seed);
      const paid = price(per, BigInt(1 + next(5000)), BigInt(1 + next(50)));
      let budget = allow(NOTHING_ALLOWED, paid, BigInt(next(100_000)));
      for (let step = 0; step < 60; step++) {
        const stream = `g${next(4)}/${next(3)}`;
        const usage = { bytes: BigInt(next(3000)), ms: BigInt(next(300_000)) };
        const before = budget.taken[stream];
        budget = next(5) === 0 ? giveBack(budget, stream, usage) : take(budget, paid, stream, usage);
        expect(takenOf(budget, paid) <= budget.allowed).toBe(true);
        if (before && next(5) !== 0) expect(budget.taken[stream]).toBeDefined();
        const granted = within(paid, usage, leftOf(budget, paid));
        expect(charge(paid, granted, 2n ** 62n) <= leftOf(budget, paid)).toBe(true);
      }
    }
  });
});
