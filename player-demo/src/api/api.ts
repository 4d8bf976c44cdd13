/** What this gateway answers: its OpenAPI document, shown by RapiDoc. */

import "../style/page.css";
import "./api.css";
import "rapidoc";

import { h } from "../page/element";
import { buildHeader } from "../page/header";

const DOCUMENT = "/api/openapi.json";

/** RapiDoc's attributes: to be read, not to send requests with; nothing is fetched but the document. */
const READING = {
  "render-style": "read",
  "schema-style": "table",
  "default-schema-tab": "schema",
  "schema-description-expanded": "true",
  "show-header": "false",
  "show-info": "false",
  "show-method-in-nav-bar": "as-plain-text",
  "use-path-in-nav-bar": "true",
  "allow-try": "false",
  "allow-authentication": "false",
  "allow-server-selection": "false",
  "allow-search": "false",
  "allow-advanced-search": "false",
  "load-fonts": "false",
  "regular-font": "system-ui, sans-serif",
  "mono-font": "ui-monospace, monospace",
};

/** Its attributes for colours, and which of ours they take. It reckons with them, so that they are colours, not variables. */
const COLOURS = {
  "bg-color": "--ground",
  "text-color": "--text",
  "primary-color": "--accent",
  "nav-bg-color": "--surface",
  "nav-text-color": "--text",
  "nav-hover-bg-color": "--raised",
  "nav-hover-text-color": "--text",
  "nav-accent-color": "--accent",
  "nav-accent-text-color": "--on-accent",
};

const viewer = h("rapi-doc", READING);
viewer.addEventListener("spec-loaded", () => void nameLandmarks());
viewer.setAttribute("spec-url", DOCUMENT);
colour();
new MutationObserver(colour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);

const top = h(
  "section",
  { class: "intro", "aria-label": "About this page" },
  h("h1", {}, "What this gateway answers"),
  h("p", {}, "Every refusal is a problem document (RFC 9457) with a stable code."),
  h("p", {}, "The same for programs: ", h("a", { href: DOCUMENT }, DOCUMENT), " (OpenAPI)."),
);
(document.getElementById("page") as HTMLElement).replaceChildren(buildHeader(), top, h("div", { id: "main" }, viewer));

function colour(): void {
  const style = getComputedStyle(document.documentElement);
  viewer.setAttribute("theme", style.colorScheme === "dark" ? "dark" : "light");
  for (const [attribute, variable] of Object.entries(COLOURS)) {
    viewer.setAttribute(attribute, style.getPropertyValue(variable).trim());
  }
}

/** RapiDoc has a list of routes inside of a bar, both landmarks without a name. */
async function nameLandmarks(): Promise<void> {
  await (viewer as HTMLElement & { updateComplete?: Promise<unknown> }).updateComplete;
  viewer.shadowRoot?.querySelector(".nav-bar")?.setAttribute("aria-label", "Routes");
  viewer.shadowRoot?.querySelector(".nav-scroll")?.setAttribute("aria-label", "List of routes");
}
