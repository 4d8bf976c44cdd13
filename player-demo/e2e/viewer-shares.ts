/** Files are dropped on the page, sealed there, opened elsewhere, and the link is ended. */

import { readFileSync, writeFileSync } from "node:fs";

import type { Page } from "playwright-core";

import { holds } from "./accessible";
import { takeUploads } from "./sealed-owner-stub";
import { SealedStub } from "./sealed-stub";
import { assert } from "./target";
import { type ViewerBench, VIEWER_FILE } from "./viewer-bench";

const WAIT = { timeout: 20_000 };
const TEXT = "Nobody but the reader may see this sentence.";
const SIZE = 5_000_000;

export async function shares(bench: ViewerBench): Promise<string> {
  const gateway = await SealedStub.start();
  takeUploads(gateway, bench);
  let file = "";
  const link = await bench.visit(`${gateway.origin}/viewer.html#upload=secret-token`, async (page) => {
    const link = await make(page);
    const [download] = await Promise.all([page.waitForEvent("download", WAIT), page.click("text=Save the owner's file")]);
    file = readFileSync(await download.path(), "utf8");
    assert((await page.locator("svg.qr path").count()) === 1, "there is no QR code");
    const { objects, shareSeed } = JSON.parse(file) as { objects: { key: string; controlSeed: string }[]; shareSeed: string };
    await keepsSafely(page, [link.split("#")[1] as string, shareSeed, ...objects.flatMap(({ key, controlSeed }) => [key, controlSeed])]);
    await holds(page, "a link that was made");
    if (bench.shots) await page.screenshot({ path: `${bench.shots}/viewer-shared.png`, fullPage: true });
    return link;
  });
  const all = gateway.seen.join("\n");
  const secret = link.split("#")[1]?.slice(0, 43) as string;
  assert(!all.includes(TEXT) && !all.includes("letter.txt") && !all.includes("A label") && !all.includes(secret), "plaintext, a name or the secret went to the gateway");
  await bench.visit(link, opens);
  await revoke(bench, file);
  assert([...gateway.shares.values()].every(({ state }) => state === "share_revoked"), "the share goes on");
  const said = await bench.visit(link, problem);
  assert(said.includes("revoked"), `after its end it says: ${said}`);
  gateway.stop();
  return "dropped, sealed, opened in a fresh profile, ended by the owner's file from disk; the gateway saw neither text nor names nor secret";
}

/** Nothing of the link and the owner's keys can be read in what the browser keeps, and no key can be taken out of it. */
async function keepsSafely(page: Page, secrets: readonly string[]): Promise<void> {
  const { keys, shares, text } = await page.evaluate(async () => {
    const wait = <T>(request: IDBRequest<T>) => new Promise<T>((resolve, reject) => ((request.onsuccess = () => resolve(request.result)), (request.onerror = () => reject(request.error))));
    const database = await wait(indexedDB.open("headwater"));
    const kept = await Promise.all([...database.objectStoreNames].map((store) => wait(database.transaction(store).objectStore(store).getAll() as IDBRequest<unknown[]>)));
    const read = (value: unknown): unknown => (value instanceof Uint8Array ? String.fromCharCode(...value) : value instanceof CryptoKey ? { extractable: value.extractable, usages: value.usages } : Object(value) === value ? Object.values(value as object).map(read) : value);
    database.close();
    const shares = kept[[...database.objectStoreNames].indexOf("shares")]?.length ?? 0;
    return { text: JSON.stringify(kept.flat().map(read)), keys: kept.flat().filter((value) => value instanceof CryptoKey && value.type === "secret").map((key) => (key as CryptoKey).extractable), shares };
  });
  assert(shares === 1 && keys.length === 1 && keys[0] === false, `the browser keeps ${shares} shares under ${keys.length} keys, of which ${keys.filter(Boolean).length} can be taken out`);
  const found = secrets.filter((secret) => text.includes(secret.slice(0, 20)));
  assert(secrets.length >= 4 && found.length === 0, `what the browser keeps shows ${found.join(", ")}`);
}

/** A gateway that stores something else than what was sealed is caught before there is a link. */
export async function spoilt(bench: ViewerBench): Promise<string> {
  const gateway = await SealedStub.start();
  takeUploads(gateway, bench, (cells) => cells.map((byte, at) => (at === 70_000 ? byte ^ 1 : byte)));
  const said = await bench.visit(`${gateway.origin}/viewer.html#upload=secret-token`, async (page) => {
    await drop(page);
    await page.click("text=Seal and share");
    return (await page.waitForSelector("#share .told.bad", WAIT)).innerText();
  });
  const without = await bench.visit(`${gateway.origin}/share`, async (page) => {
    await drop(page);
    await page.click("text=Seal and share");
    return (await page.waitForSelector("#share .told.bad", WAIT)).innerText();
  });
  gateway.stop();
  assert(without.includes("upload token is missing"), `without a token it says: ${without}`);
  assert(said.includes("stored something else than was sealed"), `it says: ${said}`);
  return "the roots are compared before a link is made";
}

/** The same at a real gateway, with links that end in both ways; the viewer comes from it, and from disk. */
export async function real(bench: ViewerBench, origin: string, token: string, owner: string | undefined): Promise<string> {
  const start = `${origin}/viewer.html#upload=${token}`;
  const link = await bench.visit(start, async (page) => {
    const link = await make(page);
    const [download] = await Promise.all([page.waitForEvent("download", WAIT), page.click("text=Save the owner's file")]);
    if (owner) writeFileSync(owner, readFileSync(await download.path()));
    return link;
  });
  await bench.visit(link, opens);
  await bench.visit(`${VIEWER_FILE}#${link}`, opens);
  const locked = await bench.visit(link, async (page) => {
    for (let left = 4; left >= 0; left--) {
      await page.fill("#passcode", `wrong ${left}`);
      await page.click(".ask button");
      await page.getByText(left === 0 ? "locked" : left === 1 ? "One attempt is left" : `${left} attempts are left`).first().waitFor(WAIT);
    }
    return problem(page);
  });
  assert(locked.includes("locked") && (await bench.visit(link, problem)).includes("locked"), `after five wrong passcodes it says: ${locked}`);
  const revoked = await bench.visit(start, async (page) => {
    const link = await make(page);
    await page.goto(start.replace("#", "?again#"));
    await page.click("text=End a link");
    await page.getByRole("button", { name: "Revoke A label" }).first().click(WAIT);
    await page.getByText("Ended: this link opens nothing any more").waitFor(WAIT);
    return link;
  });
  const said = await bench.visit(revoked, problem);
  assert(said.includes("revoked"), `after its end it says: ${said}`);
  return "dropped and sealed; read from the gateway's page and from disk; locked after five wrong passcodes; ended by its owner";
}

/** What was shared comes out as it went in. */
async function opens(page: Page): Promise<void> {
  await page.fill("#passcode", "open sesame");
  await page.click(".ask button");
  await page.waitForSelector(".files > li:nth-child(2)", WAIT);
  await page.getByRole("button", { name: "Show" }).first().click();
  assert((await page.textContent(".shown pre", WAIT)) === TEXT, "another text comes out");
  const [download] = await Promise.all([page.waitForEvent("download", WAIT), page.getByRole("button", { name: "Save" }).nth(1).click()]);
  const saved = readFileSync(await download.path());
  assert(saved.length === SIZE && saved.every((byte, at) => byte === ((at * 31) & 255)), "other bytes come out");
}

async function problem(page: Page): Promise<string> {
  return (await page.waitForSelector(".problem-page", WAIT)).innerText();
}

async function make(page: Page): Promise<string> {
  await drop(page);
  await page.fill("#label", "A label");
  await page.fill("#new-passcode", "open sesame");
  await page.click("text=Seal and share");
  return page.inputValue("#made", WAIT);
}

async function drop(page: Page): Promise<void> {
  await page.waitForSelector("#files");
  await page.evaluate(([text, size]) => {
    const files = new DataTransfer();
    files.items.add(new File([text], "letter.txt", { type: "text/plain" }));
    files.items.add(new File([Uint8Array.from({ length: size }, (_, at) => (at * 31) & 255)], "scan.bin"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
  }, [TEXT, SIZE] as const);
}

async function revoke(bench: ViewerBench, file: string): Promise<void> {
  await bench.visit(VIEWER_FILE, async (page) => {
    await page.click("text=End a link");
    await page.setInputFiles("#owner", { name: "owner.json", mimeType: "application/json", buffer: Buffer.from(file) });
    await page.getByRole("button", { name: "Revoke A label" }).click(WAIT);
    await page.getByText("Ended: this link opens nothing any more").waitFor(WAIT);
  });
}
