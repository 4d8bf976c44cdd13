/** Below the film: title and badge; further down description, chapters, attachments, and how to embed it. */

import { h } from "../page/element";
import { bytes, clock, count, day, rate } from "../page/format";
import type { Player } from "../play/player";
import { languageName } from "../play/languages";
import type { Asker } from "../trust/ask";
import type { Publication } from "../trust/publication";

/** Attachments longer than this are not gathered in memory, but left to the browser, which does not verify them. */
const GATHERED_MAX = 256_000_000;

export function buildTitle({ bundle }: Publication, badge: HTMLElement): HTMLElement {
  const facts = [bundle.by, day(bundle.created), clock(bundle.duration), languageName(bundle.language)];
  return h(
    "div",
    { class: "title" },
    h("div", { class: "title-row" }, h("h1", {}, bundle.title), badge),
    h("p", { class: "facts" }, facts.filter((fact) => fact !== undefined).join(" · ")),
  );
}

export function buildDetails(publication: Publication, asker: Asker, player: Player): HTMLElement {
  const { bundle } = publication;
  return h(
    "div",
    { class: "details" },
    bundle.about !== undefined && h("p", { class: "about" }, bundle.about),
    bundle.chapters.length > 0 && chapters(publication, player.video),
    buildAttachments(publication, asker),
    tracks(publication),
    embed(publication),
  );
}

function chapters({ bundle }: Publication, video: HTMLVideoElement): HTMLElement {
  const items = bundle.chapters.map(({ at, title }) => {
    const go = () => {
      video.currentTime = at / 1000;
      void video.play();
    };
    return h("li", {}, h("button", { type: "button", onclick: go }, h("span", { class: "time" }, clock(at)), title));
  });
  return h("section", {}, h("h2", {}, "Chapters"), h("ol", { class: "chapters" }, ...items));
}

/** Files that come with a publication; each is verified before it is saved. */
export function buildAttachments({ id, bundle }: Publication, asker: Asker): HTMLElement | undefined {
  if (bundle.attachments.length === 0) return undefined;
  const status = h("p", { role: "status", class: "fine" });
  const items = bundle.attachments.map(({ name, file, hasCredentials }) => {
    const path = `/watch/${id.text}/attachments/${encodeURIComponent(name)}`;
    const save = async (event: Event) => {
      if (file.len > GATHERED_MAX) return;
      event.preventDefault();
      status.textContent = `Fetching ${name}…`;
      try {
        const given = await asker.ask({ path, name, expected: file, isPaid: true });
        const url = URL.createObjectURL(new Blob([given.verified.bytes], { type: "application/octet-stream" }));
        h("a", { href: url, download: name }).click();
        status.textContent = `${name}: verified, ${bytes(file.len)}.`;
      } catch (error) {
        status.textContent = (error as Error).message;
      }
    };
    return h(
      "li",
      {},
      h("a", { href: path, download: name, onclick: (event) => void save(event) }, name),
      h("span", { class: "fine" }, ` ${file.type}, ${bytes(file.len)}`),
      hasCredentials && h("span", { class: "fine credentials" }, ": carries content credentials (C2PA), in the bytes as they were published; whether these are valid is not checked here"),
    );
  });
  return h("section", {}, h("h2", {}, "Attachments"), h("ul", { class: "attachments" }, ...items), status);
}

function tracks({ bundle }: Publication): HTMLElement {
  const items = bundle.tracks.map((track) => {
    const picture = track.picture && `${track.picture.width} × ${track.picture.height}`;
    const facts = [track.label ?? languageName(track.language), picture, track.codecs, rate(track.average)];
    return h("li", {}, h("code", {}, track.id), ` ${facts.filter((fact) => fact !== undefined).join(" · ")}`);
  });
  return h("details", { class: "tracks" }, h("summary", {}, count(bundle.tracks.length, "track")), h("ul", {}, ...items));
}

function embed({ id, bundle }: Publication): HTMLElement {
  const title = bundle.title.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const source = `${location.origin}/watch/${id.text}?embed=1`;
  const snippet = `<iframe src="${source}" title="${title}" width="640" height="360" style="border:0" allow="fullscreen; picture-in-picture" allowfullscreen></iframe>`;
  const field = h("textarea", { readonly: true, rows: 3, "aria-label": "HTML to embed this" }, snippet);
  const status = h("span", { role: "status", class: "fine" });
  const copy = async () => {
    field.select();
    // Pages that came over plain HTTP have no clipboard but this.
    const copied = await navigator.clipboard?.writeText(snippet).then(
      () => true,
      () => false,
    );
    status.textContent = (copied ?? document.execCommand("copy")) ? "Copied." : "Select it and copy it by hand.";
  };
  return h(
    "details",
    { class: "embed" },
    h("summary", {}, "Embed"),
    field,
    h("p", {}, h("button", { type: "button", class: "button", onclick: () => void copy() }, "Copy"), " ", status),
  );
}
