/** Where a viewer left off, kept on the viewer's own machine. */

const SAVE_EVERY_MS = 5_000;
/** So early it is not worth resuming, and so late that it has been seen. */
const EARLIEST_S = 10;
const LATEST = 0.95;

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export class Resume {
  private savedAt = -Infinity;
  private readonly key: string;

  constructor(
    id: string,
    private readonly store: Store,
    private readonly now: () => number = Date.now,
  ) {
    this.key = `headwater.position.${id}`;
  }

  /** The position in seconds, or 0 where there is none. */
  position(): number {
    const seconds = Number(this.store.getItem(this.key) ?? 0);
    return Number.isFinite(seconds) && seconds > 0 ? seconds : 0;
  }

  /** Notes a position, at most once in a while unless it is `final`. */
  note(seconds: number, duration: number, final = false): void {
    if (!(duration > 0) || (!final && this.now() - this.savedAt < SAVE_EVERY_MS)) return;
    this.savedAt = this.now();
    if (seconds < EARLIEST_S || seconds > duration * LATEST) this.store.removeItem(this.key);
    else this.store.setItem(this.key, seconds.toFixed(1));
  }
}
