// SPDX-License-Identifier: Apache-2.0
// Draws one scene, or two on either side of a line, on demand: nothing runs while nothing moves.
import { PerspectiveCamera, Scene, WebGLRenderer } from "three";
import { SparkRenderer } from "@sparkjsdev/spark";
import { drawInBlocks, makeUniforms } from "./blocks.js";
import { FAR, NEAR, projection } from "./lens.js";

const MAX_PIXEL_RATIO = 2;
const LOW_PASS = 0.3; // px^2 that 3DGS adds to every picture of a Gaussian
const MIN_ALPHA = 1 / 255; // less is not drawn
const MAX_STD_DEV = Math.sqrt(2 * Math.log(255)); // where even an opaque Gaussian is below that
const SLOW_MS = 120; // a step of a moving picture that takes longer gets fewer pixels
const FAST_MS = 50; // and more again below this
const COARSEST = 0.35; // share of the pixels a side
const REST_MS = 200; // without a move, after which all pixels are drawn again
const MAX_PIXELS = 16384; // of a Gaussian's radius: no limit that anything meets

export class Stage {
  /** `onState(settled)` hears when the picture begins to change, and when it is final. */
  constructor(canvas, { onState, onError }) {
    this.renderer = new WebGLRenderer({ canvas, alpha: false, antialias: false, depth: false });
    this.renderer.setClearColor(0x000000, 1);
    this.renderer.setScissorTest(true);
    this.camera = new PerspectiveCamera();
    this.camera.near = NEAR;
    this.camera.far = FAR;
    this.layers = [];
    this.split = 1; // share of the width that the first scene has
    this.version = 0; // of the pose; what is sorted for an older one is drawn, then sorted again
    this.sorted = -1;
    this.busy = false;
    this.request = 0;
    this.detail = 1; // share of the pixels a side that is drawn
    this.paceMs = 0; // of the last step: draw, colour, sort
    this.rest = 0;
    this.onState = onState;
    this.onError = onError;
    canvas.addEventListener("webglcontextlost", () =>
      onError(new Error("The graphics driver gave up. Reload the page; close others that draw.")),
    );
  }

  /** Adds a scene; `antialiased` ones lose opacity where the low-pass filter widens them. */
  add(mesh, antialiased) {
    const spark = new SparkRenderer({
      renderer: this.renderer,
      autoUpdate: false,
      enableLod: false,
      accumExtSplats: true,
      sortRadial: false,
      depthTest: false,
      minAlpha: MIN_ALPHA,
      maxStdDev: MAX_STD_DEV,
      maxPixelRadius: MAX_PIXELS,
      preBlurAmount: antialiased ? 0 : LOW_PASS,
      blurAmount: antialiased ? LOW_PASS : 0,
      extraUniforms: makeUniforms(),
    });
    drawInBlocks(spark);
    const scene = new Scene();
    scene.add(spark, mesh);
    this.layers.push({ scene, spark });
  }

  setView(pose, lens) {
    this.pose = pose;
    this.lens = lens;
    this.version += 1;
    clearTimeout(this.rest);
    if (this.paceMs > SLOW_MS) this.setDetail(Math.max(0.7 * this.detail, COARSEST));
    else if (this.paceMs < FAST_MS) this.setDetail(Math.min(1.3 * this.detail, 1));
    this.paceMs = (SLOW_MS + FAST_MS) / 2; // until the next step is timed
    this.invalidate();
  }

  setSplit(split) {
    this.split = split;
    this.invalidate();
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    this.renderer.setSize(width, height, false);
    this.setDetail(this.detail, true);
    this.invalidate();
  }

  setDetail(detail, always = false) {
    if (detail === this.detail && !always) return;
    this.detail = detail;
    const most = Math.min(window.devicePixelRatio || 1, MAX_PIXEL_RATIO);
    this.renderer.setPixelRatio(most * detail);
  }

  invalidate() {
    this.onState(false);
    this.request ||= requestAnimationFrame(() => this.frame());
  }

  frame() {
    this.request = 0;
    if (!this.pose || !this.width || !this.layers.length) return;
    this.placeCamera();
    if (this.sorted >= 0) this.draw();
    if (this.busy) return;
    if (this.sorted !== this.version) this.sort().catch(this.onError);
    else if (this.detail < 1) this.refine();
    else this.onState(true);
  }

  /** Nothing moves: soon there is time for all pixels. */
  refine() {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.setDetail(1);
      this.invalidate();
    }, REST_MS);
  }

  /** Has Spark colour and sort the Gaussians for this pose, then draws them. */
  async sort() {
    this.busy = true;
    const { camera, version } = this;
    const began = performance.now();
    try {
      await Promise.all(this.layers.map(({ scene, spark }) => spark.update({ scene, camera })));
    } finally {
      this.busy = false;
    }
    if (this.sorted >= 0) this.paceMs = performance.now() - began; // shaders compile in the first
    this.sorted = version;
    this.invalidate();
  }

  draw() {
    const edge = Math.round(this.split * this.width);
    const parts = this.layers.length > 1 ? [[0, edge], [edge, this.width]] : [[0, this.width]];
    parts.forEach(([start, stop], i) => {
      if (stop <= start) return;
      this.renderer.setScissor(start, 0, stop - start, this.height);
      this.renderer.render(this.layers[i].scene, this.camera);
    });
  }

  placeCamera() {
    const { camera, pose } = this;
    camera.position.copy(pose.position);
    camera.quaternion.copy(pose.rotation);
    camera.updateMatrixWorld();
    camera.projectionMatrix.set(...projection(this.lens, this.width, this.height));
    camera.projectionMatrixInverse.copy(camera.projectionMatrix).invert();
  }
}
