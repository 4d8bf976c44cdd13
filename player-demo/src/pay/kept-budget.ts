/** The budget of one title as this browser keeps it: all tabs take from the same one, each in a transaction. */

import { update } from "../page/store";
import type { Agreement } from "./agreement";
import { allow, type Budget, giveBack, leftOf, NOTHING_ALLOWED, take } from "./budget";
import type { Price, Usage } from "./price";

export class KeptBudget {
  private readonly name: string;
  private readonly price: Price;

  /** What was allowed under one version of an agreement is for that price alone. */
  constructor({ id, price }: Pick<Agreement, "id" | "price">) {
    this.price = price;
    this.name = `budget|${id}`;
  }

  /** Allows so much from now on, in micro-units. */
  async allow(micro: bigint): Promise<void> {
    await this.change((budget) => allow(budget, this.price, micro));
  }

  /** What is left of what was allowed. */
  async left(): Promise<bigint> {
    return leftOf(await this.change((budget) => budget), this.price);
  }

  /** For how much a stream may sign, when it wants so much. */
  async take(stream: string, wanted: Usage): Promise<Usage> {
    const { taken } = await this.change((budget) => take(budget, this.price, stream, wanted));
    return taken[stream] as Usage;
  }

  /** A stream has ended with this usage. */
  async giveBack(stream: string, usage: Usage): Promise<void> {
    await this.change((budget) => giveBack(budget, stream, usage));
  }

  private async change(change: (budget: Budget) => Budget): Promise<Budget> {
    return (await update<Budget>("sessions", this.name, (kept) => change(kept ?? NOTHING_ALLOWED))) as Budget;
  }
}
