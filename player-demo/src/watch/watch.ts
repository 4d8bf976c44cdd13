/** The watch page: checks the publication, plays it, and shows where it comes from. */

import { home } from "../page/home";
import { buildHeader } from "../page/header";
import { h } from "../page/element";
import { elsewhere } from "../page/frame";
import { sentence } from "../page/format";
import type { Session } from "../page/session";
import type { Listener } from "../play/loaders";
import type { Player } from "../play/player";
import { Trace } from "../play/trace";
import { Asker } from "../trust/ask";
import { type Cid, parseCid } from "../trust/cid";
import { Gateways, gatewaysOf } from "../trust/gateways";
import { fetchPublication, GoneError, type Publication, WITHDRAWN } from "../trust/publication";
import { hashInWorker } from "../trust/verified";
import { buildAlarm, buildBadge } from "./badge";
import { buildCollection } from "./collection";
import { buildDetails, buildTitle } from "./details";
import { buildPanel } from "./panel";

/** What a page has, whatever it shows. */
interface Setting {
  readonly main: HTMLElement;
  readonly gateways: Gateways;
  readonly asker: Asker;
  readonly alarm: HTMLElement;
  /** The player alone, in a page of somebody else. */
  readonly embedded: boolean;
  readonly session: Session;
}

/** Fills the page with the publication that the address names. */
export async function openWatch(page: HTMLElement, idText: string, session: Session): Promise<void> {
  const embedded = new URL(location.href).searchParams.get("embed") === "1";
  document.body.classList.toggle("embedded", embedded);
  const waiting = h("p", { class: "loading", role: "status" }, "Checking the publication…");
  const main = h("main", { class: "watch", id: "main" }, waiting);
  page.replaceChildren(...(embedded ? [] : [buildHeader()]), main);
  const gateways = new Gateways(gatewaysOf(new URL(location.href), localStorage, home()));
  const hash = hashInWorker();
  const alarm = buildAlarm(gateways);
  const setting = { main, gateways, asker: new Asker(gateways, hash), alarm, embedded, session };
  try {
    const [publication] = await Promise.all([fetchPublication(idOf(idText), gateways, hash), loadPlayer()]);
    document.title = `${publication.bundle.title} · Headwater`;
    await show(publication, setting);
  } catch (error) {
    main.replaceChildren(alarm, problem(error as Error));
  }
}

function idOf(text: string): Cid {
  try {
    return parseCid(text);
  } catch (error) {
    throw new Error(`the address names no publication: ${(error as Error).message}`);
  }
}

/** By far the largest part of the page, which loads while the publication is checked. */
function loadPlayer(): Promise<typeof import("../play/player")> {
  return import("../play/player");
}

async function show(publication: Publication, setting: Setting): Promise<void> {
  const { main, gateways, asker, alarm, embedded, session } = setting;
  if (publication.bundle.kind === "collection") {
    main.replaceChildren(alarm, buildCollection(publication, asker));
    return;
  }
  const trace = new Trace(publication.id.text);
  const stage = h("div", { class: `stage kind-${publication.bundle.kind}` });
  const badge = buildBadge(publication, trace, gateways);
  if (embedded) main.replaceChildren(h("h1", { class: "unseen" }, publication.bundle.title), alarm, stage, badge);
  else main.replaceChildren(h("div", { class: "feature" }, alarm, stage, buildTitle(publication, badge)));
  if (embedded && publication.bundle.ledger) return stage.replaceChildren(elsewhere("It is paid for, which is done in no page of somebody else."));
  const paid = publication.bundle.ledger && (await import("../pay/till").then(({ payPublication }) => payPublication(publication, stage, asker)));
  const player = await buildStage(stage, publication, trace, setting);
  paid?.follow(player.video);
  if (embedded) return;
  const panel = buildPanel(trace, player, session);
  main.append(paid ? h("div", { class: "asides" }, paid.panel, panel) : panel, buildDetails(publication, asker, player));
}

/** The player on its stage, which an error takes over when nothing can be played any more. */
async function buildStage(
  stage: HTMLElement,
  publication: Publication,
  trace: Trace,
  { asker, embedded }: Setting,
): Promise<Player> {
  const { buildPlayer } = await loadPlayer();
  const stop = (reason: string) => stage.replaceChildren(problem(new Error(reason)));
  const listener: Listener = {
    delivered: (piece, given) => trace.delivered(piece, given),
    failed: (error) => {
      if (!error.hopeless) return;
      player.hls.destroy();
      stop("every gateway altered the bytes. None of what was altered has been decoded");
    },
  };
  const player = buildPlayer(publication, asker, listener, stop, embedded);
  stage.append(player.root);
  return player;
}

export function problem(error: Error): HTMLElement {
  return h(
    "div",
    { class: "problem-page", role: "alert" },
    h("h1", {}, headline(error)),
    h("p", {}, sentence(error.message)),
    h("a", { href: "/", class: "button" }, "Back to the catalogue"),
  );
}

function headline(error: Error): string {
  if (!(error instanceof GoneError)) return "This cannot be played";
  return error.status === WITHDRAWN ? "Withdrawn by its creator" : "Denied by this gateway";
}
