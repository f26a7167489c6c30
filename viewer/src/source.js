// SPDX-License-Identifier: Apache-2.0
// What the page shows and where its Gaussians come from: files of the server that the page is
// from, or elements of the page itself (`flexgs view --html`).

const GONE = "flexgs does not answer any more. Start `flexgs view` again.";

/** The facts about the page: see README.md. */
export async function loadFacts() {
  const element = document.getElementById("page");
  if (element) return JSON.parse(element.textContent);
  return (await get("page.json")).json();
}

/** Bytes of a scene inside the page. */
export function embeddedBytes(id) {
  const element = document.getElementById(id);
  const text = atob(element.textContent);
  element.remove();
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** A file of the server as 32-bit words; `advance` is told of every piece's bytes. */
export async function fetchWords(name, advance) {
  const response = await get(name);
  const bytes = new Uint8Array(Number(response.headers.get("Content-Length")));
  const reader = response.body.getReader();
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes.set(value, filled);
    filled += value.length;
    advance(value.length);
  }
  if (filled !== bytes.length) throw new Error(`${name} ended early. ${GONE}`);
  return new Uint32Array(bytes.buffer);
}

async function get(name) {
  let response;
  try {
    response = await fetch(name);
  } catch {
    throw new Error(GONE);
  }
  if (!response.ok) throw new Error(`${name}: ${response.status}. ${GONE}`);
  return response;
}
