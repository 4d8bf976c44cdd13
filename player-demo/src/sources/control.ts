/** The control address of a devnet: which nodes run, and stopping and starting them. */

import type { Session } from "../page/session";

export interface NodeState {
  readonly id: string;
  readonly running: boolean;
}

export class Control {
  constructor(private readonly address: NonNullable<Session["control"]>) {}

  async nodes(): Promise<NodeState[]> {
    return ((await this.call("GET", "/nodes")) as unknown[]).map(readState);
  }

  async set(id: string, running: boolean): Promise<NodeState> {
    return readState(await this.call("POST", `/nodes/${encodeURIComponent(id)}/${running ? "start" : "stop"}`));
  }

  private async call(method: string, path: string): Promise<unknown> {
    const headers = { Authorization: `Bearer ${this.address.token}` };
    const response = await fetch(this.address.url + path, { method, headers, credentials: "omit", redirect: "error" });
    const answer = (await response.json().catch(() => ({}))) as { error?: string };
    if (!response.ok) throw new Error(answer.error ?? `the devnet answered ${response.status}`);
    return answer;
  }
}

function readState(value: unknown): NodeState {
  const { id, pid } = Object(value) as { id?: unknown; pid?: unknown };
  if (typeof id !== "string") throw new Error("the devnet's answer names no node");
  return { id, running: pid !== null };
}
