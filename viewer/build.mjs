// SPDX-License-Identifier: Apache-2.0
// Bundles src/ and its packages into flexgs/viewer/static, with the licences of what went in.
import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile, copyFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, "..", "flexgs", "viewer", "static");

const shared = { bundle: true, minify: true, legalComments: "none", write: false, metafile: true };
const script = await build({
  ...shared,
  entryPoints: [path.join(here, "src", "main.js")],
  format: "esm",
  target: ["chrome111", "firefox115", "safari16.4"],
  absWorkingDir: here,
});
const style = await build({ ...shared, entryPoints: [path.join(here, "src", "app.css")] });
const code = script.outputFiles[0].text;
// The page may hold it between two tags (`flexgs view --html`).
for (const forbidden of ["</script", "<!--", "]]>"]) {
  if (code.toLowerCase().includes(forbidden)) throw new Error(`the bundle holds ${forbidden}`);
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await writeFile(path.join(out, "app.js"), code);
await writeFile(path.join(out, "app.css"), style.outputFiles[0].text);
await copyFile(path.join(here, "src", "index.html"), path.join(out, "index.html"));
await writeFile(path.join(out, "licences.txt"), await notices(Object.keys(script.metafile.inputs)));

/** The licence of every package that a bundled file is from, and of what those packages hold. */
async function notices(inputs) {
  const direct = inputs
    .map((file) => file.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1])
    .filter(Boolean);
  const names = new Set(direct);
  for (const name of direct) {
    const { dependencies = {} } = await manifest(name); // Spark's own bundle holds its dependency
    Object.keys(dependencies).forEach((each) => names.add(each));
  }
  const parts = ["The page of `flexgs view` holds code of these packages.\n"];
  for (const name of [...names].sort()) {
    const { version, license } = await manifest(name);
    if (license !== "MIT") throw new Error(`${name}: is ${license} a licence to ship?`);
    const folder = path.join(here, "node_modules", name);
    const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    if (!file) throw new Error(`${name} has no licence file`);
    const text = (await readFile(path.join(folder, file), "utf8")).trim();
    parts.push(`${"-".repeat(72)}\n${name} ${version} (${license})\n\n${text}\n`);
  }
  return parts.join("\n");
}

async function manifest(name) {
  const file = path.join(here, "node_modules", name, "package.json");
  return JSON.parse(await readFile(file, "utf8"));
}
