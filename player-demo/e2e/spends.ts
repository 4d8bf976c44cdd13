/**
 * What a viewer has allowed holds in all: after a reload, on a stream of its own, the page signs for no more than is left, and asks.
 * When the gateway is gone another one goes on, and its grant asks for no more than is left either.
 */

import { withPage } from "./browser";
import { SECOND, Shop } from "./paid-stub";
import { topsUp, until } from "./pays";
import { moves, play } from "./playing";
import { assert, type Check } from "./target";

/** A micro-unit for ten bytes. */
const PRICE = { micro: 1, of: 10, per: "byte" };
/** What is left when the page is opened again: less than the film. */
const LEFT = 40_000n;

export const spends: Check = async (browser, { gateway }) => {
  const shop = await Shop.open(PRICE);
  return withPage(browser, "about:blank", { reducedMotion: "reduce" }, async (page) => {
    await shop.serve(page);
    // A gateway of this browser's own settings is no stranger.
    await page.addInitScript((second) => location.protocol !== "about:" && localStorage.setItem("headwater.gateways", second), SECOND);
    await page.goto(`${gateway}/watch/${shop.id}`);
    await topsUp(page, shop);
    await page.click(".offer .button:not(.quiet)");
    await play(page);
    await until(page, () => shop.acknowledged > 0, () => "nothing is acknowledged");
    await page.goto("about:blank");
    await page.goto(`${gateway}/log`);
    const allowed = await page.evaluate(leaveOnly, LEFT);
    const before = cost(shop);
    shop.served = 0;
    shop.acknowledged = 0;
    await page.goto(`${gateway}/watch/${shop.id}`);
    await play(page);
    await page.waitForSelector(".toll[role=alertdialog]");
    assert(shop.grants === 1, `${shop.grants} grants were asked for before the viewer was`);
    assert(cost(shop) <= allowed && cost(shop) - before <= LEFT + 1n, `receipts cost ${cost(shop)} of ${allowed} that were allowed, ${cost(shop) - before} of them since`);
    shop.isGone = true;
    await page.click(".toll .button:not(.quiet)");
    await until(page, () => shop.grants >= 2, () => "the second gateway has no grant");
    await play(page);
    await moves(page, 1);
    const most = shop.charges[0] as bigint;
    assert(shop.charges.every((charge) => charge <= most), `grants ask for ${shop.charges.join(", ")}`);
    return `${cost(shop)} micro-units of receipts at two gateways, grants of ${shop.charges.join(" and ")}`;
  });
};

/** What all receipts cost, each grant by itself. */
function cost({ bytes }: Shop): bigint {
  const grants = new Map<string, number>();
  for (const [stream, count] of bytes) {
    const grant = stream.split("/")[0] as string;
    grants.set(grant, (grants.get(grant) ?? 0) + count);
  }
  return [...grants.values()].reduce((all, count) => all + BigInt(Math.floor(count / PRICE.of)), 0n);
}

/** Lets so much be left of what this browser keeps as allowed; resolves to all that is allowed. */
function leaveOnly(left: bigint): Promise<bigint> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("headwater");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const store = opening.result.transaction("sessions", "readwrite").objectStore("sessions");
      const keys = store.getAllKeys();
      keys.onsuccess = () => {
        const [name] = keys.result.filter((key) => String(key).startsWith("budget|"));
        // Amounts are rounded down for each grant: between two sums there may be one micro-unit more.
        const asked = store.get(name as string);
        asked.onsuccess = () => {
          const { taken } = asked.result as { taken: Record<string, { bytes: bigint }> };
          const allowed = Object.values(taken).reduce((sum, { bytes }) => sum + bytes / 10n, 0n) + left;
          store.put({ taken, allowed }, name as string).onsuccess = () => resolve(allowed);
        };
      };
    };
  });
}
