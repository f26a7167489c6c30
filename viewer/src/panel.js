// SPDX-License-Identifier: Apache-2.0
// Everything beside the scene: numbers, views, warnings, light and dark. Text only, never markup.

const THEMES = ["light", "dark"];
const byId = (id) => document.getElementById(id);

/** Fills the panel; `onView(i)` hears which view was chosen. */
export function fillPanel(facts, onView) {
  document.title = `${facts.title} - flexgs view`;
  byId("title").textContent = facts.title;
  const notes = facts.scenes.flatMap((scene) => scene.notes);
  for (const text of new Set([...facts.warnings, ...notes])) {
    byId("warnings").append(element("p", text));
  }
  const tables = [["Report", facts.report], ["Second to first", facts.pair]];
  const names = facts.scenes.length > 1 ? ["First", "Second"] : ["Scene"];
  facts.scenes.forEach((scene, i) => tables.push([names[i], scene.rows]));
  for (const [title, rows] of tables) {
    if (!rows.length) continue;
    const section = document.createElement("section");
    section.append(element("h2", title), fillRows(document.createElement("table"), rows));
    byId("tables").append(section);
  }
  fillViews(facts, onView);
}

function fillViews(facts, onView) {
  const select = byId("views");
  facts.views.forEach((view, i) => {
    const drop = view.drop === null ? "" : ` (${view.drop.toFixed(2)} dB)`;
    const worst = i === 0 && view.drop !== null ? "worst: " : "";
    select.append(new Option(`${worst}${view.name}${drop}`, i));
  });
  select.addEventListener("change", () => onView(select.selectedIndex));
  byId("views-source").textContent = `${facts.views.length} views, ${facts.views_source}`;
}

export function showView(index, view) {
  byId("views").selectedIndex = index;
  byId("view-rows").replaceChildren();
  fillRows(byId("view-rows"), view.rows);
}

/** A name at either end of the stage. */
export function showLabels(scenes, visible) {
  scenes.forEach((scene, i) => {
    byId(`label-${i}`).textContent = scene.name;
    byId(`label-${i}`).hidden = !visible[i];
  });
}

export function setUpTheme() {
  const root = document.documentElement;
  try {
    const kept = localStorage.getItem("flexgs-theme");
    if (THEMES.includes(kept)) root.dataset.theme = kept;
  } catch {
    // a page from a file may have no storage
  }
}

export function toggleTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  try {
    localStorage.setItem("flexgs-theme", root.dataset.theme);
  } catch {
    // as above
  }
}

export function toggleInterface() {
  document.body.classList.toggle("bare");
}

export function showMode(flying) {
  byId("button-mode").setAttribute("aria-pressed", flying);
}

function fillRows(table, rows) {
  for (const [what, value] of rows) {
    const row = table.insertRow();
    const head = element("th", what);
    head.scope = "row";
    row.append(head, element("td", value));
  }
  return table;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
