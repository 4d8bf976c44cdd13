/** Sharing: files are dropped here, sealed on this device, and only then handed to a gateway. */

import { h } from "../page/element";
import { bytes, count } from "../page/format";
import { isPasscode } from "../sealed/passcode";
import { Client } from "./client";
import { keepShare, ownShares, sharedCard } from "./own-shares";
import { openWaystation } from "./waystation";
import { wordsFor } from "./words";

const FILES_MAX = 16;
const DAY_S = 86_400;
const LIFETIMES: [string, number][] = [["One day", 1], ["One week", 7], ["One month", 30]];

/** The part of the start page where something is shared; `token` is the gateway's for uploads, where it is known. */
export function shareForm(token: string | undefined, heading: "h1" | "h2"): HTMLElement {
  const picker = h("input", { id: "files", type: "file", multiple: true });
  const chosen = h("p", { class: "hint" }, "Drop files anywhere on this page, or choose them. They are sealed on this device; the gateway gets sealed pieces alone.");
  const told = h("p", { class: "told", role: "status" });
  const fields = formFields(token);
  const button = h("button", { class: "button" }, "Seal and share");
  const result = h("div");
  const form = h("form", { class: "ask" }, h("label", { for: "files" }, "Files"), picker, chosen, ...fields.elements, button, told);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await send([...(picker.files ?? [])], fields, told, result);
    button.disabled = false;
  });
  picker.addEventListener("change", () => {
    const files = [...(picker.files ?? [])];
    chosen.textContent = `${count(files.length, "file")}, ${bytes(files.reduce((sum, { size }) => sum + size, 0))}`;
  });
  takeDrops(picker);
  return h("section", { class: "card-like", id: "share" }, h(heading, {}, "Share files by a sealed link"), form, result, ownShares());
}

/** Whatever is dropped on the page is chosen. */
function takeDrops(picker: HTMLInputElement): void {
  document.body.ondragover = (event) => event.preventDefault();
  document.body.ondrop = (event) => {
    event.preventDefault();
    if (!event.dataTransfer?.files.length || !picker.isConnected) return;
    picker.files = event.dataTransfer.files;
    picker.dispatchEvent(new Event("change"));
    picker.focus();
  };
}

interface FormFields {
  readonly elements: HTMLElement[];
  readonly gateway: HTMLInputElement;
  readonly token: HTMLInputElement;
  readonly label: HTMLInputElement;
  readonly passcode: HTMLInputElement;
  readonly days: HTMLSelectElement;
}

function formFields(token: string | undefined): FormFields {
  const home = location.protocol.startsWith("http") ? location.origin : "";
  const input = (id: string, type: string, value: string, more = {}) => h("input", { id, type, value, autocomplete: "off", ...more });
  const gateway = input("gateway", "url", home, { required: true });
  const tokenField = input("token", "password", token ?? "");
  const label = input("label", "text", "", { maxlength: 80 });
  const passcode = input("new-passcode", "text", "", { maxlength: 256 });
  const days = h("select", { id: "days" }, ...LIFETIMES.map(([name, days]) => h("option", { value: days, selected: days === 7 }, name)), h("option", { value: "" }, "Until I end it"));
  const named = (text: string, field: HTMLElement) => [h("label", { for: field.id }, text), field];
  const elements = [...named("Label (only readers see it)", label), ...named("Passcode (optional; tell it by another way)", passcode), ...named("Good for", days), ...named("Gateway", gateway), ...named("Its upload token", tokenField), h("p", { class: "hint" }, "Whoever runs the gateway gives it out: what is shared is stored at its expense.")];
  return { elements, gateway, token: tokenField, label, passcode, days };
}

async function send(files: File[], fields: FormFields, told: HTMLElement, result: HTMLElement): Promise<void> {
  const gateway = URL.canParse(fields.gateway.value) ? new URL(fields.gateway.value).origin : "";
  const passcode = fields.passcode.value.normalize("NFC");
  told.classList.remove("bad");
  try {
    if (files.length < 1 || files.length > FILES_MAX) throw new Error(`A link has 1 to ${FILES_MAX} files; ${files.length} were chosen.`);
    if (gateway === "") throw new Error("Name the gateway by its address, such as https://gateway.example.");
    if (passcode !== "" && !isPasscode(passcode)) throw new Error("A passcode has 1 to 256 bytes and no control characters.");
    const days = Number(fields.days.value);
    const expires = days > 0 ? Math.floor(Date.now() / 1000) + days * DAY_S : undefined;
    const whole = files.reduce((sum, { size }) => sum + size, 0);
    const progress = (done: number) => (told.textContent = done < whole ? `Sealing: ${bytes(done)} of ${bytes(whole)}` : "Handing over…");
    told.textContent = "Sealing…";
    const way = await openWaystation();
    const asked = new Client().ask({ op: "share", gateway, token: fields.token.value, files, wishes: { label: fields.label.value.trim(), passcode, expires }, place: way.target }, { progress });
    const share = await asked.finally(() => way.remove());
    const isKept = await keepShare(share).then(() => true, () => false);
    told.textContent = isKept ? "" : "This browser does not keep the link: save it, and the owner’s file, with which alone it can be ended.";
    result.replaceChildren(sharedCard(share));
    result.querySelector("input")?.select();
  } catch (error) {
    const { title, text } = wordsFor(error, gateway);
    told.classList.add("bad");
    told.textContent = `${title}. ${text}`;
  }
}
