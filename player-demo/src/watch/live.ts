/** The page of a live stream: checks it from its id on, and plays it while it is made. */

import { home } from "../page/home";
import { h } from "../page/element";
import { count, day, hex } from "../page/format";
import { buildHeader } from "../page/header";
import type { Session } from "../page/session";
import { languageName } from "../play/languages";
import type { Listener } from "../play/loaders";
import type { Player } from "../play/player";
import { Trace } from "../play/trace";
import { Asker } from "../trust/ask";
import { parseCid } from "../trust/cid";
import { Gateways, gatewaysOf } from "../trust/gateways";
import { type LiveFeed, openFeed } from "../trust/live-feed";
import { hashInWorker } from "../trust/verified";
import { buildAlarm } from "./badge";
import { buildPanel } from "./panel";
import { problem } from "./watch";

/** Seconds by which a viewer may be behind where viewers watch, and still watches live. */
const LIVE_WITHIN_S = 4;

/** Fills the page with the live stream that the address names. */
export async function openLive(page: HTMLElement, idText: string, session: Session): Promise<void> {
  const waiting = h("p", { class: "loading", role: "status" }, "Checking the live stream…");
  const main = h("main", { class: "watch live", id: "main" }, waiting);
  page.replaceChildren(buildHeader(), main);
  const gateways = new Gateways(gatewaysOf(new URL(location.href), localStorage, home()));
  const alarm = buildAlarm(gateways);
  try {
    const hash = hashInWorker();
    const feed = await openFeed(parseCid(idText), gateways, hash);
    document.title = `${feed.prelude.title} · live · Headwater`;
    await show(main, alarm, feed, new Asker(gateways, hash), session);
  } catch (error) {
    main.replaceChildren(alarm, problem(error as Error));
  }
}

async function show(main: HTMLElement, alarm: HTMLElement, feed: LiveFeed, asker: Asker, session: Session): Promise<void> {
  const { buildLivePlayer } = await import("../play/live-player");
  const stage = h("div", { class: `stage kind-${feed.prelude.kind}` });
  const stop = (reason: string) => stage.replaceChildren(problem(new Error(reason)));
  const verified = h("span", { class: "badge-text" }, "Verified · 0 segments");
  const trace = new Trace(feed.id.text);
  const listener: Listener = {
    delivered: (piece, given) => {
      trace.delivered(piece, given);
      verified.textContent = `Verified · ${count(trace.verified, "segment")}`;
    },
    failed: ({ hopeless }) => {
      if (hopeless) stop("every gateway altered the bytes. None of what was altered has been decoded");
    },
  };
  const feature = h("div", { class: "feature" }, alarm, stage);
  main.replaceChildren(feature);
  const paid = feed.prelude.ledger && (await import("../pay/till").then(({ payStream }) => payStream(feed, stage, asker)));
  const player = await buildLivePlayer(feed, asker, listener, stop);
  stage.append(player.root);
  paid?.follow(player.video);
  feature.append(title(feed, player, verified));
  const panel = buildPanel(trace, player, session);
  main.append(paid ? h("div", { class: "asides" }, paid.panel, panel) : panel, details(feed));
}

function title(feed: LiveFeed, player: Player, verified: HTMLElement): HTMLElement {
  const { by, created, language, title } = feed.prelude;
  const facts = [by, day(created), languageName(language)].filter((fact) => fact !== undefined);
  const badge = h("p", { class: "badge live-verified" }, h("span", { class: "shield", "aria-hidden": "true" }), verified);
  return h(
    "div",
    { class: "title" },
    h("div", { class: "title-row" }, h("h1", {}, title), edge(feed, player), badge),
    h("p", { class: "facts" }, facts.join(" · ")),
    ending(feed),
  );
}

/** Says whether the viewer watches live, and jumps there. */
function edge(feed: LiveFeed, { hls, video }: Player): HTMLElement {
  const button = h("button", { type: "button", class: "live-edge" }, "Live");
  const draw = () => {
    const behind = (hls.liveSyncPosition ?? 0) - video.currentTime;
    const isLive = behind < LIVE_WITHIN_S && !video.paused;
    button.hidden = feed.end !== undefined;
    button.textContent = isLive ? "Live" : "Jump to live";
    button.classList.toggle("behind", !isLive);
  };
  button.addEventListener("click", () => {
    if (hls.liveSyncPosition !== null) video.currentTime = hls.liveSyncPosition;
    void video.play();
  });
  for (const event of ["timeupdate", "pause", "play", "seeked"]) video.addEventListener(event, draw);
  feed.addEventListener("end", draw);
  draw();
  return button;
}

/** What has become of it, once it is over. */
function ending(feed: LiveFeed): HTMLElement {
  const line = h("p", { class: "live-end", role: "status" });
  feed.addEventListener("end", () => {
    const { byCreator, publication } = feed.end ?? {};
    const words = byCreator ? "The stream has ended." : "Nothing more has come of this stream.";
    line.replaceChildren(words);
    if (publication) line.append(" ", h("a", { href: `/watch/${publication.text}` }, "Watch it from the beginning"));
  });
  return line;
}

function details({ id, prelude }: LiveFeed): HTMLElement {
  return h(
    "div",
    { class: "details" },
    prelude.about !== undefined && h("p", { class: "about" }, prelude.about),
    h(
      "p",
      { class: "fine" },
      "The creator signs for every segment while the stream is made. Each is hashed with BLAKE3 and compared with what was signed before the decoder sees it.",
    ),
    h(
      "dl",
      { class: "fine" },
      h("dt", {}, "Live stream"),
      h("dd", {}, h("code", {}, id.text)),
      h("dt", {}, "Creator's key"),
      h("dd", {}, h("code", {}, hex(prelude.creator))),
    ),
  );
}
