/** Where saved files are written, batch by batch, so that none of them is ever whole in memory. */

import type { Target } from "./messages";

/** The most that is saved where the browser has no files of its own for the page: it then keeps the parts itself. */
export const MEMORY_LEN_MAX = 2 * 2 ** 30;
const PART_LEN = 8 * 2 ** 20;

export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  /** What is to be handed to the reader, without a type; undefined where it is in their file. */
  finish(): Promise<Blob | undefined>;
  /** Nothing of what was written is left. */
  discard(): Promise<void>;
}

export function openSink(target: Target): Promise<Sink> {
  if (target === "memory") return Promise.resolve(new MemorySink());
  return target.kind === "own" ? PrivateSink.open(target.handle) : PickedSink.open(target.handle);
}

/** A file that the reader has picked. */
class PickedSink implements Sink {
  private constructor(private readonly stream: FileSystemWritableFileStream) {}

  static async open(handle: FileSystemFileHandle): Promise<Sink> {
    return new PickedSink(await handle.createWritable());
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.stream.write(bytes as Uint8Array<ArrayBuffer>);
  }

  async finish(): Promise<undefined> {
    await this.stream.close();
  }

  discard(): Promise<void> {
    return this.stream.abort();
  }
}

/** A file in the page's own part of the disk. */
class PrivateSink implements Sink {
  private at = 0;

  private constructor(
    private readonly handle: FileSystemFileHandle,
    private readonly file: FileSystemSyncAccessHandle,
  ) {}

  static async open(handle: FileSystemFileHandle): Promise<Sink> {
    const file = await handle.createSyncAccessHandle();
    file.truncate(0);
    return new PrivateSink(handle, file);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const written = this.file.write(bytes as Uint8Array<ArrayBuffer>, { at: this.at });
    if (written !== bytes.length) throw new Error("the browser has no room left for the file");
    this.at += written;
  }

  finish(): Promise<Blob> {
    this.file.close();
    return this.handle.getFile();
  }

  /** The page removes it. */
  async discard(): Promise<void> {
    this.file.truncate(0);
    this.file.close();
  }
}

/** Parts that the browser keeps outside the page, on disk when they become many. */
class MemorySink implements Sink {
  private readonly parts: Blob[] = [];
  private waiting: Uint8Array<ArrayBuffer>[] = [];
  private waitingLen = 0;
  private len = 0;

  async write(bytes: Uint8Array): Promise<void> {
    this.len += bytes.length;
    if (this.len > MEMORY_LEN_MAX) throw new Error("the file is larger than this browser can hand over here");
    this.waiting.push(bytes as Uint8Array<ArrayBuffer>);
    this.waitingLen += bytes.length;
    if (this.waitingLen >= PART_LEN) this.pack();
  }

  async finish(): Promise<Blob> {
    this.pack();
    return new Blob(this.parts);
  }

  async discard(): Promise<void> {
    this.parts.length = 0;
  }

  private pack(): void {
    this.parts.push(new Blob(this.waiting));
    [this.waiting, this.waitingLen] = [[], 0];
  }
}
