/** The viewer of sealed links: one page, one file, from wherever it was loaded. */

import "./style.css";

import { healthLinkIn } from "../health/link";
import { h } from "../page/element";
import { themeButton } from "../page/header";
import icon from "../page/icon.svg";
import { openSession } from "../page/session";
import { linkOf } from "../sealed/link";
import { openHealthLink } from "./health";
import { openStart } from "./start";
import { openShare } from "./open";
import { clearPrivate, removeAll } from "./private-files";

// A token for uploads may have been handed over in the address.
const session = openSession(location, history, sessionStorage, location.origin);
const page = document.getElementById("page") as HTMLElement;
const main = h("main", { id: "main" });
const mark = h("img", { src: icon, alt: "", width: 28, height: 28 });
const skip = h("a", { class: "skip", href: "#main" }, "Skip to the content");
skip.addEventListener("click", (event) => {
  // The fragment is the link's secret; it stays what it is.
  event.preventDefault();
  main.tabIndex = -1;
  main.focus();
});
page.append(h("header", { class: "top" }, skip, brand(), themeButton()), main, licences());

/** The name, and the way to the catalogue where this page came from a gateway's own paths. */
function brand(): HTMLElement {
  const isServed = /^\/(s(\/.*)?|share)$/.test(location.pathname) && location.protocol.startsWith("http");
  return isServed ? h("a", { class: "brand", href: "/" }, mark, "Headwater") : h("span", { class: "brand" }, mark, "Headwater");
}

function licences(): HTMLElement {
  const texts = document.getElementById("licences")?.textContent ?? "";
  return h("footer", { class: "foot" }, h("details", {}, h("summary", {}, "Licences"), h("pre", { tabindex: 0, role: "region", "aria-label": "Licences" }, texts)));
}

function route(): void {
  try {
    const health = healthLinkIn(location.href);
    const link = health ? undefined : linkOf(location.href);
    if (health) openHealthLink(main, health);
    else if (link) void openShare(main, link);
    else openStart(main, session.upload);
  } catch (error) {
    openStart(main, session.upload, (error as Error).message);
  }
}

addEventListener("hashchange", route);
addEventListener("pagehide", removeAll);
// What an earlier visit could not remove.
void clearPrivate();
route();
