/** The page of the ledger's log: the browser itself checks that it is signed, witnessed, and only ever grows. */

import "../style/network.css";
import "../style/ledger.css";

import { h } from "../page/element";
import { hex, sentence } from "../page/format";
import { buildHeader } from "../page/header";
import { ago } from "../network/words";
import { pill } from "../network/table";
import type { LedgerClient } from "../pay/ledger";
import { openLedger } from "../pay/open-ledger";
import { EntryList } from "./entries";
import { ForkError, lookAt, policyOf, type Sight } from "./look";
import { drawMountains } from "./mountains";
import { parsePolicy, type Policy } from "./policy";
import { forget, recall, remember } from "./seen";

const POLICY_LEN_MAX = 65_536;

export async function openLog(page: HTMLElement): Promise<void> {
  document.title = "The log – Headwater";
  const view = new LogPage();
  page.replaceChildren(buildHeader(), view.element);
  await view.look();
}

class LogPage {
  readonly element: HTMLElement;
  private readonly verdict = h("div", { class: "verdict", role: "status" }, h("p", { class: "waits" }, "Checking the log …"));
  private readonly body = h("div", {});

  constructor() {
    const about =
      "Every agreement, every line of every settlement and every payout stands in this log. This browser checks it for itself: that the log has signed what it shows, that all of what was seen before is still there, and that each entry below is in the tree.";
    this.element = h("main", { class: "network log", id: "main" }, h("h1", {}, "The ledger’s log"), h("p", { class: "lead" }, about), this.verdict, this.body);
  }

  async look(): Promise<void> {
    try {
      const client = await openLedger();
      const base = `${client.url}/log/`;
      const { policy, witnesses } = await policyAt(base, client.terms.log);
      const seen = await recall(base);
      try {
        const sight = await lookAt(base, client.terms.log, policy, seen);
        await remember(base, client.terms.log, sight.accepted.checkpoint);
        this.show(sight, client, base, witnesses, seen?.looks.at(-1)?.at);
      } catch (error) {
        if (error instanceof ForkError) this.alarm(error, base);
        else throw error;
      }
    } catch (error) {
      this.verdict.replaceChildren(h("div", { class: "ruling bad" }, h("p", {}, h("strong", {}, "Not verified. "), sentence((error as Error).message))));
    }
  }

  private show(sight: Sight, client: LedgerClient, base: string, witnesses: number, last: number | undefined): void {
    const { checkpoint, log } = sight.accepted;
    this.verdict.replaceChildren(grown(sight, last), witnessed(sight, witnesses));
    const list = new EntryList(sight, client.terms, base);
    this.body.replaceChildren(
      h("figure", { class: "mountains" }, drawMountains(checkpoint.size, sight.before?.size), h("figcaption", { class: "fine" }, "Each mountain is a whole subtree; the shaded part is what this browser had seen before.")),
      h("section", { "aria-labelledby": "entries" }, h("h2", { id: "entries" }, "Entries"), list.element),
      h("details", { class: "keys" }, h("summary", {}, "Keys and hashes"), h("dl", {}, ...facts([["Log", checkpoint.origin], ["Key", log.text], ["Root", hex(checkpoint.root)], ["Files", base]]))),
    );
    void list.showLast();
  }

  /** The alarm stays until somebody says that the log begins anew. */
  private alarm({ before, shown, message }: ForkError, base: string): void {
    const again = async () => {
      await forget(base);
      location.reload();
    };
    this.verdict.replaceChildren(
      h(
        "div",
        { class: "ruling bad", role: "alert" },
        h("p", {}, h("strong", {}, "Forked. "), sentence(message), " Whoever runs this log has shown two histories, or another than it showed you. Keep this page, and show it to others."),
        h("dl", {}, ...facts([["Seen before", `${before.size} entries, root ${hex(before.root)}`], ["Shown now", shown ? `${shown.size} entries, root ${hex(shown.root)}` : "signed with another key"]])),
        h("p", {}, h("button", { type: "button", class: "button quiet", onclick: () => void again() }, "Forget what was seen, and begin anew")),
      ),
    );
  }
}

function grown({ accepted, before }: Sight, last: number | undefined): HTMLElement {
  const { size } = accepted.checkpoint;
  const when = last === undefined ? "" : `, ${ago(last / 1000, Date.now() / 1000)}`;
  const words = !before
    ? "It was seen for the first time; from now on this browser will notice if anything of it changes."
    : before.size === size
      ? `It is what this browser saw before${when}, entry for entry.`
      : `All of the ${before.size.toLocaleString("en")} entries that this browser saw before${when} are still there, and ${(size - before.size).toLocaleString("en")} were added.`;
  return h("div", { class: "ruling good" }, h("p", {}, h("strong", {}, `Verified, ${size.toLocaleString("en")} entries. `), words));
}

/** Unwitnessed is said in red: somebody else may have been shown another log. */
function witnessed({ accepted, lacking }: Sight, witnesses: number): HTMLElement {
  const names = accepted.witnesses.map(({ name, seen }) => h("li", {}, h("code", {}, name), h("span", { class: "fine" }, ` ${ago(seen, Date.now() / 1000)}`)));
  if (names.length === 0) {
    return h(
      "div",
      { class: "ruling bad", id: "unwitnessed" },
      h("p", {}, h("strong", {}, "Unwitnessed. "), "Only the operator’s own key has signed this: nobody else vouches that others are shown the same log."),
    );
  }
  const state = lacking ? pill("too few", "bad") : pill("quorum", "good");
  return h(
    "div",
    { class: lacking ? "ruling bad" : "ruling good" },
    h("p", {}, h("strong", {}, `Seen by ${names.length} of ${witnesses} witnesses `), state, lacking ? ` ${sentence(lacking)}` : ""),
    h("ul", { class: "witnesses" }, ...names),
  );
}

/** The witnesses that the ledger says it asks. That it may not leave out its own key is checked. */
async function policyAt(base: string, key: string): Promise<{ policy: Policy; witnesses: number }> {
  const answer = await fetch(`${base}policy`, { cache: "no-cache", credentials: "omit" }).catch(() => undefined);
  const text = answer?.ok ? (await answer.text()).slice(0, POLICY_LEN_MAX) : "";
  const policy = text === "" ? policyOf(key) : parsePolicy(text);
  if (!policy.logs.some((log) => log.text === key)) throw new Error("the policy of the log does not name its key");
  return { policy, witnesses: policy.witnesses.length };
}

function facts(pairs: readonly (readonly [string, string])[]): HTMLElement[] {
  return pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, h("code", {}, value))]);
}
