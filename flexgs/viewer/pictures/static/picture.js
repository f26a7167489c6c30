// SPDX-License-Identifier: Apache-2.0
// An image of Gaussians at any zoom: tiles that the server draws at the next power of two, the
// original left of a line. html[data-settled] is "true" once all that is seen has been drawn.
import { Tiles } from "./tiles.js";

const MOST_ZOOM = 200; // device pixels for one of the image
const STEP = 60; // CSS pixels that an arrow key moves
const FACTOR = 1.25; // of a key's zoom
const LINE_NEAR = 12; // CSS pixels beside the line that still take hold of it
const WORDS = [
  ["Arrows", "move"], ["Shift", "farther"], ["+ -", "closer, farther"], ["F", "all of the image"],
  ["A", "one pixel a pixel"], ["[ ]", "move the line"], ["0", "the levels that the zoom needs"],
  ["1 ... 8", "so many levels"], ["T", "light or dark"], ["?", "this list"],
]; // prettier-ignore

const root = document.documentElement;
const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const context = canvas.getContext("2d");

let facts, tiles, original;
const view = { x: 0, y: 0, zoom: 1, split: 0.5, levels: 0 }; // centre in image pixels; device px each
let pending = false;

start().catch(fail);

async function start() {
  facts = await (await ask("page.json")).json();
  if (facts.original) original = await loadOriginal(facts.original);
  tiles = new Tiles(facts, ask, redraw, fail);
  fillPanel();
  listen();
  fit();
  element("curtain-text").hidden = true;
  root.dataset.state = "ready";
}

async function ask(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`The server says ${response.status} to ${name}.`);
  return response;
}

function fail(error) {
  root.dataset.state = "failed";
  element("curtain-text").textContent = `${error.message} Is flexgs still running?`;
  element("curtain-text").hidden = false;
}

async function loadOriginal({ width, height }) {
  const data = new Uint8ClampedArray(await (await ask("original.bin")).arrayBuffer());
  return createImageBitmap(new ImageData(data, width, height));
}

// drawing

function redraw() {
  root.dataset.settled = "false";
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    draw();
  });
}

function draw() {
  const ratio = devicePixelRatio;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.resetTransform();
  context.clearRect(0, 0, width, height);
  const left = width / 2 - view.x * view.zoom;
  const top = height / 2 - view.y * view.zoom;
  const line = original ? Math.round(view.split * width) : 0;
  clipped(line, width - line, height, () => {
    context.imageSmoothingEnabled = true;
    root.dataset.settled = String(tiles.draw(context, { left, top, zoom: view.zoom, from: line, width, height, levels: view.levels }));
  });
  if (original) {
    clipped(0, line, height, () => {
      context.imageSmoothingEnabled = view.zoom < 1; // beyond 1:1 its pixels are what there is
      context.drawImage(original, left, top, facts.width * view.zoom, facts.height * view.zoom);
    });
    context.fillStyle = "#fff";
    context.fillRect(line - ratio, 0, 2 * ratio, height);
    context.fillStyle = "#000";
    context.fillRect(line + ratio, 0, ratio, height);
  }
  tell();
}

function clipped(x, width, height, action) {
  context.save();
  context.beginPath();
  context.rect(x, 0, width, height);
  context.clip();
  action();
  context.restore();
}

function tell() {
  const percent = view.zoom * 100;
  const count = tiles.levels(view.zoom, view.levels);
  const of = facts.total > 1 ? `, ${count} of ${facts.total} levels` : "";
  element("hint").textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %${of}`;
  for (const button of element("level-buttons").children)
    button.setAttribute("aria-pressed", String(Number(button.dataset.levels) === view.levels));
}

// moving

function fit() {
  const ratio = devicePixelRatio;
  const [x, y] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  Object.assign(view, { x: facts.width / 2, y: facts.height / 2, zoom: bounded(Math.min(x / facts.width, y / facts.height)) });
  redraw();
}

function bounded(zoom) {
  const ratio = devicePixelRatio;
  const whole = Math.min((canvas.clientWidth * ratio) / facts.width, (canvas.clientHeight * ratio) / facts.height);
  return Math.min(Math.max(zoom, Math.min(whole / 4, 1), 2 ** facts.exponents[0]), MOST_ZOOM);
}

function move(dx, dy) {
  const ratio = devicePixelRatio / view.zoom;
  view.x = Math.min(Math.max(view.x + dx * ratio, 0), facts.width);
  view.y = Math.min(Math.max(view.y + dy * ratio, 0), facts.height);
  redraw();
}

/** Zooms so that what is under (x, y), CSS pixels of the canvas, stays there. */
function zoomAt(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const before = view.zoom;
  view.zoom = bounded(before * factor);
  const share = devicePixelRatio * (1 / before - 1 / view.zoom);
  view.x += (x - canvas.clientWidth / 2) * share;
  view.y += (y - canvas.clientHeight / 2) * share;
  move(0, 0);
}

function setSplit(share) {
  view.split = Math.min(Math.max(share, 0), 1);
  element("split").value = Math.round(100 * view.split);
  redraw();
}

function setLevels(count) {
  if (count > facts.levels.length || facts.total === 1) return;
  view.levels = count;
  redraw();
}

// hands

const pointers = new Map();
let held = false; // the line

function onLine(event) {
  return original !== undefined && Math.abs(event.offsetX - view.split * canvas.clientWidth) < LINE_NEAR;
}

function pointerDown(event) {
  canvas.setPointerCapture(event.pointerId);
  held = pointers.size === 0 && onLine(event);
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
}

function pointerMove(event) {
  canvas.classList.toggle("on-line", held || onLine(event));
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const [x, y] = [event.offsetX, event.offsetY];
  if (held) return setSplit(x / canvas.clientWidth);
  const others = [...pointers].filter(([id]) => id !== event.pointerId);
  pointers.set(event.pointerId, [x, y]);
  const share = others.length ? 0.5 : 1; // each of two fingers moves by half
  move(share * (before[0] - x), share * (before[1] - y));
  if (others.length === 1) {
    const [ox, oy] = others[0][1];
    const wide = Math.max(Math.hypot(before[0] - ox, before[1] - oy), 1);
    zoomAt(Math.hypot(x - ox, y - oy) / wide, (x + ox) / 2, (y + oy) / 2);
  }
}

function pointerUp(event) {
  pointers.delete(event.pointerId);
  held = false;
}

function wheel(event) {
  event.preventDefault();
  const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  const speed = event.ctrlKey ? 0.01 : 0.0015; // a pinch on a touch pad comes as Ctrl and the wheel
  zoomAt(Math.exp(-event.deltaY * lines * speed), event.offsetX, event.offsetY);
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme ?? (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
}

function keyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest?.("input, dialog[open]")) return;
  const far = event.shiftKey ? 5 : 1;
  const actions = {
    ArrowLeft: () => move(-STEP * far, 0),
    ArrowRight: () => move(STEP * far, 0),
    ArrowUp: () => move(0, -STEP * far),
    ArrowDown: () => move(0, STEP * far),
    "+": () => zoomAt(FACTOR),
    "=": () => zoomAt(FACTOR),
    "-": () => zoomAt(1 / FACTOR),
    _: () => zoomAt(1 / FACTOR),
    f: fit,
    a: () => zoomAt(1 / view.zoom),
    "[": () => original && setSplit(view.split - 0.02),
    "]": () => original && setSplit(view.split + 0.02),
    t: theme,
    "?": () => element("help").showModal(),
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (/^[0-8]$/.test(key)) setLevels(Number(key));
  else if (actions[key]) actions[key]();
  else return;
  event.preventDefault();
}

function listen() {
  canvas.addEventListener("pointerdown", pointerDown);
  canvas.addEventListener("pointermove", pointerMove);
  canvas.addEventListener("pointerup", pointerUp);
  canvas.addEventListener("pointercancel", pointerUp);
  canvas.addEventListener("wheel", wheel, { passive: false });
  window.addEventListener("keydown", keyDown);
  new ResizeObserver(redraw).observe(canvas);
  element("button-fit").addEventListener("click", fit);
  element("button-actual").addEventListener("click", () => zoomAt(1 / view.zoom));
  element("button-closer").addEventListener("click", () => zoomAt(FACTOR));
  element("button-farther").addEventListener("click", () => zoomAt(1 / FACTOR));
  element("button-theme").addEventListener("click", theme);
  element("button-help").addEventListener("click", () => element("help").showModal());
  element("split").addEventListener("input", (event) => setSplit(event.target.value / 100));
}

// numbers

function fillPanel() {
  document.title = `${facts.name} - flexgs`;
  element("title").textContent = facts.name;
  element("label-1").textContent = facts.name;
  for (const id of ["label-0", "label-1", "split-section"]) element(id).hidden = !original;
  element("levels-section").hidden = facts.total === 1;
  for (let count = 0; count <= facts.levels.length; count++) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: count || "As needed" });
    button.dataset.levels = count;
    button.title = count ? `${count} levels (${count})` : "The levels that the zoom needs (0)";
    button.addEventListener("click", () => setLevels(count));
    element("level-buttons").append(button);
  }
  for (const [name, value] of numbers()) addRow(element("numbers"), name, value);
  for (const [keys, what] of WORDS) addRow(element("keys"), keys, what);
}

function numbers() {
  const counts = facts.levels.map((level) => level.count);
  const last = facts.levels.at(-1);
  const rows = [
    ["Size", `${facts.width} x ${facts.height}`],
    ["File", `${facts.size_bytes.toLocaleString("en")} bytes`],
    ["Rate", `${((8 * facts.size_bytes) / (facts.width * facts.height)).toFixed(3)} bpp`],
    ["Gaussians", counts.reduce((a, b) => a + b, 0).toLocaleString("en")],
  ];
  if (last.psnr !== null) rows.push(["PSNR", `${last.psnr.toFixed(2)} dB`]);
  if (facts.levels.length < facts.total) rows.push(["Preview", `${facts.levels.length} of ${facts.total} levels are there`]);
  if (facts.total > 1)
    facts.levels.forEach((level, k) => {
      const psnr = level.psnr === null ? "" : `, ${level.psnr.toFixed(2)} dB at full size`;
      rows.push([`Up to level ${k + 1}`, `${level.bpp.toFixed(3)} bpp${psnr}`]);
    });
  return rows;
}

function addRow(table, name, value) {
  const row = table.insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  row.append(head);
  row.insertCell().textContent = value;
}
