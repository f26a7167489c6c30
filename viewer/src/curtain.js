// SPDX-License-Identifier: Apache-2.0
// What covers the stage while there is nothing to see: progress, or what went wrong.

const byId = (id) => document.getElementById(id);
const root = document.documentElement;

export function showProgress(text, share) {
  byId("curtain-text").textContent = text;
  if (share !== undefined) byId("curtain-progress").value = share;
}

export function openCurtain() {
  root.dataset.state = "ready";
  byId("curtain").hidden = true;
}

/** Says what went wrong; the first failure stays, what follows from it is no news. */
export function showFailure(error) {
  console.error(error);
  if (root.dataset.state === "failed") return;
  root.dataset.state = "failed";
  const curtain = byId("curtain");
  curtain.hidden = false;
  curtain.setAttribute("role", "alert");
  byId("curtain-title").textContent = "This cannot be shown";
  byId("curtain-text").textContent = String(error?.message ?? error);
  byId("curtain-progress").hidden = true;
}

export function watchFailures() {
  window.addEventListener("error", (event) => showFailure(event.error ?? event.message));
  window.addEventListener("unhandledrejection", (event) => showFailure(event.reason));
}
