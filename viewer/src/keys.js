// SPDX-License-Identifier: Apache-2.0
// What keys do, and the list of it. Keys that are held to move are in controls.js.

const WORDS = [
  ["Arrows", "turn"],
  ["W A S D, E Q", "move ahead, left, back, right; up, down"],
  ["+ -", "closer, farther"],
  ["Shift", "faster"],
  ["N, P", "next, previous view"],
  ["R", "back to this view's camera"],
  ["F", "fly or orbit"],
  ["1, 2, 3", "the first scene, the second, both"],
  ["[ ]", "move the line between two scenes"],
  ["T", "light or dark"],
  ["H", "hide everything but the scene, and show it again"],
  ["?", "this list"],
];

/** Sends keys to `actions` (by letter) and to `controls`, unless somebody is choosing or typing. */
export function listen(actions, controls) {
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.("select, dialog[open]")) return;
    const action = actions[event.key.toLowerCase()];
    if (action) action();
    else if (!controls.keyDown(event)) return;
    event.preventDefault();
  });
  window.addEventListener("keyup", (event) => controls.keyUp(event));
}

export function fillList(table) {
  for (const [keys, what] of WORDS) {
    const row = table.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = keys;
    row.append(head);
    row.insertCell().textContent = what;
  }
}
