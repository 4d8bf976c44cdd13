/** Seals files in the worker, hands them over, and registers a share of them. */

import { Blake3 } from "../blake3/kernel";
import { Refused, ShareGateway } from "../sealed/gateway";
import { Sealing } from "../sealed/sealing";
import { fetchTerms, type OwnShare, register, type Stored, upload } from "../sealed/sharing";
import { ready } from "../sealed/sodium";
import { mediaType } from "./kinds";
import type { Question } from "./messages";
import { openSink } from "./sinks";

type Order = Extract<Question, { op: "share" }>;

export async function shareFiles({ gateway: origin, token, files, wishes, place }: Order, progress: (bytes: number) => void): Promise<OwnShare> {
  await ready;
  const blake3 = await Blake3.load();
  const gateway = new ShareGateway(origin);
  const terms = await fetchTerms(gateway);
  // Before anything is sealed, which takes long.
  if (terms.needsToken && token === "") throw new Refused("bad_token", "no upload token was given", undefined);
  // Nodes keep it as long as the link is good, and where it has no end as long as they may.
  const keptUntil = Math.min(wishes.expires ?? terms.expiresMax, terms.expiresMax);
  const stored: Stored[] = [];
  let sealed = 0;
  for (const file of files) {
    if (file.size > terms.lenMax) throw new Error(`${file.name} is larger than this gateway takes`);
    const sealing = new Sealing(blake3, file, terms);
    const sink = await openSink(place);
    await sink.write(await sealing.head(keptUntil));
    for await (const cells of sealing.cells()) {
      await sink.write(cells);
      progress((sealed += cells.length));
    }
    const body = (await sink.finish()) as Blob;
    const object = sealing.check(await upload(gateway, body, token));
    const type = mediaType(file.name, file.type || undefined);
    stored.push({ controlSeed: sealing.controlSeed, file: { key: sealing.key, len: file.size, name: file.name.normalize("NFC"), object, type } });
  }
  return register(gateway, stored, { network: terms.network, token }, wishes);
}
