/** What is checked of the viewer. */

import { readFileSync } from "node:fs";

import type { Page } from "playwright-core";

import { holds, SIZES } from "./accessible";
import { SealedStub } from "./sealed-stub";
import { assert } from "./target";
import { type ViewerBench, VIEWER_FILE } from "./viewer-bench";
import { health } from "./viewer-health";
import { hostile } from "./viewer-hostile";
import { films, leaves } from "./viewer-media";
import { shares, spoilt } from "./viewer-shares";

type ViewerCheck = (bench: ViewerBench) => Promise<string>;

const WAIT = { timeout: 20_000 };
const alertText = async (page: Page) => (await page.waitForSelector(".problem-page", WAIT)).innerText();

/** From the gateway, from disk and from another origin the same file is read. */
const everywhere: ViewerCheck = async (bench) => {
  const share = await bench.gateway.share([bench.encode("letter.txt", "Only for you.", "text/plain")], { label: "A letter" });
  const elsewhere = await SealedStub.start();
  const places = [share.link, `${VIEWER_FILE}#${share.link}`, `${elsewhere.origin}/viewer.html#${share.link}`];
  for (const place of places) {
    await bench.visit(place, async (page) => {
      assert((await page.textContent(".shown pre", WAIT)) === "Only for you.", `${place} shows something else`);
      assert((await page.textContent("h1")) === "A letter", "the label is missing");
    });
  }
  await bench.visit(VIEWER_FILE, async (page) => {
    await page.fill("#link", share.link);
    await page.click("button.button");
    await page.waitForSelector(".shown pre", WAIT);
  });
  elsewhere.stop();
  const secret = share.link.split("#")[1] as string;
  assert(bench.gateway.seen.every((line) => !line.includes(secret)), "the secret went to the gateway");
  return "from the gateway, from disk, from another origin, pasted; the secret stays in the page";
};

/** Five wrong passcodes lock; what remains is said each time. */
const passcode: ViewerCheck = async (bench) => {
  const share = await bench.gateway.share([bench.encode("a.txt", "behind a passcode", "text/plain")], { passcode: "pässword" });
  await bench.visit(share.link, async (page) => {
    await page.fill("#passcode", "pa\u0308ssword");
    await page.fill("#who", "Dr. Ng");
    await page.click(".ask button");
    await page.waitForSelector(".shown pre", WAIT);
  });
  const named = (name: string) => bench.gateway.seen.some((line) => line.includes(`"who":"${name}"`));
  assert(named("Dr. Ng"), "the gateway is not told who reads");
  const said = await bench.visit(share.link, async (page) => {
    for (let left = 4; left > 0; left--) {
      await page.fill("#passcode", `wrong ${left}`);
      await page.click(".ask button");
      await page.getByText(left === 1 ? "One attempt is left" : `${left} attempts are left`).waitFor(WAIT);
    }
    await page.fill("#passcode", "wrong");
    await page.click(".ask button");
    return alertText(page);
  });
  assert(said.includes("locked"), `after five wrong passcodes it says: ${said}`);
  const open = await bench.gateway.share([bench.encode("b.txt", "without a passcode", "text/plain")]);
  await bench.visit(open.link, async (page) => {
    await page.click("summary:has-text('Say who you are')");
    await page.fill("#who", "ward 3");
    await page.click(".ask button");
    await page.getByText("learns it from the gateway").waitFor(WAIT);
  });
  assert(named("ward 3"), "who says their name afterwards is not told");
  const later = await bench.visit(share.link, alertText);
  assert(later.includes("locked"), `a locked link says: ${later}`);
  assert(bench.gateway.seen.every((line) => !line.includes("ssword")), "the passcode went to the gateway");
  return "right after a decomposed spelling; four warnings, then locked, also for the next visitor";
};

const refusals: ViewerCheck = async (bench) => {
  const share = await bench.gateway.share([bench.encode("a.txt", "gone", "text/plain")]);
  for (const [state, words] of [["share_revoked", "revoked"], ["share_expired", "expired"]] as const) {
    share.state = state;
    assert((await bench.visit(share.link, alertText)).includes(words), `${state} is not called ${words}`);
  }
  const unknown = share.link.replace(/\/s\/./, (start) => `/s/${start.endsWith("A") ? "B" : "A"}`);
  assert((await bench.visit(unknown, alertText)).includes("nothing here"), "an unknown link is not called so");
  const gone = await SealedStub.start();
  const lost = share.link.replace(bench.gateway.origin, gone.origin);
  gone.stop();
  assert((await bench.visit(`${VIEWER_FILE}#${lost}`, alertText)).includes("cannot be reached"), "a dead gateway is not called so");
  const [page, secret] = share.link.split("#") as [string, string];
  const changed = `${secret.slice(0, -1)}${String.fromCharCode(secret.charCodeAt(42) + 1)}`;
  for (const [place, words] of [
    [`${VIEWER_FILE}#${share.link.slice(0, -3)}`, "should have 43"],
    [`${page}#${changed}`, "was changed on its way"],
    [page, "from the # on is missing"],
    [`${VIEWER_FILE}#headwater-grant:${secret}`, "headwater open @FILE"],
  ] as const) {
    const said = await bench.visit(place, (page) => page.innerText(".told", WAIT));
    assert(said.includes(words), `of a link that does not open it says: ${said}`);
  }
  await bench.visit(`${bench.gateway.origin}/share`, async (page) => {
    assert((await page.innerText(".told", WAIT)) === "" && (await page.locator("#share").count()) === 1, "the form complains of nothing");
    assert((await page.getAttribute("a.brand", "href")) === "/", "there is no way to the catalogue");
  });
  share.state = "open";
  share.emergency = true;
  assert((await bench.visit(share.link, alertText)).includes("break-glass"), "a link for emergencies is not called so");
  return "revoked, expired, unknown, dead, cut short, changed, without its secret, of a grant, for emergencies";
};

/** A gateway that changes one byte is caught, named, and nothing is shown or saved. */
const caught: ViewerCheck = async (bench) => {
  const bytes = Uint8Array.from({ length: 9_000_000 }, (_, at) => (at * 7) & 255);
  const share = await bench.gateway.share([bench.encode("scan.bin", bytes)]);
  let frames = 0;
  bench.gateway.lie = (frame) => (++frames === 7 ? frame.map((byte, at) => (at === 9999 ? byte ^ 4 : byte)) : frame);
  const said = await bench.visit(share.link, async (page) => {
    await page.click("text=Save", WAIT);
    return (await page.waitForSelector(".told.bad", WAIT)).innerText();
  });
  bench.gateway.lie = (frame) => frame;
  assert(said.includes(bench.gateway.origin) && said.includes("something else than what was shared"), `it says: ${said}`);
  return "named the gateway, saved nothing";
};

/** A file that no browser shows is saved whole, from http and from disk. */
const saves: ViewerCheck = async (bench) => {
  const bytes = Uint8Array.from({ length: 9_000_000 }, (_, at) => (at * 13) & 255);
  const share = await bench.gateway.share([bench.encode("scan.bin", bytes)]);
  for (const place of [share.link, `${VIEWER_FILE}#${share.link}`]) {
    await bench.visit(place, async (page) => {
      const [download] = await Promise.all([page.waitForEvent("download", WAIT), page.click("text=Save", WAIT)]);
      assert(download.suggestedFilename() === "scan.bin", `it is saved as ${download.suggestedFilename()}`);
      assert(readFileSync(await download.path()).equals(Buffer.from(bytes)), `${place} saves other bytes`);
    });
  }
  return "from http and from disk, bit for bit";
};

const accessible: ViewerCheck = async (bench) => {
  const patient = readFileSync(new URL("patient.json", import.meta.url), "utf8");
  const share = await bench.gateway.share([bench.encode("patient.json", patient, "application/fhir+json")], { label: "Record" });
  const locked = await bench.gateway.share([bench.encode("a.txt", "a")], { passcode: "1" });
  const views: [string, string, string][] = [["start", VIEWER_FILE, "#link"], ["record", share.link, ".record dl"], ["passcode", locked.link, "#passcode"], ["problem", share.link.replace("/s/", "/s/A"), ".told:not(:empty), .problem-page"]];
  let rules = 0;
  for (const [size, options] of Object.entries(SIZES)) {
    for (const [name, url, selector] of views) {
      await bench.visit(url, async (page) => {
        await page.waitForSelector(selector, WAIT);
        // The page's policy runs no script of others, that of axe neither: its source goes past it.
        rules += await holds(page, `${name} in ${size}`);
        if (bench.shots) await page.screenshot({ path: `${bench.shots}/viewer-${name}-${size}.png`, fullPage: true });
      }, { ...options, bypassCSP: true });
    }
  }
  return `${rules} rules held on ${3 * views.length} views`;
};

export const VIEWER_CHECKS: Record<string, ViewerCheck> = { everywhere, passcode, refusals, caught, saves, leaves, films, shares, spoilt, health, hostile, accessible };
