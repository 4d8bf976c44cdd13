/** The bar on top: where one is, and light or dark. */

import icon from "./icon.svg";
import { h } from "./element";

const STORED = "headwater.theme";
const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const NAMES: Record<Theme, string> = { auto: "as the system", light: "light", dark: "dark" };

/** The header; `extra` stands in its middle. */
export function buildHeader(extra?: HTMLElement): HTMLElement {
  const mark = h("img", { src: icon, alt: "", width: 28, height: 28 });
  return h(
    "header",
    { class: "top" },
    h("a", { class: "skip", href: "#main" }, "Skip to the content"),
    h("a", { class: "brand", href: "/" }, mark, "Headwater"),
    extra,
    themeButton(),
  );
}

/** The button that goes from the system's colours to light and dark. */
export function themeButton(): HTMLElement {
  const button = h("button", { type: "button", class: "theme" });
  const draw = () => {
    button.dataset.theme = theme();
    button.setAttribute("aria-label", `Colours: ${NAMES[theme()]}. Change them`);
    button.title = `Colours: ${NAMES[theme()]}`;
  };
  button.addEventListener("click", () => {
    choose(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] as Theme);
    draw();
  });
  draw();
  return button;
}

function theme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

function choose(theme: Theme): void {
  if (theme === "auto") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(STORED);
  } else {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(STORED, theme);
  }
}
