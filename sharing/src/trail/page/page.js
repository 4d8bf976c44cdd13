"use strict";
const DAY_S = 86400;
const BARS_MAX = 62;
const HEIGHT = 100;
const rows = [...document.querySelectorAll("tr[data-at]")];
const choice = document.getElementById("patient");
const plot = document.getElementById("plot");
const said = document.getElementById("said");
const isBad = (row) => row.className !== "" && row.className !== "read";
const day = (at) => new Date(at * 1000).toISOString().slice(0, 10);

/** Days in a bar, so that there are not too many of them. */
function width(days) {
  return [1, 7, 30, 365].find((width) => days / width <= BARS_MAX) ?? Math.ceil(days / BARS_MAX);
}

function bar(x, y, height, kind, title) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ x: x + 0.1, y, width: 0.8, height, class: kind })) shape.setAttribute(name, value);
  const text = document.createElementNS("http://www.w3.org/2000/svg", "title");
  text.textContent = title;
  shape.append(text);
  return shape;
}

function draw(shown) {
  const counted = shown.filter((row) => row.className !== "");
  const times = counted.map((row) => Number(row.dataset.at));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const reads = counted.filter((row) => !isBad(row)).length;
  const bad = counted.length - reads;
  said.textContent = counted.length === 0 ? "Nothing was read or refused." : `${reads} reads, ${bad} refusals and emergencies, from ${day(first)} to ${day(last)}.`;
  plot.replaceChildren();
  plot.setAttribute("aria-label", said.textContent);
  if (counted.length === 0) return;
  const from = Math.floor(first / DAY_S);
  const days = width(Math.floor(last / DAY_S) - from + 1);
  const bars = Array.from({ length: Math.floor((Math.floor(last / DAY_S) - from) / days) + 1 }, () => [0, 0]);
  for (const row of counted) bars[Math.floor((Math.floor(Number(row.dataset.at) / DAY_S) - from) / days)][isBad(row) ? 1 : 0] += 1;
  const most = Math.max(...bars.map(([read, bad]) => read + bad));
  plot.setAttribute("viewBox", `0 0 ${Math.max(bars.length, 8)} ${HEIGHT}`);
  bars.forEach(([read, bad], at) => {
    const [low, high] = [(read / most) * HEIGHT, (bad / most) * HEIGHT];
    const title = `${day((from + at * days) * DAY_S)}: ${read} reads, ${bad} refusals and emergencies`;
    if (read > 0) plot.append(bar(at, HEIGHT - low, low, "read", title));
    if (bad > 0) plot.append(bar(at, HEIGHT - low - high, high, "bad", title));
  });
}

function filter() {
  const wanted = choice.value;
  for (const row of rows) row.hidden = wanted !== "" && row.dataset.patient !== wanted;
  draw(rows.filter((row) => !row.hidden && !row.closest("#attention")));
}

choice.addEventListener("change", filter);
filter();
