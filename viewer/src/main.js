// SPDX-License-Identifier: Apache-2.0
// The page of `flexgs view`.
import { Vector3 } from "three";
import { Controls } from "./controls.js";
import { openCurtain, showFailure, showProgress, watchFailures } from "./curtain.js";
import { Divider } from "./divider.js";
import { fillList, listen } from "./keys.js";
import * as panel from "./panel.js";
import { copyPose, poseOfView } from "./pose.js";
import { loadFacts } from "./source.js";
import { loadMesh, sceneBytes } from "./splats.js";
import { Stage } from "./stage.js";

const byId = (id) => document.getElementById(id);
const STEP_OF_LINE = 5; // percent, by key

watchFailures();
panel.setUpTheme();
start().catch(showFailure);

async function start() {
  let viewer; // there is nothing to steer before the scenes are here
  const facts = await loadFacts();
  panel.fillPanel(facts, (i) => viewer?.goTo(i));
  const stage = makeStage();
  await loadScenes(facts.scenes, stage);
  viewer = new Viewer(facts, stage);
  viewer.goTo(byId("views").selectedIndex);
}

function makeStage() {
  const canvas = byId("canvas");
  if (!document.createElement("canvas").getContext("webgl2")) {
    throw new Error("This browser has no WebGL 2, or it is switched off.");
  }
  const stage = new Stage(canvas, { onState: showState, onError: showFailure });
  const fit = ({ width, height }) => stage.resize(Math.round(width), Math.round(height));
  new ResizeObserver(([entry]) => fit(entry.contentRect)).observe(byId("stage"));
  return stage;
}

/** The first complete picture opens the curtain. `data-settled` says that nothing will change. */
function showState(settled) {
  const { dataset } = document.documentElement;
  dataset.settled = settled;
  if (settled && dataset.state === "loading") openCurtain();
}

async function loadScenes(scenes, stage) {
  const total = scenes.reduce((sum, scene) => sum + sceneBytes(scene), 0);
  let loaded = 0;
  for (const scene of scenes) {
    const name = `${scene.name}, ${scene.count.toLocaleString("en")} Gaussians`;
    showProgress(name);
    const advance = (bytes) => {
      loaded += bytes;
      showProgress(`${name}: ${megabytes(loaded)} of ${megabytes(total)} MB`, loaded / total);
    };
    stage.add(await loadMesh(scene, advance), scene.antialiased);
  }
  showProgress("Sorting, and the first picture");
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(0);

/** Ties controls, views, panel and line together. */
class Viewer {
  constructor(facts, stage) {
    this.facts = facts;
    this.stage = stage;
    this.center = new Vector3(...facts.center);
    this.controls = new Controls(byId("canvas"), {
      up: new Vector3(...facts.up).normalize(),
      radius: facts.radius,
      onMove: (pose) => stage.setView(pose, facts.views[this.view]),
    });
    fillList(byId("keys"));
    if (facts.scenes.length > 1) this.setUpLine();
    else panel.showLabels(facts.scenes, [true]);
    this.setUpButtons();
    byId("hint").textContent = "Drag or use the arrow keys to turn, ? for all keys";
  }

  setUpLine() {
    const { scenes } = this.facts;
    const names = scenes.map((scene) => scene.name);
    this.line = new Divider(byId("divider"), names, (share) => {
      this.stage.setSplit(share);
      panel.showLabels(scenes, [share > 0.1, share < 0.9]);
    });
  }

  setUpButtons() {
    const line = (percent) => this.line?.set(percent);
    const actions = {
      n: () => this.goTo(this.view + 1),
      p: () => this.goTo(this.view - 1),
      r: () => this.goTo(this.view),
      f: () => this.toggleMode(),
      t: panel.toggleTheme,
      h: panel.toggleInterface,
      "?": () => byId("help").showModal(),
      1: () => line(100),
      2: () => line(0),
      3: () => line(50),
      "[": () => line(this.line?.percent - STEP_OF_LINE),
      "]": () => line(this.line?.percent + STEP_OF_LINE),
    };
    const buttons = { next: "n", previous: "p", reset: "r", mode: "f", theme: "t", hide: "h", help: "?" };
    for (const [name, key] of Object.entries(buttons)) {
      byId(`button-${name}`).addEventListener("click", actions[key]);
    }
    listen(actions, this.controls);
  }

  /** Stands where a view's camera stood, with its lens; past the last comes the first. */
  goTo(index) {
    const { views } = this.facts;
    this.view = (index + views.length) % views.length;
    panel.showView(this.view, views[this.view]);
    this.controls.set(copyPose(poseOfView(views[this.view], this.center)));
  }

  toggleMode() {
    this.controls.flying = !this.controls.flying;
    panel.showMode(this.controls.flying);
  }
}
