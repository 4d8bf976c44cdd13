/** The watch page: checks the publication, plays it, and shows where it comes from. */

import { buildHeader } from "../page/header";
import { h } from "../page/element";
import { sentence } from "../page/format";
import type { Session } from "../page/session";
import { Trace } from "../play/trace";
import { Asker } from "../trust/ask";
import { type Cid, parseCid } from "../trust/cid";
import { Gateways, gatewaysOf } from "../trust/gateways";
import { fetchPublication, GoneError, type Publication } from "../trust/publication";
import { type Hash, hashInWorker } from "../trust/verified";
import { buildAlarm, buildBadge } from "./badge";
import { buildCollection } from "./collection";
import { buildDetails, buildTitle } from "./details";
import { buildPanel } from "./panel";

/** Fills the page with the publication that the address names. */
export async function openWatch(page: HTMLElement, idText: string, session: Session): Promise<void> {
  const embedded = new URL(location.href).searchParams.get("embed") === "1";
  document.body.classList.toggle("embedded", embedded);
  const main = h("main", { class: "watch", id: "main" }, h("p", { class: "loading", role: "status" }, "Checking the publication…"));
  page.replaceChildren(...(embedded ? [] : [buildHeader()]), main);
  const gateways = new Gateways(gatewaysOf(new URL(location.href), localStorage));
  const alarm = buildAlarm(gateways);
  const hash = hashInWorker();
  try {
    const [publication] = await Promise.all([fetchPublication(idOf(idText), gateways, hash), loadPlayer()]);
    document.title = `${publication.bundle.title} · Headwater`;
    if (publication.bundle.kind === "collection") main.replaceChildren(alarm, buildCollection(publication, new Asker(gateways, hash)));
    else await play(main, publication, gateways, hash, alarm, embedded, session);
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

async function play(main: HTMLElement, publication: Publication, gateways: Gateways, hash: Hash, alarm: HTMLElement, embedded: boolean, session: Session): Promise<void> {
  const { buildPlayer } = await loadPlayer();
  const asker = new Asker(gateways, hash);
  const trace = new Trace(publication.id.text);
  const stage = h("div", { class: `stage kind-${publication.bundle.kind}` });
  const stop = (reason: string) => stage.replaceChildren(problem(new Error(reason)));
  const player = buildPlayer(
    publication,
    asker,
    {
      delivered: (piece, given) => trace.delivered(piece, given),
      failed: (error) => {
        if (!error.hopeless) return;
        player.hls.destroy();
        stop("every gateway altered the bytes. None of what was altered has been decoded");
      },
    },
    stop,
    embedded,
  );
  stage.append(player.root);
  const badge = buildBadge(publication, trace, gateways);
  if (embedded) {
    main.replaceChildren(h("h1", { class: "unseen" }, publication.bundle.title), alarm, stage, badge);
    return;
  }
  const film = h("div", { class: "feature" }, alarm, stage, buildTitle(publication, badge));
  main.replaceChildren(film, buildPanel(trace, player, session), buildDetails(publication, asker, player));
}

function problem(error: Error): HTMLElement {
  const gone = error instanceof GoneError;
  const title = gone ? (error.status === 410 ? "Withdrawn by its creator" : "Denied by this gateway") : "This cannot be played";
  return h("div", { class: "problem-page", role: "alert" }, h("h1", {}, title), h("p", {}, sentence(error.message)), h("a", { href: "/", class: "button" }, "Back to the catalogue"));
}
