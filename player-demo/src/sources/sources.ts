/** Where the bytes of a segment came from, as its gateway tells (spec section 19). Nothing proves it. */

export const HOWS = ["direct", "hedged", "rebuilt", "unknown"] as const;
export type How = (typeof HOWS)[number];

export interface Cell {
  readonly column: number;
  /** The node's id, where one node gave it. */
  readonly node: string | undefined;
  readonly how: How;
}

export interface Sources {
  readonly data: number;
  readonly parity: number;
  /** Every node that took part, as hex. */
  readonly nodes: readonly string[];
  readonly cells: readonly Cell[];
}

/** A column has at most this number, and a segment of 2^27 bytes has fewer cells than that. */
const COLUMNS_MAX = 255;
const CELLS_MAX = 20_000;

/** Reads an answer of `/api/sources`; undefined when it is not one. */
export function readSources(answer: unknown): Sources | undefined {
  const { data, parity, nodes, cells } = Object(answer) as Record<string, unknown>;
  const columns = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= COLUMNS_MAX;
  if (!columns(data) || !columns(parity) || data < 1 || !Array.isArray(nodes) || !Array.isArray(cells))
    return undefined;
  if (nodes.length > COLUMNS_MAX || cells.length > CELLS_MAX || !nodes.every((node) => typeof node === "string"))
    return undefined;
  const read = cells.map((cell) => readCell(cell, data, nodes));
  return read.includes(undefined) ? undefined : { data, parity, nodes, cells: read as Cell[] };
}

function readCell(cell: unknown, data: number, nodes: string[]): Cell | undefined {
  const [, column, node, how] = Array.isArray(cell) ? (cell as unknown[]) : [];
  if (!Number.isInteger(column) || (column as number) < 0 || (column as number) >= data) return undefined;
  if (!HOWS.includes(how as How)) return undefined;
  return { column: column as number, node: typeof node === "number" ? nodes[node] : undefined, how: how as How };
}

/** Asks a gateway; undefined when it does not tell. */
export async function fetchSources(origin: string, id: string, track: string, n: number): Promise<Sources | undefined> {
  try {
    const response = await fetch(`${origin}/api/sources/${id}/${track}/${n}`, { credentials: "omit" });
    if (response.ok) return readSources(await response.json());
    await response.body?.cancel(); // otherwise the connection stays in use
    return undefined;
  } catch {
    return undefined;
  }
}

/** How many cells came in which way. */
export function tally(sources: Sources): Record<How, number> {
  const counts = { direct: 0, hedged: 0, rebuilt: 0, unknown: 0 };
  for (const cell of sources.cells) counts[cell.how] += 1;
  return counts;
}
