/** Files that would do harm: whatever is in them, nothing of it runs and nothing is fetched. */

import { SealedStub } from "./sealed-stub";
import { assert } from "./target";
import type { ViewerBench } from "./viewer-bench";

/** Shows that it ran by whatever way is open: the title, a message, a request. */
const SCRIPT = (trap: string) => `top.document.title='OWNED';parent.postMessage('OWNED','*');fetch('${trap}/ran');new Image().src='${trap}/ran'`;

const FILES = (trap: string): [string, string, string][] => [
  ["page.html", "text/html", `<script>${SCRIPT(trap)}</script><p onclick="${SCRIPT(trap)}" id=x>hello</p><img src=x onerror="${SCRIPT(trap)}"><img src="${trap}/pixel"><link rel=stylesheet href="${trap}/style"><iframe src="${trap}/frame"></iframe><iframe srcdoc="<script>${SCRIPT(trap)}</script>"></iframe><meta http-equiv=refresh content="0;url=${trap}/moved"><form action="${trap}/form"><button>b</button></form><a href="${trap}/link" target=_top>away</a><object data="${trap}/object"></object><video src="${trap}/video"></video>`],
  ["picture.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="${SCRIPT(trap)}"><script>${SCRIPT(trap)}</script><image href="${trap}/pixel"/><foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="${trap}/frame"/></foreignObject><rect width="9" height="9"/></svg>`],
  ["polyglot.gif", "image/gif", `GIF89a/*<script>${SCRIPT(trap)}</script>*/=1;${SCRIPT(trap)}`],
  ["polyglot.txt", "text/plain", `<html><script>${SCRIPT(trap)}</script><img src=x onerror="${SCRIPT(trap)}">`],
  ["record.json", "application/fhir+json", JSON.stringify({ resourceType: "Patient", name: [{ text: `<img src=x onerror="${SCRIPT(trap)}">` }], text: { div: `<div><script>${SCRIPT(trap)}</script></div>` }, photo: [{ url: `${trap}/pixel` }], [`<b onmouseover="${SCRIPT(trap)}">`]: "x" })],
  ["<img src=x onerror=alert(1)>.txt", "text/plain", "a name with a tag in it"],
  ["polyglot.pdf", "application/pdf", pdf(`app.alert('x');this.submitForm('${trap}/pdf')`, trap)],
];

export async function hostile(bench: ViewerBench): Promise<string> {
  // A second server stands for everything outside: whoever reaches it has broken out.
  const outside = await SealedStub.start();
  const files = FILES(outside.origin);
  const share = await bench.gateway.share(files.map(([name, type, content]) => bench.encode(name, content, type)));
  await bench.visit(share.link, async (page) => {
    const heard: string[] = [];
    await page.exposeFunction("heard", (message: string) => heard.push(message));
    await page.evaluate("addEventListener('message', (event) => heard(String(event.data)))");
    page.on("dialog", (dialog) => heard.push(dialog.message()));
    await page.waitForSelector(".files li");
    const rows = page.locator(".files > li");
    for (let at = 0; at < files.length; at++) await rows.nth(at).getByRole("button", { name: "Show" }).click();
    await page.waitForTimeout(2500);
    const [first] = files as [[string, string, string]];
    assert((await page.frameLocator("iframe").locator("#x").textContent()) === "hello", `${first[0]} is not shown`);
    await page.locator(".pages").scrollIntoViewIfNeeded();
    await page.locator(".pages li p", { hasText: "hello" }).waitFor({ state: "attached", timeout: 20_000 });
    await page.frameLocator("iframe").locator("#x").click();
    await page.frameLocator("iframe").locator("a").click();
    await page.waitForTimeout(500);
    assert(heard.length === 0, `something ran: ${heard.join(", ")}`);
    assert(!(await page.title()).includes("OWNED") && page.url() === share.link, "the page was changed or left");
    assert((await page.locator(".files img[src='x']").count()) === 0, "markup of a file became part of the page");
  });
  const reached = outside.seen.join("; ");
  outside.stop();
  assert(reached === "", `files reached the outside: ${reached}`);
  return `${files.length} files with scripts, forms, frames, redirections and pixels: nothing ran, nothing was fetched`;
}

/** A small document with a script that would run on opening, and an image behind a link. */
function pdf(script: string, trap: string): string {
  const stream = "BT /F1 24 Tf 20 100 Td (hello) Tj ET";
  const objects = [
    `<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (${script.replace(/[()\\]/g, "\\$&")}) >> >>`,
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> /AA << /O << /S /URI /URI (${trap}/opened) >> >> >>`,
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
  ];
  let body = "%PDF-1.7\n";
  const places = objects.map((object, at) => {
    const place = body.length;
    body += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const rows = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  return `${body}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}trailer << /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF`;
}
