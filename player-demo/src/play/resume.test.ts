import { describe, expect, it } from "vitest";

import { Resume } from "./resume";

function resume(position?: string) {
  const kept = new Map<string, string>(position === undefined ? [] : [["headwater.position.bafy", position]]);
  const writes: string[] = [];
  const store = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => (writes.push(value), void kept.set(key, value)),
    removeItem: (key: string) => void kept.delete(key),
  };
  const clock = { now: 0 };
  return { writes, kept, clock, resume: new Resume("bafy", store, () => clock.now) };
}

describe("resuming", () => {
  it("begins where the viewer left off", () => {
    expect(resume("42.5").resume.position()).toBe(42.5);
    expect(resume().resume.position()).toBe(0);
  });

  it.each(["NaN", "-3", "Infinity", "soon", ""])("begins at the beginning when %s is kept", (position) => {
    expect(resume(position).resume.position()).toBe(0);
  });

  it("writes now and then, and at the end", () => {
    const { resume: notes, writes, clock } = resume();
    for (clock.now = 0; clock.now < 10_000; clock.now += 250) notes.note(20 + clock.now / 1000, 100);
    expect(writes).toEqual(["20.0", "25.0"]);
    notes.note(31, 100, true);
    expect(writes).toEqual(["20.0", "25.0", "31.0"]);
  });

  it.each([3, 96, 100])("forgets a position of %d of 100 s", (seconds) => {
    const { resume: notes, kept } = resume("50");
    notes.note(seconds, 100);
    expect(kept.size).toBe(0);
  });

  it("keeps what is there while the duration is not known", () => {
    const { resume: notes, kept } = resume("50");
    notes.note(0, Number.NaN, true);
    expect(kept.size).toBe(1);
  });
});
