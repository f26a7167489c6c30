// SPDX-License-Identifier: Apache-2.0
// Drives a page in headless Chromium with software WebGL, for tests and benchmarks.
//   node drive.mjs CHROMIUM < plan.json > results.json
// plan: {"url", "width", "height", "colorScheme"?, "steps": [step, ...]}; one result a step.
//   {"wait": "ready" | "settled" | "failed"}  until the page says so; result: seconds since the start
//   {"key": "n"} | {"keys": ["Shift", ...]}   presses, like a user
//   {"focus": "#divider"} {"click": "#id"}    by selector
//   {"blur": true}                            whatever has the focus, and its ring
//   {"drag": [x0, y0, x1, y1]}                with the pointer
//   {"viewport": [w, h]}
//   {"goto": "url"}                           another page in the same browser
//   {"shot": "file.png"}                      of the whole window; result: seconds since the start
//   {"text": "#id"} {"attribute": ["#id", "name"]} {"focused": true}
import { chromium } from "playwright-core";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

const TIMEOUT_MS = 120_000;
const FLAGS = [
  "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
  "--ignore-gpu-blocklist", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), // which root cannot have
]; // prettier-ignore

const plan = JSON.parse(await readFile("/dev/stdin", "utf8"));
const profile = await mkdtemp(path.join(os.tmpdir(), "flexgs-viewer-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.argv[2],
  headless: true,
  viewport: { width: plan.width, height: plan.height },
  colorScheme: plan.colorScheme ?? "dark",
  args: FLAGS,
});
const page = browser.pages()[0] ?? (await browser.newPage());
page.setDefaultTimeout(TIMEOUT_MS);
const messages = [];
const requests = [];
page.on("console", (message) => messages.push(`${message.type()}: ${message.text()}`));
page.on("pageerror", (error) => messages.push(`pageerror: ${error.message}`));
page.on("request", (request) => requests.push(request.url()));

const started = performance.now();
const seconds = () => (performance.now() - started) / 1000;
const results = [];
try {
  await open(plan.url);
  for (const step of plan.steps) results.push((await run(step)) ?? null);
} catch (error) {
  messages.push(`driver: ${error.message}`);
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
process.stdout.write(JSON.stringify({ results, messages, requests }));

function open(url) {
  return page.goto(url, { waitUntil: "domcontentloaded", timeout: TIMEOUT_MS });
}

async function run(step) {
  const [name] = Object.keys(step);
  const value = step[name];
  switch (name) {
    case "wait":
      await page.evaluate(frames); // what the last step did must have come through
      await page.waitForFunction(until, value, { polling: "raf", timeout: TIMEOUT_MS });
      return seconds();
    case "key":
      return page.keyboard.press(value);
    case "focus":
      return page.focus(value);
    case "blur":
      return page.evaluate(() => document.activeElement.blur());
    case "click":
      return page.click(value);
    case "drag":
      return drag(value);
    case "goto":
      return void (await open(value));
    case "viewport":
      return page.setViewportSize({ width: value[0], height: value[1] });
    case "shot":
      await page.screenshot({ path: value, timeout: TIMEOUT_MS });
      return seconds();
    case "text":
      return page.textContent(value);
    case "attribute":
      return page.getAttribute(value[0], value[1]);
    case "focused":
      return page.evaluate(() => document.activeElement?.id ?? "");
    default:
      throw new Error(`no such step: ${name}`);
  }
}

/** In the page: two frames. */
function frames() {
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}

/** In the page: has it got so far? A page that failed is not waited for. */
function until(wanted) {
  const { state, settled } = document.documentElement.dataset;
  if (wanted === "failed") return state === "failed";
  if (state === "failed") throw new Error(document.getElementById("curtain-text").textContent);
  return state === "ready" && (wanted === "ready" || settled === "true");
}

async function drag([x0, y0, x1, y1]) {
  await page.mouse.move(x0, y0);
  await page.mouse.down();
  await page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2);
  await page.mouse.move(x1, y1);
  await page.mouse.up();
}
