/** Asks the worker. */

import type { Answers, Failure, FromWorker, Question, ToWorker } from "./messages";
import ViewerWorker from "./viewer.worker?worker&inline";

/** Why something did not come; the message is for people. */
export class Failed extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

interface Waiting {
  resolve(done: unknown): void;
  reject(error: Error): void;
  progress?: ((bytes: number) => void) | undefined;
}

export interface Options {
  readonly progress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

export class Client {
  private readonly worker = new ViewerWorker();
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  constructor() {
    this.worker.addEventListener("message", (event: MessageEvent<FromWorker>) => this.hear(event.data));
    this.worker.addEventListener("error", (event) => this.fail(event.message));
  }

  ask<Q extends Question>(question: Q, { progress, signal }: Options = {}): Promise<Answers[Q["op"]]> {
    const id = this.next++;
    signal?.addEventListener("abort", () => this.tell({ cancel: id }), { once: true });
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (done: unknown) => void, reject, progress });
      this.tell({ id, question });
    });
  }

  private tell(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private hear(message: FromWorker): void {
    const waiting = this.waiting.get(message.id);
    if ("progress" in message) return waiting?.progress?.(message.progress);
    this.waiting.delete(message.id);
    if ("failure" in message) waiting?.reject(new Failed(message.failure));
    else waiting?.resolve(message.done);
  }

  private fail(message: string): void {
    const failure: Failure = { reason: "failed", code: "", message: `the worker failed: ${message}`, remaining: undefined };
    for (const { reject } of this.waiting.values()) reject(new Failed(failure));
    this.waiting.clear();
  }
}
