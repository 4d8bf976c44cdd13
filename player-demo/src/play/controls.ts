/** The player's controls: media-chrome around a video element. */

import "media-tracks/polyfill";
import "media-chrome/media-captions-button";
import "media-chrome/media-control-bar";
import "media-chrome/media-controller";
import "media-chrome/media-fullscreen-button";
import "media-chrome/media-loading-indicator";
import "media-chrome/media-mute-button";
import "media-chrome/media-pip-button";
import "media-chrome/media-play-button";
import "media-chrome/media-preview-chapter-display";
import "media-chrome/media-preview-thumbnail";
import "media-chrome/media-preview-time-display";
import "media-chrome/media-seek-backward-button";
import "media-chrome/media-seek-forward-button";
import "media-chrome/media-time-display";
import "media-chrome/media-time-range";
import "media-chrome/media-volume-range";
import "media-chrome/menu/media-audio-track-menu";
import "media-chrome/menu/media-captions-menu";
import "media-chrome/menu/media-playback-rate-menu";
import "media-chrome/menu/media-rendition-menu";
import "media-chrome/menu/media-settings-menu";
import "media-chrome/menu/media-settings-menu-button";
import "media-chrome/menu/media-settings-menu-item";

import { h } from "../page/element";

const SEEK_S = 10;

export interface Controls {
  readonly root: HTMLElement;
  readonly video: HTMLVideoElement;
}

/** A player without anything to play; `audio` keeps its controls in sight. */
export function buildControls(title: string, audio: boolean): Controls {
  const video = h("video", {
    slot: "media",
    playsinline: true,
    preload: "auto",
    crossorigin: "anonymous",
    "aria-label": title,
  });
  const root = h(
    "media-controller",
    { class: "player", hotkeys: "noarrowleft noarrowright", defaultsubtitles: false, "aria-label": `Player: ${title}` },
    video,
    h("media-loading-indicator", { slot: "centered-chrome", noautohide: true }),
    audio && h("div", { slot: "top-chrome", class: "sleeve", noautohide: true, "aria-hidden": "true" }, title),
    settings(),
    h("media-control-bar", { class: "seek", noautohide: audio }, seekBar()),
    h(
      "media-control-bar",
      { noautohide: audio },
      h("media-play-button"),
      h("media-seek-backward-button", { seekoffset: SEEK_S }),
      h("media-seek-forward-button", { seekoffset: SEEK_S }),
      h("media-mute-button"),
      h("media-volume-range"),
      h("media-time-display", { showduration: true }),
      h("span", { class: "gap" }),
      h("media-captions-button"),
      h("media-settings-menu-button"),
      !audio && h("media-pip-button"),
      !audio && h("media-fullscreen-button"),
    ),
  );
  // media-chrome calls it a button that is checked, which no button can be, as soon as it is on the page.
  requestAnimationFrame(() => root.querySelector("media-captions-button")?.setAttribute("role", "switch"));
  forwardKeys(root, video);
  return { root, video };
}

function seekBar(): HTMLElement {
  return h(
    "media-time-range",
    {},
    h("media-preview-thumbnail", { slot: "preview" }),
    h("media-preview-chapter-display", { slot: "preview" }),
    h("media-preview-time-display", { slot: "preview" }),
  );
}

function settings(): HTMLElement {
  const item = (name: string, menu: string) =>
    h(
      "media-settings-menu-item",
      {},
      name,
      h(menu, { slot: "submenu", hidden: true }, h("div", { slot: "title" }, name)),
    );
  return h(
    "media-settings-menu",
    { hidden: true, anchor: "auto" },
    item("Quality", "media-rendition-menu"),
    item("Audio", "media-audio-track-menu"),
    item("Captions", "media-captions-menu"),
    item("Speed", "media-playback-rate-menu"),
  );
}

/** Keys work on the whole page, but not where something else has the focus. */
function forwardKeys(root: HTMLElement, video: HTMLVideoElement): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onPage = event.target === document.body;
    const inPlayer = event.composedPath().includes(root);
    const inRange = event.composedPath().some((node) => node instanceof HTMLInputElement);
    if (!onPage && !inPlayer) return;
    const step = { ArrowLeft: -SEEK_S / 2, ArrowRight: SEEK_S / 2 }[event.key];
    if (step !== undefined && !inRange) {
      video.currentTime = Math.min(Math.max(0, video.currentTime + step), video.duration || 0);
      event.preventDefault();
    } else if (onPage) {
      const { key, code, shiftKey } = event;
      root.dispatchEvent(new KeyboardEvent("keydown", { key, code, shiftKey }));
      root.dispatchEvent(new KeyboardEvent("keyup", { key, code, shiftKey }));
      if (key === " ") event.preventDefault();
    }
  });
}
