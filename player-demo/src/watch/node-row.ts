/** The nodes as a row above the picture; on a devnet each of them is a switch. */

import { h } from "../page/element";
import { bytes } from "../page/format";
import type { Session } from "../page/session";
import { Control, type NodeState } from "../sources/control";
import { type Node, type NodeBook, nodeName } from "../sources/nodes";
import { colourClass } from "../sources/picture";

const CELL_LEN = 16_384;
const ASK_EVERY_MS = 3_000;

/** The row, which draws itself anew when the book changes. */
export function buildNodeRow(book: NodeBook, session: Session): HTMLElement {
  const list = h("ul", { class: "nodes", "aria-label": "Storage nodes" });
  const problem = h("p", { class: "problem", role: "status" });
  const control = session.control && new Control(session.control);
  const items = new Map<string, Item>();
  const draw = () => {
    for (const node of book.all()) {
      const item = items.get(node.id) ?? newItem(node);
      item.draw();
    }
    list.classList.toggle("crowded", items.size > 12);
  };
  const newItem = (node: Node) => {
    const item = new Item(node, control && ((running) => change(node, running)));
    items.set(node.id, item);
    list.append(item.element);
    return item;
  };
  const tell = async (work: () => Promise<NodeState[]>) => {
    try {
      for (const { id, running } of await work()) book.node(id).running = running;
      problem.textContent = "";
    } catch (error) {
      problem.textContent = `The devnet's control address: ${(error as Error).message}`;
    }
    book.changed();
  };
  const change = (node: Node, running: boolean) => tell(async () => [await (control as Control).set(node.id, running)]);
  book.addEventListener("change", draw);
  if (control) {
    void tell(() => control.nodes());
    setInterval(() => void tell(() => control.nodes()), ASK_EVERY_MS);
  }
  return h(
    "div",
    { class: "node-row" },
    list,
    control && h("p", { class: "hint" }, "Press a node to stop it, and again to start it."),
    problem,
  );
}

class Item {
  readonly element: HTMLElement;
  private readonly dot: HTMLElement;
  private readonly given = h("span", { class: "given" });

  constructor(
    private readonly node: Node,
    change: ((running: boolean) => Promise<void>) | undefined,
  ) {
    const name = nodeName(node);
    this.dot = change
      ? h("button", {
          type: "button",
          role: "switch",
          class: `dot ${colourClass(node)}`,
          "aria-label": `Node ${name}`,
          title: node.id,
        })
      : h("span", { class: `dot ${colourClass(node)}`, title: node.id });
    this.element = h("li", {}, this.dot, h("span", { class: "name" }, name), this.given);
    this.dot.addEventListener("click", () => change && void this.press(change));
    this.draw();
  }

  draw(): void {
    const { running, cells } = this.node;
    this.element.classList.toggle("stopped", running === false);
    if (running !== undefined && this.dot.tagName === "BUTTON") this.dot.setAttribute("aria-checked", String(running));
    this.given.textContent = running === false ? "off" : bytes(cells * CELL_LEN);
  }

  private async press(change: (running: boolean) => Promise<void>): Promise<void> {
    this.dot.setAttribute("aria-busy", "true");
    await change(this.node.running === false);
    this.dot.removeAttribute("aria-busy");
  }
}
