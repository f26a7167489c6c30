// SPDX-License-Identifier: Apache-2.0
// Pointer, wheel, fingers and held keys -> poses. Two modes: orbit turns around the subject, fly
// turns the eye.
import { look, move, orbit, zoom } from "./pose.js";

const TURN_A_PIXEL = 0.005; // radians
const TURN_A_SECOND = 1.2; // radians, by key
const STEP_A_SECOND = 1.0; // distances to what is looked at, by key
const ZOOM_A_NOTCH = 0.0015; // log of distance, a unit of the wheel
const ZOOM_A_SECOND = 1.5; // log of distance, by key
const FASTER = 4; // with Shift
const TAP_S = 0.05; // what a key does at once, however short it is held
const MAX_FRAME_S = 0.1; // a longer one counts as this: slow machines must not jump

// What a held key does: axis, sign.
const HELD = {
  KeyW: ["ahead", 1], KeyS: ["ahead", -1],
  KeyD: ["right", 1], KeyA: ["right", -1],
  KeyE: ["up", 1], KeyQ: ["up", -1],
  ArrowLeft: ["yaw", 1], ArrowRight: ["yaw", -1],
  ArrowUp: ["pitch", 1], ArrowDown: ["pitch", -1],
  Equal: ["zoom", -1], NumpadAdd: ["zoom", -1],
  Minus: ["zoom", 1], NumpadSubtract: ["zoom", 1],
}; // prettier-ignore

export class Controls {
  /** `onMove(pose)` hears of every new pose; `up` and `radius` are the scene's. */
  constructor(canvas, { up, radius, onMove }) {
    this.canvas = canvas;
    this.up = up;
    this.radius = radius;
    this.onMove = onMove;
    this.flying = false;
    this.held = new Set();
    this.pointers = new Map();
    this.time = 0;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    window.addEventListener("blur", () => this.held.clear());
  }

  /** Takes a pose from elsewhere. */
  set(pose) {
    this.pose = pose;
    this.onMove(pose);
  }

  /** A key went down; true when it is one that moves the eye. */
  keyDown({ code, shiftKey }) {
    if (!(code in HELD)) return false;
    this.fast = shiftKey;
    if (this.held.has(code)) return true; // the system repeats it
    if (!this.held.size) {
      this.time = performance.now();
      requestAnimationFrame((now) => this.tick(now));
    }
    this.held.add(code);
    this.advance([code], TAP_S);
    return true;
  }

  keyUp({ code, shiftKey }) {
    this.fast = shiftKey;
    this.held.delete(code);
  }

  tick(now) {
    if (!this.held.size) return;
    const seconds = Math.min(Math.max(now - this.time, 0) / 1000, MAX_FRAME_S);
    this.time = now;
    this.advance(this.held, seconds);
    requestAnimationFrame((time) => this.tick(time));
  }

  /** What keys do in some seconds. */
  advance(codes, seconds) {
    const sum = { ahead: 0, right: 0, up: 0, yaw: 0, pitch: 0, zoom: 0 };
    for (const code of codes) sum[HELD[code][0]] += HELD[code][1];
    const share = seconds * (this.fast ? FASTER : 1);
    const step = share * STEP_A_SECOND * this.reach();
    let pose = this.turn(this.pose, sum.yaw * share * TURN_A_SECOND, sum.pitch * share * TURN_A_SECOND);
    pose = move(pose, [sum.right * step, sum.up * step, sum.ahead * step]);
    this.set(this.closer(pose, sum.zoom * share * ZOOM_A_SECOND));
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const after = [event.clientX, event.clientY];
    const [dx, dy] = [after[0] - before[0], after[1] - before[1]];
    if (this.pointers.size > 1) this.pinch(event.pointerId, after, dx, dy);
    else if (event.buttons & 6 || event.shiftKey) this.shift(dx, dy);
    else this.set(this.turn(this.pose, -dx * TURN_A_PIXEL, -dy * TURN_A_PIXEL));
    this.pointers.set(event.pointerId, after);
  }

  /** Two fingers: what lies between them moves and grows with them. */
  pinch(id, after, dx, dy) {
    const [other] = [...this.pointers].filter(([each]) => each !== id).map(([, place]) => place);
    const before = this.pointers.get(id);
    const apart = (place) => Math.max(Math.hypot(place[0] - other[0], place[1] - other[1]), 1);
    this.shift(dx / 2, dy / 2);
    this.set(this.closer(this.pose, Math.log(apart(before) / apart(after))));
  }

  /** Moves the eye so that what is looked at follows the pointer. */
  shift(dx, dy) {
    const unit = this.reach() / this.canvas.clientHeight;
    this.set(move(this.pose, [-dx * unit, dy * unit, 0]));
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 40 : 1;
    this.set(this.closer(this.pose, event.deltaY * lines * ZOOM_A_NOTCH));
  }

  turn(pose, yaw, pitch) {
    if (!yaw && !pitch) return pose;
    return (this.flying ? look : orbit)(pose, this.up, yaw, pitch);
  }

  /** Flying goes ahead and keeps what it turns around as far off; orbiting comes up to it. */
  closer(pose, log) {
    if (!log) return pose;
    if (this.flying) return move(pose, [0, 0, -log * this.reach()]);
    return zoom(pose, Math.exp(log), this.radius);
  }

  /** What a step is measured by: the distance looked at, within what the scene is large. */
  reach() {
    return Math.min(Math.max(this.pose.distance, 0.1 * this.radius), 3 * this.radius);
  }
}
