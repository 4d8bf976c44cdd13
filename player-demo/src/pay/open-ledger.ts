/** The ledger of a page that shows no title: that of the gateway, or the one that `?ledger=URL` names and the reader has let in. */

import { fromHex } from "../page/format";
import { originOf } from "../page/home";
import { knownAs } from "../page/known";
import { fetchGatewayLedger, LedgerClient } from "./ledger";

export async function openLedger(): Promise<LedgerClient> {
  const named = new URL(location.href).searchParams.get("ledger") ?? "";
  const origin = originOf(named);
  const ledger = await fetchGatewayLedger();
  if (origin !== undefined) {
    const known = knownAs("ledger", origin, localStorage);
    if (known?.key === undefined) throw new Error(`the ledger at ${origin} has not been let in`);
    // Another ledger is asked for this network alone, where the gateway has one.
    return LedgerClient.open(named, ledger?.network, fromHex(known.key));
  }
  if (!ledger) throw new Error("this gateway has no ledger; another one can be named with ?ledger=URL");
  return LedgerClient.open(ledger.url, ledger.network, ledger.issuer);
}
