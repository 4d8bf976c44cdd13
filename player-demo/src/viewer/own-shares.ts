/** The shares that were made in this browser: their links, what ends them, and the file that does so elsewhere. */

import { encode } from "uqr";

import { h, svg } from "../page/element";
import { day } from "../page/format";
import { type Kept, openUnder, ownKeepsafe, sealUnder } from "../page/keepsafe";
import { all, update } from "../page/store";
import type { OwnShare } from "../sealed/sharing";
import { Client } from "./client";
import { wordsFor } from "./words";

/** Keeps a share in this browser, sealed. */
export async function keepShare(share: OwnShare): Promise<void> {
  const kept = await sealUnder(await ownKeepsafe(), share.id, share);
  await update<Kept>("shares", share.id, () => kept);
}

/** Those that this browser keeps, the newest first; what it cannot open is left out. */
async function keptShares(): Promise<OwnShare[]> {
  const sealed = await all<Kept>("shares");
  if (sealed.length === 0) return [];
  const key = await ownKeepsafe();
  const opened = await Promise.all(sealed.map((kept) => openUnder(key, kept).catch(() => undefined)));
  return (opened.filter((share) => share !== undefined) as OwnShare[]).sort((a, b) => b.issued - a.issued);
}

/** A share that was just made. */
export function sharedCard(share: OwnShare): HTMLElement {
  const link = h("input", { id: "made", type: "text", readonly: true, value: share.link });
  const copy = h("button", { type: "button", class: "button", onclick: () => void navigator.clipboard?.writeText(share.link).then(() => (copy.textContent = "Copied")) }, "Copy");
  return h(
    "div",
    { class: "ask made" },
    h("label", { for: "made" }, "The sealed link"),
    link,
    h("div", { class: "buttons" }, copy, ownerFile(share)),
    qrCode(share.link),
    h("p", { class: "hint" }, "Whoever has the whole link can read it. The owner's file ends it from another browser; keep it to yourself."),
  );
}

/** What was shared from here before. */
export function ownShares(): HTMLElement {
  const list = h("ul", { class: "own" });
  void keptShares().then((shares) => {
    if (shares.length === 0) return;
    list.before(h("h3", {}, "Shared from this browser"));
    list.append(...shares.map(ownShare));
  }, () => undefined);
  const owner = h("input", { id: "owner", type: "file", accept: ".json,application/json" });
  owner.addEventListener("change", async () => {
    const share = await readOwnerFile(owner.files?.[0]);
    if (share) list.prepend(ownShare(share));
  });
  return h("details", { class: "ask" }, h("summary", {}, "End a link"), list, h("label", { for: "owner" }, "By its owner's file"), owner);
}

function ownShare(share: OwnShare): HTMLElement {
  const told = h("p", { class: "told", role: "status" });
  const revoke = async () => {
    button.disabled = true;
    try {
      await new Client().ask({ op: "end", share });
      await forget(share);
      told.replaceChildren("Ended: this link opens nothing any more. What was read before stays read. The sealed pieces stay stored until their time is over, or until ", h("code", {}, "headwater revoke @FILE"), " ends that too, with this file: ", ownerFile(share));
    } catch (error) {
      const { title, text } = wordsFor(error, share.gateway);
      told.textContent = `${title}. ${text}`;
      button.disabled = false;
    }
  };
  const button = h("button", { type: "button", class: "button quiet", onclick: () => void revoke(), "aria-label": `Revoke ${share.label}` }, "Revoke");
  const leave = h("button", { type: "button", class: "button quiet", "aria-label": `Forget ${share.label} in this browser` }, "Forget here");
  leave.addEventListener("click", async () => {
    if (!confirm("The link goes on, and this browser cannot end it any more: that needs the owner's file. Forget it here?")) return;
    await forget(share);
    line.remove();
  });
  const line = h("li", {}, h("div", { class: "file" }, h("div", {}, h("p", {}, share.label), h("p", { class: "facts" }, day(share.issued))), h("div", { class: "buttons" }, button, leave)), told);
  return line;
}

async function forget({ id }: OwnShare): Promise<void> {
  await update<Kept>("shares", id, () => undefined);
}

/** Everything that ends the link and releases what it leads to, as a file. */
function ownerFile(share: OwnShare): HTMLElement {
  const text = JSON.stringify({ headwater: "owner of a sealed link", v: 1, ...share }, null, 2);
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  return h("a", { class: "button quiet", href, download: `${share.id.slice(0, 8)}.owner.json` }, "Save the owner's file");
}

async function readOwnerFile(file: File | undefined): Promise<OwnShare | undefined> {
  try {
    const share = JSON.parse((await file?.text()) ?? "") as OwnShare & { headwater?: string };
    const isWhole = [share.id, share.gateway, share.network, share.shareSeed, share.label].every((text) => typeof text === "string");
    return share.headwater === "owner of a sealed link" && isWhole ? share : undefined;
  } catch {
    return undefined;
  }
}

function qrCode(link: string): Element {
  const { data, size } = encode(link, { ecc: "M", border: 2 });
  const dark = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return svg("svg", { class: "qr", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "The link as a QR code", "shape-rendering": "crispEdges" }, svg("rect", { width: size, height: size, fill: "#fff" }), svg("path", { d: dark.join(""), fill: "#000" }));
}
