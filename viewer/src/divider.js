// SPDX-License-Identifier: Apache-2.0
// The line between two scenes: a slider, for the pointer and for keys.

const STEP = 1; // percent, by key
const LARGE_STEP = 10;
const KEYS = {
  ArrowLeft: (value, step) => value - step,
  ArrowDown: (value, step) => value - step,
  ArrowRight: (value, step) => value + step,
  ArrowUp: (value, step) => value + step,
  PageDown: (value) => value - LARGE_STEP,
  PageUp: (value) => value + LARGE_STEP,
  Home: () => 0,
  End: () => 100,
};

export class Divider {
  /** `names` are those of the scenes; `onChange(share)` hears of the first one's share. */
  constructor(element, names, onChange) {
    this.element = element;
    this.names = names;
    this.onChange = onChange;
    element.hidden = false;
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("pointerdown", (event) => element.setPointerCapture(event.pointerId));
    element.addEventListener("pointermove", (event) => {
      if (element.hasPointerCapture(event.pointerId)) this.drag(event.clientX);
    });
    this.set(50);
  }

  set(percent) {
    this.percent = Math.min(Math.max(percent, 0), 100);
    const shown = Math.round(this.percent);
    this.element.style.left = `${this.percent}%`;
    this.element.setAttribute("aria-valuenow", shown);
    this.element.setAttribute("aria-valuetext", `${shown} % ${this.names[0]}, ${100 - shown} % ${this.names[1]}`);
    this.onChange(this.percent / 100);
  }

  drag(x) {
    const { left, width } = this.element.parentElement.getBoundingClientRect();
    this.set((100 * (x - left)) / width);
  }

  key(event) {
    const change = KEYS[event.key];
    if (!change || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // arrows turn the eye everywhere else
    this.set(change(this.percent, event.shiftKey ? LARGE_STEP : STEP));
  }
}
