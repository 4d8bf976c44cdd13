/** Hashes, opens and saves beside the page; keys never leave it. */

import { Blake3 } from "../blake3/kernel";
import { Refused, ShareGateway, Unreachable } from "../sealed/gateway";
import { parseLink } from "../sealed/link";
import { NotBelieved } from "../sealed/object";
import type { SharedFile } from "../sealed/contents";
import { decodeFolder, FOLDER_TYPE, LIST_LEN_MAX } from "../sealed/folder";
import { Share } from "../sealed/share";
import { end } from "../sealed/sharing";
import { ready } from "../sealed/sodium";
import type { Answers, Failure, FileFacts, FromWorker, Part, Question, Saved, ShareFacts, Target, ToWorker } from "./messages";
import { shareFiles } from "./share-files";
import { openSink } from "./sinks";

/** How much a save goes on before the page hears of it. */
const PROGRESS_LEN = 4 * 2 ** 20;

let share: Share | undefined;
const running = new Map<number, AbortController>();

self.addEventListener("message", async ({ data }: MessageEvent<ToWorker>) => {
  if ("cancel" in data) return running.get(data.cancel)?.abort();
  const { id, question } = data;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const done = await answer(question, controller.signal, (progress) => tell({ id, progress }));
    tell({ id, done }, isRead(done) ? [done.bytes.buffer] : []);
  } catch (error) {
    tell({ id, failure: failureOf(error, controller.signal) });
  } finally {
    running.delete(id);
  }
});

function tell(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}

function isRead(done: unknown): done is Answers["read"] {
  return Object(done).bytes instanceof Uint8Array;
}

async function answer(question: Question, signal: AbortSignal, progress: (bytes: number) => void): Promise<unknown> {
  if (question.op === "open") return open(question.link, question.passcode, question.who);
  if (question.op === "share") return shareFiles(question, progress);
  if (question.op === "end") return end(new ShareGateway(question.share.gateway), question.share);
  if (!share) throw new Error("no share is open");
  if (question.op === "read") return read(share, question.part, signal);
  return save(share, question.part, question.target, signal, progress);
}

async function open(text: string, passcode: string, who: string): Promise<ShareFacts> {
  await ready;
  share = await Share.open(await Blake3.load(), parseLink(text), passcode, who);
  const { files, issued, label } = share.contents;
  const facts = await Promise.all(files.map((_, object) => filesIn(share as Share, object)));
  return { issued, label, files: facts.flat() };
}

/** The file that an object is, or those that are in it when it is a folder. */
async function filesIn(share: Share, object: number): Promise<FileFacts[]> {
  const { name, type, len } = share.contents.files[object] as SharedFile;
  if (type !== FOLDER_TYPE) return [{ name, type, len, object, from: 0 }];
  const { signal } = new AbortController();
  const head = (await read(share, { object, from: 0, to: 4 }, signal)).bytes;
  const length = new DataView(head.buffer).getUint32(0, true);
  if (length > Math.min(LIST_LEN_MAX, len - 4)) throw new NotBelieved(`a list of ${length} bytes in a folder of ${len}`);
  const list = await read(share, { object, from: 4, to: 4 + length }, signal);
  return decodeFolder(list.bytes, len).map((file) => ({ ...file, object }));
}

async function read(share: Share, { object, from, to }: Part, signal: AbortSignal): Promise<Answers["read"]> {
  const bytes = new Uint8Array(to - from);
  let [at, rebuilt] = [0, 0];
  for await (const piece of share.read(object, from, to, signal)) {
    bytes.set(piece.bytes, at);
    at += piece.bytes.length;
    rebuilt += piece.rebuilt;
  }
  return { bytes, rebuilt };
}

/** Writes a whole file batch by batch; what was written goes away when the rest does not come. */
async function save(share: Share, { object, from, to }: Part, target: Target, signal: AbortSignal, progress: (bytes: number) => void): Promise<Saved> {
  await share.check(object);
  const sink = await openSink(target);
  let [written, told, rebuilt] = [0, 0, 0];
  try {
    for await (const piece of share.read(object, from, to, signal)) {
      await sink.write(piece.bytes);
      written += piece.bytes.length;
      rebuilt += piece.rebuilt;
      if (written - told >= PROGRESS_LEN) progress((told = written));
    }
    return { blob: await sink.finish(), rebuilt };
  } catch (error) {
    await sink.discard();
    throw error;
  }
}

function failureOf(error: unknown, signal: AbortSignal): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const failure = { code: "", message, remaining: undefined };
  if (signal.aborted) return { ...failure, reason: "cancelled" };
  if (error instanceof NotBelieved) return { ...failure, reason: "not_believed" };
  if (error instanceof Refused) return { ...failure, reason: "refused", code: error.code, remaining: error.remaining };
  if (error instanceof Unreachable) return { ...failure, reason: "unreachable" };
  return { ...failure, reason: "failed" };
}
