/**
 * Files of the page's own on disk, for what is on its way to the reader or to a gateway.
 *
 * A file has a lock of its name for as long as its tab wants it, and goes when the page is left; a browser gives a lock up with the tab.
 * So whoever finds a file without one may remove it, and no other.
 */

const FOLDER = "headwater-saving";

/** A file, with the lock that keeps it. */
export interface PrivateFile {
  readonly handle: FileSystemFileHandle;
  /** Removes it, and gives the lock up. */
  remove(): Promise<void>;
}

/** Files that this tab wants. */
const wanted = new Set<PrivateFile>();

/** A new file, empty. */
export async function createPrivate(): Promise<PrivateFile> {
  const folder = await privateFolder();
  const name = crypto.randomUUID();
  const release = await hold(name);
  const handle = await folder.getFileHandle(name, { create: true });
  const file: PrivateFile = {
    handle,
    remove: async () => {
      wanted.delete(file);
      await removeFrom(folder, name);
      release();
    },
  };
  wanted.add(file);
  return file;
}

/** Removes all files of this tab. A browser does it although the page goes away meanwhile. */
export function removeAll(): void {
  for (const file of wanted) void file.remove();
}

/** Whether this page has files of its own. What no tab wants any more goes away, whoever has left it. */
export async function clearPrivate(): Promise<boolean> {
  try {
    const folder = await privateFolder();
    const names: string[] = [];
    for await (const name of folder.keys()) names.push(name);
    for (const name of names) await navigator.locks.request(lockOf(name), { ifAvailable: true }, (lock) => (lock ? removeFrom(folder, name) : undefined));
    return true;
  } catch {
    return false;
  }
}

async function privateFolder(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
}

/** It may be gone already; one that is still written goes with the next visit. */
async function removeFrom(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  await folder.removeEntry(name).catch(() => undefined);
}

/** Takes the lock of a file; resolves to what gives it up. */
function hold(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const work = () => new Promise<void>((release) => resolve(release));
    navigator.locks.request(lockOf(name), work).catch(reject);
  });
}

function lockOf(name: string): string {
  return `${FOLDER}/${name}`;
}
