/** Films and sound: played by parts where that can be done, else once they are here whole. */

import { h } from "../../page/element";
import { bytes } from "../../page/format";
import { type FileInShare, wholeOf } from "../files";
import { mediaType } from "../kinds";
import { MEMORY_LEN_MAX } from "../sinks";
import { openWaystation } from "../waystation";
import { film } from "./film/film";

const MP4 = /^(video|audio)\/mp4$/;

export async function media(file: FileInShare, kind: "video" | "audio"): Promise<Node> {
  const { facts } = file;
  const type = mediaType(facts.name, facts.type) ?? "";
  return (MP4.test(type) && (await film(file, kind))) || whole(file, kind, type);
}

/** The browser seeks by itself in what is on disk; that goes when the page is left. */
async function whole({ client, facts }: FileInShare, kind: "video" | "audio", type: string): Promise<Node> {
  const { target, remove } = await openWaystation();
  if (target === "memory" && facts.len > MEMORY_LEN_MAX) throw new Error(`It has ${bytes(facts.len)}; up to ${bytes(MEMORY_LEN_MAX)} are played here. It can be saved`);
  try {
    const { blob } = await client.ask({ op: "save", part: wholeOf(facts), target });
    return h(kind, { src: URL.createObjectURL(new Blob(blob ? [blob] : [], { type })), controls: true, "aria-label": facts.name });
  } catch (error) {
    remove();
    throw error;
  }
}
