/** Many files in one object: a list, and behind it their contents without gaps (spec section 27). */

import { CborError, decodeCanonical, Fields } from "../trust/cbor";

export const FOLDER_TYPE = "application/vnd.headwater.folder";
export const LIST_LEN_MAX = 4 * 2 ** 20;
const FILES_MAX = 16_384;
const PATH_LEN_MAX = 1024;
const NAME_LEN_MAX = 255;

export interface FileInFolder {
  readonly name: string;
  readonly type: string | undefined;
  /** Its place in the object. */
  readonly from: number;
  readonly len: number;
}

/** The files of the folder that is an object of `len` bytes. */
export function decodeFolder(list: Uint8Array, len: number): FileInFolder[] {
  const fields = Fields.of(decodeCanonical(list, LIST_LEN_MAX), "folder", ["files", "v"]);
  fields.integer("v", 1, 1);
  const files: FileInFolder[] = [];
  let from = 4 + list.length;
  for (const value of fields.list("files", FILES_MAX)) {
    const file = Fields.of(value, `folder.files[${files.length}]`, ["len", "name"], ["type"]);
    const entry = { name: path(file), type: file.optional("type", (key) => file.mediaType(key)), from, len: file.integer("len", 0, Number.MAX_SAFE_INTEGER) };
    files.push(entry);
    from += entry.len;
  }
  if (files.length === 0 || from !== len) throw new CborError(`the folder's files end at ${from} of ${len} bytes`);
  checkOrder(files.map(({ name }) => name));
  return files;
}

function path(file: Fields): string {
  const name = file.text("name", PATH_LEN_MAX);
  const isWrong = (part: string) => part === "" || part === "." || part === ".." || new TextEncoder().encode(part).length > NAME_LEN_MAX;
  if (name.split("/").some(isWrong)) throw new CborError(`${file.where}.name is no path`);
  return name;
}

/** Each name once, in the order of their bytes, and none of them a folder of another. */
function checkOrder(names: string[]): void {
  const known = new Set(names);
  names.forEach((name, at) => {
    const parts = name.split("/");
    const isInFile = parts.slice(1).some((_, end) => known.has(parts.slice(0, end + 1).join("/")));
    if (isInFile || (at > 0 && !isBefore(names[at - 1] as string, name))) throw new CborError(`the folder's file ${name} is out of place`);
  });
}

function isBefore(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array];
  const at = left.findIndex((byte, place) => byte !== right[place]);
  return at < 0 ? left.length < right.length : (left[at] as number) < (right[at] ?? -1);
}
