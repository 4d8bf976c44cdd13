/** Before a paid title begins: what it costs, what the viewer has, and whether they want it. Then it is paid for as it plays. */

import "../style/pay.css";

import { h } from "../page/element";
import { home } from "../page/home";
import type { Asker } from "../trust/ask";
import { money } from "./amount";
import { holdsGrant, mostOf, type PaidTitle, TitleFare } from "./fare";
import { fetchGatewayLedger, LedgerClient } from "./ledger";
import type { Paid } from "./paid";
import { priceInWords } from "./price";
import { openPurse, type Purse } from "./purse";
import { shares } from "./share-bars";
import { refusalInWords } from "./words";

/** A jump of the position that is larger is no playing, in seconds of the film. */
const STEP_MAX_S = 2;

/** Resolves when the title is paid for and may begin; from then on `asker` pays for what it asks. */
export async function admit(paid: Paid, stage: HTMLElement, asker: Asker): Promise<TitleFare> {
  const origin = home();
  const at = await fetchGatewayLedger(origin);
  if (!at) throw new Error("this title is paid for through a ledger, and this gateway has none");
  const ledger = await LedgerClient.open(at.url, at.network, paid.issuer);
  const title: PaidTitle = { ...paid, ledger, ...(await ledger.title(paid.content, paid.creator).catch(inWords)) };
  const fare = new TitleFare(title, (reason) => askAgain(stage, title, reason));
  if (title.agreement.price.micro === 0n || (await holdsGrant(title, at.gateway))) await fare.begin(origin).catch(inWords);
  else await offered(stage, title, () => fare.allow().then(() => fare.begin(origin)));
  asker.fare = fare;
  return fare;
}

function inWords(error: Error): never {
  throw new Error(refusalInWords(error).replace(/\.$/, ""));
}

/** Counts what is played, and acknowledges when it pauses; says on the stage why nothing more is paid. */
export function follow(fare: TitleFare, video: HTMLVideoElement, stage: HTMLElement): void {
  let before = video.currentTime;
  video.addEventListener("timeupdate", () => {
    const step = video.currentTime - before;
    before = video.currentTime;
    if (!video.seeking && step > 0 && step < STEP_MAX_S * Math.max(1, video.playbackRate)) fare.played(step * 1000);
  });
  video.addEventListener("pause", () => fare.acknowledge());
  video.addEventListener("ended", () => fare.acknowledge());
  fare.addEventListener("stopped", (event) => {
    stage.querySelector(".toll")?.remove();
    stage.append(h("div", { class: "toll", role: "alert" }, h("p", {}, refusalInWords((event as CustomEvent<Error>).detail))));
  });
}

/** Shows the offer until it is taken. */
async function offered(stage: HTMLElement, title: PaidTitle, begin: () => Promise<void>): Promise<void> {
  const purse = await openPurse(title.ledger);
  await new Promise<void>((resolve) => {
    const told = h("p", { class: "failed", role: "alert" });
    const watch = h("button", { type: "button", class: "button" }, `Watch for at most ${money(mostOf(title), title.agreement.unit)}`);
    watch.addEventListener("click", async () => {
      watch.disabled = true;
      told.textContent = "";
      try {
        await begin();
        resolve();
      } catch (error) {
        told.textContent = refusalInWords(error as Error);
        allow();
      }
    });
    const allow = () => (watch.disabled = (purse.balance?.funds ?? 0n) < mostOf(title));
    purse.addEventListener("change", allow);
    allow();
    stage.replaceChildren(offer(title, purse, watch, told));
  });
  stage.replaceChildren();
}

function offer(title: PaidTitle, purse: Purse, watch: HTMLElement, told: HTMLElement): HTMLElement {
  const { agreement, noun, within } = title;
  const most = money(mostOf(title), agreement.unit);
  return h(
    "section",
    { class: "offer", "aria-labelledby": "offer" },
    h("h2", { id: "offer" }, `This ${noun} costs ${priceInWords(agreement.price, agreement.unit)}`),
    h("p", {}, `This browser signs for at most ${most} for ${within}, in all its tabs and at all gateways together. As much is set aside; where another gateway has to go on, what is left of it is set aside there once more. What you do not watch is not paid for, and goes back when the epoch is settled.`),
    purse.element,
    h("p", {}, watch),
    told,
    h("details", { class: "whose" }, h("summary", {}, "Who has it"), shares(title, mostOf(title))),
  );
}

/** Asks on the stage, over the film, whether once more as much may be spent. */
function askAgain(stage: HTMLElement, title: PaidTitle, reason: string): Promise<boolean> {
  const said = reason === "grant_expired" ? "What you allowed for this title has ended with its time." : "All that you allowed for this title is used up.";
  return new Promise((resolve) => {
    const answer = (isYes: boolean) => () => {
      toll.remove();
      resolve(isYes);
    };
    const yes = h("button", { type: "button", class: "button", onclick: answer(true) }, `Allow another ${money(mostOf(title), title.agreement.unit)}`);
    const no = h("button", { type: "button", class: "button quiet", onclick: answer(false) }, "Stop here");
    const toll = h("div", { class: "toll", role: "alertdialog", "aria-label": said }, h("p", {}, said), h("p", {}, yes, " ", no));
    stage.querySelector(".toll")?.remove();
    stage.append(toll);
    yes.focus();
  });
}
