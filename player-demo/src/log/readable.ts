/** Entries of the log in words. */

import { bytes as lengthOf, count, hex } from "../page/format";
import { h } from "../page/element";
import { short } from "../network/words";
import type { Agreement } from "../pay/agreement";
import { money } from "../pay/amount";
import type { Terms } from "../pay/ledger";
import { priceInWords } from "../pay/price";
import { percent, usageInWords } from "../pay/words";
import { CborError, decodeCanonical, equal } from "../trust/cbor";
import { RecordError } from "../trust/record";
import { decodeEntry, type LogEntry, onlyField } from "./entry";

const ATTESTED = { credential: "a credential", file: "a file", trail: "an audit trail" };
const ENTRY_LEN_MAX = 65_535;

/** An entry for people. */
export interface Readable {
  /** What it is, in one or two words. */
  readonly kind: string;
  readonly words: (Node | string)[];
}

/** What an entry says; of one that this page does not know, only its kind. `terms` are the ledger's. */
export async function readable(bytes: Uint8Array, { signedFor, unit }: Pick<Terms, "signedFor" | "unit">): Promise<Readable> {
  try {
    const entry = await decodeEntry(bytes);
    const isForeign = entry.kind === "agreement" && entry.agreed.network && !equal(entry.agreed.network, signedFor);
    if (isForeign) throw new CborError("its consents are for another ledger");
    const network = networkOf(entry);
    if (network && !equal(network, signedFor)) throw new CborError("it is for another ledger");
    return inWords(entry, unit);
  } catch (error) {
    if (!(error instanceof CborError || error instanceof RecordError)) throw error;
    return unknown(bytes, error);
  }
}

/** For which network a record is that stands in the log as it was signed. */
function networkOf(entry: LogEntry): Uint8Array | undefined {
  switch (entry.kind) {
    case "attestation":
      return entry.attestation.network;
    case "hold":
      return entry.hold.network;
    case "resolution":
      return entry.resolution.network;
    default:
      return undefined;
  }
}

function unknown(bytes: Uint8Array, error: Error): Readable {
  try {
    const [kind] = onlyField(decodeCanonical(bytes, ENTRY_LEN_MAX));
    return { kind: kind.replaceAll("_", " "), words: [`not read by this page: ${error.message}`] };
  } catch {
    return { kind: "unreadable", words: [error.message] };
  }
}

function inWords(entry: LogEntry, unit: string): Readable {
  const sum = (micro: bigint) => h("b", {}, money(micro, unit));
  switch (entry.kind) {
    case "agreement":
      return { kind: "agreement", words: agreementInWords(entry.agreed.agreement) };
    case "attestation": {
      const { by, commitment, what } = entry.attestation;
      const words = [key(by), ` attests to ${ATTESTED[what]} that is not shown here; the commitment is `, key(commitment), "."];
      return { kind: "attestation", words };
    }
    case "dispute": {
      const { amount, by, name, party } = entry.disputed;
      return { kind: "dispute", words: [key(by), " disputes ", sum(amount), " of what ", key(party), " has; the dispute is called ", key(name), "."] };
    }
    case "hold": {
      const { amount, dispute } = entry.hold;
      return { kind: "hold", words: ["The ledger holds back ", sum(amount), " for the dispute ", key(dispute), "."] };
    }
    case "resolution": {
      const { given, hold } = entry.resolution;
      return { kind: "resolution", words: ["The hold ", key(hold), " has ended: ", sum(given), " of it goes to whoever has disputed, the rest back."] };
    }
    case "line": {
      const { agreement, alias, attested, budget, gateway, paid, plays, usage } = entry.line;
      const payer = budget?.pool ? [" out of the pool ", key(budget.pool.name)] : budget ? [" out of a subscription"] : [];
      const who = attested ? ", acknowledged by a page that this gateway itself had served" : "";
      const words = ["A viewer, called ", key(alias), " here alone, paid ", sum(paid), ...payer, ` for ${count(Number(plays), "play")} (${usageInWords(usage)}) under `, key(agreement), " at gateway ", key(gateway), `${who}.`];
      return { kind: "line", words };
    }
    case "gateway": {
      const { acknowledged, claimed, disputed, gateway, kept, pool } = entry.gateway;
      const dispute = disputed > 0n ? `; ${lengthOf(Number(disputed))} are disputed` : "";
      const carried = `: viewers acknowledge ${lengthOf(Number(acknowledged))}, its vouchers say ${lengthOf(Number(claimed))}${dispute}. Of `;
      return { kind: "gateway", words: ["Gateway ", key(gateway), carried, sum(pool), " for nodes it keeps ", sum(kept), " for what it had itself."] };
    }
    case "carrier": {
      const { counted, gateway, node, owed, promised, shared } = entry.carrier;
      const words = ["Node ", key(node), ` carried ${lengthOf(Number(counted))} for gateway `, key(gateway), ": was promised ", sum(promised), ", has ", sum(shared), " of the viewers' money"];
      return { kind: "node", words: owed > 0n ? [...words, " and ", sum(owed), " of the gateway's own."] : [...words, "."] };
    }
    case "keeper": {
      const { byteHours, forfeited, held, lost, node, paid, prepayment } = entry.keeper;
      const words = ["Node ", key(node), ` kept ${lengthOf(Number(byteHours))} for an hour under prepayment `, key(prepayment), ": has ", sum(paid), ", ", sum(held), " is held back"];
      return { kind: "storage", words: lost > 0n ? [...words, ", and ", sum(forfeited), ` is lost with ${count(Number(lost), "shard")}.`] : [...words, "."] };
    }
    case "sale": {
      const { agreement, licence, paid, resale } = entry.sale;
      const words = ["Licence ", key(licence), " under ", key(agreement), resale ? " was passed on for " : " was sold for ", sum(paid)];
      return { kind: "licence", words: resale ? [...words, " by ", key(resale.by), `; ${percent(resale.share)} of it for those who made the work.`] : [...words, "."] };
    }
    case "subscription": {
      const { amount, name, paid } = entry.subscription;
      return { kind: "subscription", words: ["Subscription ", key(name), " has paid ", sum(paid), " of its ", sum(amount), " for lines that nobody but its holder knows to be its."] };
    }
    case "page":
      return { kind: "page", words: [`The page is `, h("b", {}, entry.page.name), ": the list of its files has the SHA-256 ", key(entry.page.hash), "."] };
    case "payout": {
      const { address, cumulative, party } = entry.payout;
      return { kind: "payout", words: ["A contract owes ", key(party), " ", sum(cumulative), " all in all, at ", h("code", {}, `0x${hex(address)}`), "."] };
    }
    case "settlement": {
      const { epoch, items, totals } = entry.summary;
      const disputes = items.disputes.count > 0n ? ` ${count(Number(items.disputes.count), "dispute")}.` : "";
      const words = [`Epoch ${epoch} is settled: viewers paid `, sum(totals.charged), " – ", sum(totals.parties), " to parties, ", sum(totals.gateways), " to gateways, ", sum(totals.nodes), " to nodes, ", sum(totals.network), ` to the network – for ${count(Number(items.lines.count), "line")} and ${count(Number(items.receipts.count), "receipt")}.${disputes}`];
      return { kind: "settlement", words };
    }
  }
}

function agreementInWords({ content, fees, parents, parties, price, unit, version }: Agreement): (Node | string)[] {
  const shares = parties.flatMap(({ party, ppm, role }, at) => [at > 0 ? ", " : "", `${role} `, key(party), ` ${percent(ppm)}`]);
  const of = parents.length > 0 ? `; made from ${count(parents.length, "other work")}` : "";
  const taken = `gateway ${percent(fees.gateway)}, nodes ${percent(fees.node)}, network ${percent(fees.network)}; the rest: `;
  return [`Version ${version} for `, h("a", { href: `/watch/${content.text}` }, short(content.text)), ` at ${priceInWords(price, unit)}: ${taken}`, ...shares, `${of}.`];
}

/** Enough of a key or an id to tell it from others; the whole of it where one points at it. */
function key(bytes: Uint8Array): Node {
  return h("code", { title: hex(bytes) }, short(hex(bytes)));
}
