// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { projection } from "../src/lens.js";

/** Pixel of a point in OpenCV's axes, through the matrix. */
function pixel([x, y, z], view, width, height) {
  const m = projection(view, width, height);
  const point = [x, -y, -z, 1];
  const clip = [0, 1, 2, 3].map((row) => point.reduce((sum, v, i) => sum + m[4 * row + i] * v, 0));
  return [((clip[0] / clip[3] + 1) * width) / 2, ((1 - clip[1] / clip[3]) * height) / 2];
}

function close(found, expected) {
  found.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-9, `${found} ${expected}`));
}

const view = { size: [80, 60], lens: [100, 110, 37, 31] };

test("on a canvas of the picture's size a point falls on its pixel", () => {
  close(pixel([0.1, -0.2, 2], view, 80, 60), [37 + (100 * 0.1) / 2, 31 - (110 * 0.2) / 2]);
});

test("on a larger canvas the picture grows in the middle of it", () => {
  close(pixel([0.1, -0.2, 2], view, 160, 120), [2 * 42, 2 * 20]);
  close(pixel([0.1, -0.2, 2], view, 100, 60), [10 + 42, 20]);
  close(pixel([0.1, -0.2, 2], view, 80, 100), [42, 20 + 20]);
});
