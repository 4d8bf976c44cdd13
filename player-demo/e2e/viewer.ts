/**
 * Drives the viewer in a real browser against a gateway that is made up, so that it can lie:
 *
 *     npm run e2e:viewer -- [--gateway URL --token TOKEN [--owner FILE]] [--only NAME,…] [--shots DIR]
 *
 * With a gateway that is real, and its token for uploads, a share is made, read and ended there too; the owner's file of one is left in FILE.
 */

import { parseArgs } from "node:util";

import { launch } from "./browser";
import { VIEWER_CHECKS } from "./viewer-checks";
import { real } from "./viewer-shares";
import { ViewerBench } from "./viewer-bench";

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: { gateway: { type: "string" }, token: { type: "string" }, owner: { type: "string" }, only: { type: "string" }, shots: { type: "string" } },
});
const only = values.only?.split(",");
const bench = await ViewerBench.open(await launch(), values.shots);
let failed = 0;
const checks = { ...VIEWER_CHECKS };
const { gateway, owner, token } = values;
if (gateway && token) checks.real = (bench) => real(bench, gateway.replace(/\/$/, ""), token, owner);
for (const [name, check] of Object.entries(checks)) {
  if (only && !only.includes(name)) continue;
  const began = performance.now();
  try {
    const words = await check(bench);
    console.log(`ok    viewer ${name}: ${words} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  viewer ${name}: ${(error as Error).message}`);
  }
}
await bench.close();
process.exit(failed === 0 ? 0 : 1);
