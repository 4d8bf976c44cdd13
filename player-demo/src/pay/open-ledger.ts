/** The ledger of a page that shows no title: that of the gateway, or the one that `?ledger=URL` names. */

import { fetchGatewayLedger, LedgerClient } from "./ledger";

export async function openLedger(): Promise<LedgerClient> {
  const named = new URL(location.href).searchParams.get("ledger");
  const ledger = await fetchGatewayLedger();
  // Another ledger is asked for this network alone, where the gateway has one.
  if (named && /^https?:/.test(named) && URL.canParse(named)) return LedgerClient.open(named, ledger?.network);
  if (!ledger) throw new Error("this gateway has no ledger; another one can be named with ?ledger=URL");
  return LedgerClient.open(ledger.url, ledger.network, ledger.issuer);
}
