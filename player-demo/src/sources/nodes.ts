/** The storage nodes that the page has heard of; each keeps its place and colour. */

/** Colours before they begin again. */
export const COLOURS = 12;

export interface Node {
  /** The node's key as hex. */
  readonly id: string;
  /** Its place among those heard of. */
  readonly index: number;
  /** Cells that it has given so far. */
  cells: number;
  /** Whether it runs, where a devnet says so. */
  running: boolean | undefined;
}

export class NodeBook extends EventTarget {
  private readonly nodes = new Map<string, Node>();

  /** All nodes, in their places. */
  all(): Node[] {
    return [...this.nodes.values()];
  }

  /** The node with this id, which gets a place if it is new. */
  node(id: string): Node {
    const known = this.nodes.get(id);
    if (known) return known;
    const node: Node = { id, index: this.nodes.size, cells: 0, running: undefined };
    this.nodes.set(id, node);
    return node;
  }

  changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

/** `n3`. */
export function nodeName(node: Node): string {
  return `n${node.index + 1}`;
}
