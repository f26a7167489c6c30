// SPDX-License-Identifier: Apache-2.0
// A pinhole lens in pixels (fx, fy, cx, cy of a picture of some size) on a canvas of another.

export const NEAR = 0.01; // scene units, as flexgs's renderers have it
export const FAR = 1e6;

/**
 * The 16 numbers, row by row, of WebGL's projection matrix. The picture fits into the canvas as
 * large as it can; what the canvas has beyond it shows more of the scene.
 */
export function projection({ size: [w, h], lens: [fx, fy, cx, cy] }, width, height) {
  const scale = Math.min(width / w, height / h);
  const x = (2 * (cx - w / 2) * scale) / width; // of the principal point, -1 to 1
  const y = (2 * (cy - h / 2) * scale) / height;
  const depth = -(FAR + NEAR) / (FAR - NEAR);
  const offset = (-2 * FAR * NEAR) / (FAR - NEAR);
  return [
    (2 * fx * scale) / width, 0, -x, 0,
    0, (2 * fy * scale) / height, y, 0,
    0, 0, depth, offset,
    0, 0, -1, 0,
  ]; // prettier-ignore
}
