/** Saving a file of any size: batch by batch to where the reader wants it. */

import { h } from "../page/element";
import { bytes } from "../page/format";
import { Failed } from "./client";
import { type FileInShare, wholeOf } from "./files";
import { openWaystation, takenWithin, type Waystation } from "./waystation";
import { wordsFor } from "./words";

/** Saves the file, saying in `told` how far it is. */
export async function save({ client, gateway, facts }: FileInShare, told: HTMLElement): Promise<void> {
  // Of a path in a folder the last part is the file's own name.
  const name = facts.name.slice(facts.name.lastIndexOf("/") + 1);
  const picked = await pick(name);
  if (picked === "nothing") return;
  const way = picked ? undefined : await openWaystation();
  const target = picked ? ({ kind: "picked", handle: picked } as const) : (way as Waystation).target;
  const controller = new AbortController();
  const bar = h("progress", { max: Math.max(1, facts.len), value: 0, "aria-label": `Saving ${facts.name}` });
  const done = h("span", {}, "Saving…");
  const stop = h("button", { type: "button", class: "button quiet", onclick: () => controller.abort() }, "Stop");
  told.classList.remove("bad");
  told.replaceChildren(bar, done, stop);
  const progress = (count: number) => {
    bar.value = count;
    done.textContent = `${bytes(count)} of ${bytes(facts.len)}`;
  };
  try {
    const { blob, rebuilt } = await client.ask({ op: "save", part: wholeOf(facts), target }, { progress, signal: controller.signal });
    if (blob) handOver(blob, name, way);
    const mended = rebuilt > 0 ? ` ${rebuilt} of its cells were rebuilt by the gateway; each opened with the file's key.` : "";
    told.replaceChildren(`Saved: ${bytes(facts.len)}, every byte checked.${mended}`);
  } catch (error) {
    way?.remove();
    const { title, text } = wordsFor(error, gateway);
    told.classList.toggle("bad", !(error instanceof Failed && error.failure.reason === "cancelled"));
    told.replaceChildren(`${title}. ${text}`);
  }
}

/** The file that the reader picks, where the browser has such a picker; nothing when they have changed their mind. */
async function pick(name: string): Promise<FileSystemFileHandle | "nothing" | undefined> {
  try {
    if (window.showSaveFilePicker) return await window.showSaveFilePicker({ suggestedName: name });
  } catch (error) {
    if ((error as Error).name === "AbortError") return "nothing";
  }
  return undefined;
}

/** Gives it to the browser to save; our own copy goes when it must have been taken over, or the page is left. */
function handOver(blob: Blob, name: string, way: Waystation | undefined): void {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
    way?.remove();
  }, takenWithin(blob.size));
}
