// SPDX-License-Identifier: Apache-2.0
// Gaussians of the page -> Spark's meshes.
import { ExtSplats, SplatFileType, SplatMesh } from "@sparkjsdev/spark";
import { embeddedBytes, fetchWords } from "./source.js";

const BYTES_A_TEXEL = 16;
const TEXTURE_SIDE = 2048;
const COEFFICIENTS = ["sh1", "sh2", "sh3a", "sh3b"];

/** The mesh of a scene; `advance(bytes)` is called while its `sceneBytes` come in. */
export async function loadMesh(scene, advance) {
  const mesh = scene.arrays ? await fromArrays(scene, advance) : fromElement(scene);
  await mesh.initialized;
  if (mesh.numSplats !== scene.count) {
    throw new Error(`${scene.name}: ${mesh.numSplats} of ${scene.count} Gaussians arrived.`);
  }
  return mesh;
}

/** Bytes that a served scene's arrays will have; 0 for one inside the page. */
export function sceneBytes({ arrays, count }) {
  if (!arrays) return 0;
  const layer = TEXTURE_SIDE * TEXTURE_SIDE;
  const unit = count <= layer ? TEXTURE_SIDE : layer;
  return arrays.length * Math.ceil(count / unit) * unit * BYTES_A_TEXEL;
}

/** Arrays as flexgs/viewer/spark_arrays.py made them. */
async function fromArrays({ arrays, count }, advance) {
  const words = [];
  for (const name of arrays) words.push(await fetchWords(name, advance));
  const [first, second, ...rest] = words;
  const extra = Object.fromEntries(rest.map((array, i) => [COEFFICIENTS[i], array]));
  const splats = new ExtSplats({ extArrays: [first, second], numSplats: count, extra });
  return new SplatMesh({ extSplats: splats, editable: false, raycastable: false });
}

function fromElement({ element, type }) {
  const fileType = { spz: SplatFileType.SPZ }[type];
  const fileBytes = embeddedBytes(element);
  return new SplatMesh({ fileBytes, fileType, extSplats: true, editable: false, raycastable: false });
}
