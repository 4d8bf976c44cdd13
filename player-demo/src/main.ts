/** Which page the address asks for. Each is loaded only when it is needed. */

import "./style/page.css";

import { openSession } from "./page/session";

const page = document.getElementById("page") as HTMLElement;
const session = openSession(location, history, sessionStorage);
const live = /^\/live\/([^/]+)\/?$/.exec(location.pathname);
const watch = /^\/watch\/([^/]+)\/?$/.exec(location.pathname);

// The player is by far the largest part: it is fetched beside the page that will ask for it.
if (watch) void import("./play/player");
if (live) void import("./watch/live").then(({ openLive }) => openLive(page, live[1] as string));
else if (location.pathname === "/nodes") void import("./network/nodes").then(({ openNodes }) => openNodes(page, session));
else if (location.pathname === "/log") void import("./log/log-page").then(({ openLog }) => openLog(page));
else if (location.pathname === "/statement") void import("./statement/statement-page").then(({ openStatement }) => openStatement(page));
else if (location.pathname === "/agree") void import("./agree/agree-page").then(({ openAgree }) => openAgree(page));
else if (watch) void import("./watch/watch").then(({ openWatch }) => openWatch(page, watch[1] as string, session));
else void import("./catalogue/catalogue").then(({ openCatalogue }) => openCatalogue(page, session));
