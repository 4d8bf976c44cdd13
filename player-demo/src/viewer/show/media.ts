/** Films and sound, played once they are here whole: the browser then seeks by itself. */

import { h } from "../../page/element";
import { bytes } from "../../page/format";
import { type FileInShare, wholeOf } from "../files";
import { mediaType } from "../kinds";
import { clearPrivate, MEMORY_LEN_MAX } from "../sinks";

export async function media(file: FileInShare, kind: "video" | "audio"): Promise<Node> {
  const { facts, client } = file;
  const target = (await clearPrivate()) ? "private" : "memory";
  if (target === "memory" && facts.len > MEMORY_LEN_MAX) throw new Error(`It has ${bytes(facts.len)}; up to ${bytes(MEMORY_LEN_MAX)} are played here. It can be saved`);
  const { blob } = await client.ask({ op: "save", part: wholeOf(facts), target });
  const source = new Blob(blob ? [blob] : [], { type: mediaType(facts.name, facts.type) ?? "" });
  return h(kind, { src: URL.createObjectURL(source), controls: true, "aria-label": facts.name });
}
