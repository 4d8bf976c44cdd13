/** An open share: its contents, and the bytes of its files, although connections break and sessions end. */

import type { Blake3 } from "../blake3/kernel";
import { type Contents, unwrap } from "./contents";
import { FrameError } from "./frames";
import { Refused, ShareGateway, Unreachable } from "./gateway";
import { shareKeys, type ShareKeys } from "./keys";
import type { Link } from "./link";
import { NotBelieved, type Piece, SealedObject } from "./object";
import { stretch } from "./passcode";

/** How often in a row an answer may break off without bringing anything. */
const ATTEMPTS_MAX = 4;
const PAUSE_MS = 500;
/** Refusals that a fresh session may answer. */
const STALE = ["no_share_session", "no_handle", "not_found"];

interface OpenedFile {
  handle: string;
  readonly object: SealedObject;
}

export class Share {
  private readonly files = new Map<number, Promise<OpenedFile>>();

  private constructor(
    private readonly blake3: Blake3,
    private readonly gateway: ShareGateway,
    private readonly link: Link,
    private readonly keys: ShareKeys,
    /** Who reads, by their own word; empty where they said nothing. */
    private readonly who: string,
    private session: string,
    readonly contents: Contents,
  ) {}

  /** The share behind `link`; a wrong passcode is refused by the gateway, with what remains. */
  static async open(blake3: Blake3, link: Link, passcode: string, who: string): Promise<Share> {
    const gateway = new ShareGateway(link.gateway);
    const stretched = link.hasPasscode ? await stretch(passcode, link.id) : new Uint8Array();
    const keys = shareKeys(link.id, link.secret, stretched);
    const { wrapped, session } = await gateway.open(link, keys, who);
    const contents = unwrap(wrapped, keys.wrap, link.id);
    if (!contents) throw new NotBelieved("what the gateway keeps under this link does not open");
    return new Share(blake3, gateway, link, keys, who, session, contents);
  }

  get origin(): string {
    return this.gateway.origin;
  }

  /** Checks that the object of a file is the one that was shared. */
  async check(file: number): Promise<void> {
    await this.fresh(() => this.file(file));
  }

  /** Bytes `from` to `to` of a file, in order. */
  async *read(file: number, from: number, to: number, signal: AbortSignal): AsyncGenerator<Piece> {
    let at = from;
    for (let failures = 0; ; ) {
      try {
        const { handle, object } = await this.fresh(() => this.file(file));
        const fetchCells = (first: number, last: number) => this.gateway.cells(handle, first, last, signal);
        for await (const piece of object.read(at, to, fetchCells)) {
          at += piece.bytes.length;
          failures = 0;
          yield piece;
        }
        return;
      } catch (error) {
        if (signal.aborted) throw error;
        failures += 1;
        if (failures >= ATTEMPTS_MAX || !mayPass(error)) throw error instanceof FrameError ? new Unreachable(error.message) : error;
        this.files.delete(file);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  /** Does `work`, and once more in a new session when this one has ended. */
  private async fresh<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refused) || !STALE.includes(error.code)) throw error;
      this.session = (await this.gateway.open(this.link, this.keys, this.who)).session;
      this.files.clear();
      return work();
    }
  }

  private file(at: number): Promise<OpenedFile> {
    const known = this.files.get(at);
    if (known) return known;
    const opening = this.openFile(at);
    this.files.set(at, opening);
    opening.catch(() => this.files.delete(at));
    return opening;
  }

  private async openFile(at: number): Promise<OpenedFile> {
    const file = this.contents.files[at];
    if (!file) throw new RangeError(`the share has ${this.contents.files.length} files, not ${at + 1}`);
    const handle = await this.gateway.handle(this.session, file.object.text);
    return { handle, object: SealedObject.open(this.blake3, file, await this.gateway.manifest(handle)) };
  }
}

/** Whether asking again may help: the connection broke, or a handle is too old. */
function mayPass(error: unknown): boolean {
  if (error instanceof Refused) return STALE.includes(error.code);
  return error instanceof Unreachable || error instanceof FrameError || error instanceof TypeError;
}
