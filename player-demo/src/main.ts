/** Which page the address asks for. Each is loaded only when it is needed. */

import "./style/page.css";

import { elsewhere, isFramed } from "./page/frame";
import { home } from "./page/home";
import { meet } from "./page/meeting";
import { openSession } from "./page/session";

const page = document.getElementById("page") as HTMLElement;
await meet(page);
const session = openSession(location, history, sessionStorage, home());
const live = /^\/live\/([^/]+)\/?$/.exec(location.pathname);
const watch = /^\/watch\/([^/]+)\/?$/.exec(location.pathname);

const isEmbedded = new URL(location.href).searchParams.get("embed") === "1" && watch !== null;

// The player is by far the largest part: it is fetched beside the page that will ask for it.
if (watch) void import("./play/player");
if (isFramed() && !isEmbedded) page.replaceChildren(elsewhere("This page is not shown inside of another one."));
else if (live) void import("./watch/live").then(({ openLive }) => openLive(page, live[1] as string, session));
else if (location.pathname === "/nodes") void import("./network/nodes").then(({ openNodes }) => openNodes(page, session));
else if (location.pathname === "/log") void import("./log/log-page").then(({ openLog }) => openLog(page));
else if (location.pathname === "/statement") void import("./statement/statement-page").then(({ openStatement }) => openStatement(page));
else if (location.pathname === "/agree") void import("./agree/agree-page").then(({ openAgree }) => openAgree(page));
else if (watch) void import("./watch/watch").then(({ openWatch }) => openWatch(page, watch[1] as string, session));
else void import("./catalogue/catalogue").then(({ openCatalogue }) => openCatalogue(page, session));
