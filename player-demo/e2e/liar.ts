/** Gateways that alter bytes: the page must notice before anything is decoded. */

import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { Page } from "playwright-core";

import { withPage } from "./browser";
import { decodesCleanly, moves, play, verified } from "./playing";
import { assert, type Check } from "./target";

/** The first segment that is altered, of any track. */
const FROM = 1;

type Alter = (body: Buffer) => Buffer;
const flip: Alter = (body) => {
  const altered = Buffer.from(body);
  const middle = altered.length >> 1;
  altered[middle] = (altered[middle] as number) ^ 1;
  return altered;
};
const cut: Alter = (body) => body.subarray(0, -1);

/** A proxy before `gateway` that alters segments; counts those it has altered. */
async function withLiar<T>(
  gateway: string,
  alter: Alter,
  work: (liar: string, lies: () => number) => Promise<T>,
): Promise<T> {
  let lies = 0;
  const server = createServer((question, answer) => {
    const n = /^\/watch\/[^/]+\/[^/]+\/(\d+)\.m4s$/.exec(question.url ?? "")?.[1];
    const target = new URL(question.url ?? "/", gateway);
    const headers = { ...question.headers, host: target.host, "accept-encoding": "identity" };
    const forward = request(target, { method: question.method, headers }, (original) => {
      const lie = n !== undefined && Number(n) >= FROM && original.statusCode === 200;
      if (lie) lies += 1;
      void pass(original, answer, lie ? alter : (body) => body);
    });
    forward.on("error", () => answer.destroy());
    question.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => lies);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function pass(original: IncomingMessage, answer: ServerResponse, alter: Alter): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of original) parts.push(part as Buffer);
  const body = alter(Buffer.concat(parts));
  const { "transfer-encoding": _, ...headers } = original.headers;
  answer.writeHead(original.statusCode ?? 502, { ...headers, "content-length": String(body.length) });
  answer.end(body);
}

/** The liar is asked first; the page turns to the honest gateway and plays on. */
function turnsFrom(alter: Alter): Check {
  return (browser, { gateway, id }) =>
    withLiar(gateway, alter, (liar, lies) =>
      withPage(browser, `${gateway}/watch/${id}?gateways=${liar}`, {}, async (page) => {
        await letsIn(page, liar);
        await play(page);
        await page.waitForSelector(".alarm:not(:empty)");
        const alarm = (await page.textContent(".alarm")) ?? "";
        assert(alarm.includes(liar), `the alarm does not name ${liar}: ${alarm}`);
        const [told, before] = [lies(), await verified(page)];
        await moves(page, 6);
        await decodesCleanly(page);
        assert(lies() === told, "the liar was asked again");
        assert((await verified(page)) > FROM && (await verified(page)) >= before, "nothing more was verified");
        return `${told} altered answers dropped, ${await verified(page)} segments verified`;
      }),
    );
}

/** Whom a link names is shown before anything is asked of it that matters. */
async function letsIn(page: Page, origin: string): Promise<void> {
  await page.waitForSelector(`.meeting strong:text("${new URL(origin).host}")`);
  assert((await page.locator("video").count()) === 0, "a stranger is asked for the film before it is let in");
  await page.click(".let-in");
}

export const caught = turnsFrom(flip);
export const truncated = turnsFrom(cut);

/** When every gateway lies, an error is shown and nothing altered is decoded. */
export const hopeless: Check = (browser, { gateway, id }) =>
  withLiar(gateway, flip, (liar, lies) =>
    withPage(browser, `${liar}/watch/${id}`, {}, async (page) => {
      await page.waitForSelector(".problem-page");
      const words = (await page.textContent(".problem-page")) ?? "";
      assert(words.includes("Every gateway altered the bytes"), `the page says: ${words}`);
      assert((await page.$("video")) === null, "there still is a player");
      return `gave up after ${lies()} altered answers`;
    }),
  );
