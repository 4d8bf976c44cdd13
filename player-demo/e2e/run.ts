/**
 * Drives a real browser against a real gateway:
 *
 *     npm run e2e -- --gateway URL --watch ID [--control URL --token TOKEN] [--upload TOKEN --film FILE]
 *                    [--ledger URL --code CODE --account FILE --out FILE --program FILE]
 *                    [--operator TOKEN] [--live ID] [--shots DIR] [--only NAME,…] [--seed N]
 *
 * Every check prints one line; the exit code says whether all of them held. With the control address of a
 * devnet, nodes are stopped while the film plays.
 */

import { parseArgs } from "node:util";

import { accessible } from "./accessible";
import { credentials } from "./credentials";
import { agrees } from "./agrees";
import { documented } from "./documented";
import { launch } from "./browser";
import { keyboard } from "./keyboard";
import { buys, settled } from "./market";
import { ledger } from "./ledger";
import { live } from "./live";
import { livePaid } from "./live-paid";
import { caught, hopeless, truncated } from "./liar";
import { nodesDown } from "./nodes";
import { operators } from "./operators";
import { pays } from "./pays";
import { firstFrame, toTheEnd } from "./plays";
import { publishes } from "./publishes";
import { resumes } from "./resumes";
import { seeks } from "./seeks";
import { framed } from "./framed";
import { spends } from "./spends";
import { shots } from "./shots";
import type { Check, Target } from "./target";

const CHECKS: Record<string, Check> = {
  firstFrame,
  toTheEnd,
  seeks,
  resumes,
  keyboard,
  caught,
  truncated,
  hopeless,
  accessible,
  credentials,
  documented,
  nodesDown,
  operators,
  ledger,
  pays,
  spends,
  framed,
  agrees,
  buys,
  settled,
  publishes,
  live,
  livePaid,
  shots,
};

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: {
    gateway: { type: "string" },
    watch: { type: "string" },
    live: { type: "string" },
    control: { type: "string" },
    token: { type: "string" },
    shots: { type: "string" },
    upload: { type: "string" },
    operator: { type: "string" },
    film: { type: "string" },
    ledger: { type: "string" },
    code: { type: "string" },
    out: { type: "string" },
    account: { type: "string" },
    program: { type: "string" },
    only: { type: "string" },
    seed: { type: "string" },
  },
});
if (!values.gateway || !values.watch) {
  console.error(
    "usage: npm run e2e -- --gateway URL --watch ID [--control URL --token TOKEN] [--upload TOKEN --film FILE]",
  );
  console.error("                      [--ledger URL --code CODE --account FILE --out FILE --program FILE]");
  console.error("                      [--operator TOKEN] [--live ID] [--shots DIR] [--only NAME,…] [--seed N]");
  process.exit(2);
}

const target: Target = {
  gateway: values.gateway.replace(/\/$/, ""),
  id: values.watch,
  live: values.live,
  control: values.control && values.token ? { url: values.control, token: values.token } : undefined,
  shots: values.shots,
  upload: values.upload,
  operator: values.operator,
  film: values.film,
  ledger: values.ledger?.replace(/\/$/, ""),
  code: values.code,
  out: values.out,
  account: values.account,
  program: values.program,
  seed: Number(values.seed ?? Date.now() % 1_000_000),
};
const only = values.only?.split(",");
console.log(`seed ${target.seed}`);

const browser = await launch();
let failed = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  if (only && !only.includes(name)) continue;
  const began = performance.now();
  try {
    const words = await check(browser, target);
    console.log(`ok    ${name}: ${words} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${(error as Error).message}`);
  }
}
await browser.close();
process.exit(failed === 0 ? 0 : 1);
