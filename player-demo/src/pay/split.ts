/** How a charge is shared: fees, ancestors, parties (spec section 25). */

import { fromHex, hex } from "../page/format";
import { CborError } from "../trust/cbor";
import { type Agreement, compareParties, type Party, WHOLE_PPM } from "./agreement";
import { apportion, compareBytes, compareNumbers } from "./apportion";

/** Generations of works, the first one included. */
const GENERATIONS_MAX = 8;

/** Agreements by their ids: a work and all that it is made from. */
export type Works = ReadonlyMap<string, Agreement>;

/** A part of a charge for somebody who has made the work, or one of those that it is made from. */
export interface PartyShare extends Party {
  /** The id of the agreement by which the share is had. */
  readonly work: string;
  readonly amount: bigint;
}

export interface Split {
  readonly gateway: bigint;
  readonly network: bigint;
  readonly node: bigint;
  readonly parties: readonly PartyShare[];
}

/** How `paid` for the work `id` is shared. */
export function split(paid: bigint, id: string, works: Works): Split {
  const agreement = workOf(id, works);
  const { gateway, network, node } = agreement.fees;
  const fees = [gateway, network, node, WHOLE_PPM - gateway - network - node];
  const [forGateway, forNetwork, forNodes, rest] = share(paid, fees.map((ppm, at) => [at, ppm] as const), compareNumbers);
  const shares = ancestry(id, works);
  const own = WHOLE_PPM - [...shares.values()].reduce((sum, ppm) => sum + ppm, 0);
  const all = [...[...shares].map(([work, ppm]) => [fromHex(work), ppm] as const), [fromHex(id), own] as const];
  const parts = share(rest as bigint, all, compareBytes);
  const parties = all.flatMap(([work], at) => divide(workOf(hex(work), works), parts[at] as bigint));
  return { gateway: forGateway as bigint, network: forNetwork as bigint, node: forNodes as bigint, parties };
}

function divide({ id, parties }: Agreement, part: bigint): PartyShare[] {
  const parts = share(part, parties.map((party) => [party, party.ppm] as const), compareParties);
  return parties.map((party, at) => ({ ...party, work: id, amount: parts[at] as bigint }));
}

function share<K>(whole: bigint, weights: readonly (readonly [K, number])[], compare: (a: K, b: K) => number): bigint[] {
  const parts = apportion(whole, weights.map(([key, ppm]) => [key, BigInt(ppm)] as const), compare);
  if (!parts) throw new Error("an agreement shares the whole");
  return parts;
}

/** What of all that the work `id` brings its ancestors have: each keeps its share of whatever is made from it. */
export function ancestry(id: string, works: Works, generation = 1): Map<string, number> {
  if (generation > GENERATIONS_MAX) throw new CborError(`a work has more than ${GENERATIONS_MAX} generations`);
  const shares = new Map<string, number>();
  for (const { agreement, ppm } of workOf(id, works).parents) {
    const parent = hex(agreement);
    for (const [work, share] of [...ancestry(parent, works, generation + 1), [parent, ppm] as const]) {
      shares.set(work, (shares.get(work) ?? 0) + share);
    }
  }
  const sum = [...shares.values()].reduce((sum, ppm) => sum + ppm, 0);
  if (sum > WHOLE_PPM) throw new CborError("the ancestors of a work have more than the whole");
  return shares;
}

function workOf(id: string, works: Works): Agreement {
  const work = works.get(id);
  if (!work) throw new CborError(`the agreement ${id} is not there`);
  return work;
}
