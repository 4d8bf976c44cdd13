/** Says what has been verified, by whom it came, and who lied. */

import { h } from "../page/element";
import { count, hex } from "../page/format";
import type { Trace } from "../play/trace";
import type { Gateway, Gateways } from "../trust/gateways";
import type { Publication } from "../trust/publication";

/** The badge; it opens to say more. */
export function buildBadge({ id, bundle }: Publication, trace: Trace, gateways: Gateways): HTMLElement {
  const label = h("span", { class: "badge-text" });
  const list = h("ul", { class: "gateways" });
  const draw = () => {
    label.textContent = `Verified · ${count(trace.verified, "segment")}`;
    list.replaceChildren(...gateways.all.map(gatewayItem));
  };
  trace.addEventListener("delivery", draw);
  gateways.addEventListener("change", draw);
  draw();
  return h(
    "details",
    { class: "badge" },
    h("summary", {}, shield(), label),
    h(
      "div",
      { class: "badge-more" },
      h(
        "p",
        {},
        "Every segment is hashed with BLAKE3 and compared with the bundle before the decoder sees it. The bundle's own hash is the id in this page's address, and its creator has signed it.",
      ),
      h(
        "dl",
        {},
        h("dt", {}, "Publication"),
        h("dd", {}, h("code", {}, id.text)),
        h("dt", {}, "Creator's key"),
        h("dd", {}, h("code", {}, hex(bundle.creator))),
      ),
      h("h3", {}, "Gateways"),
      list,
      h(
        "p",
        { class: "fine" },
        `The page itself came from ${location.origin}: that it checks at all is that gateway's word.`,
      ),
    ),
  );
}

function gatewayItem(gateway: Gateway): HTMLElement {
  const lied = gateway.lies.length > 0;
  const silent = !lied && gateway.silence !== undefined && gateway.silentUntil > Date.now();
  const state = lied
    ? `altered ${gateway.lies.join(", ")}; no longer asked`
    : silent
      ? (gateway.silence ?? "")
      : `${gateway.verified} answers, all right`;
  return h(
    "li",
    { class: lied ? "lied" : silent ? "silent" : "" },
    h("code", {}, gateway.origin),
    " ",
    h("span", {}, state),
  );
}

/** Announces every lie as it is found. */
export function buildAlarm(gateways: Gateways): HTMLElement {
  const alarm = h("div", { class: "alarm", role: "alert" });
  let told = 0;
  gateways.addEventListener("change", () => {
    const liars = gateways.all.filter((gateway) => gateway.lies.length > 0);
    const lies = liars.reduce((sum, gateway) => sum + gateway.lies.length, 0);
    if (lies === told) return;
    told = lies;
    const next = gateways.order(Date.now())[0];
    alarm.replaceChildren(...liars.map((gateway) => lie(gateway, next)));
  });
  return alarm;
}

function lie(gateway: Gateway, next: Gateway | undefined): HTMLElement {
  const rest = next
    ? ["Its bytes were dropped; now reading from ", h("code", {}, next.origin), "."]
    : ["Its bytes were dropped, and no other gateway is left."];
  return h(
    "p",
    {},
    h("strong", {}, "A gateway lied. "),
    h("code", {}, gateway.origin),
    ` altered ${gateway.lies.join(", ")}. `,
    ...rest,
  );
}

function shield(): HTMLElement {
  return h("span", { class: "shield", "aria-hidden": "true" });
}
