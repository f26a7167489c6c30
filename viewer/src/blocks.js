// SPDX-License-Identifier: Apache-2.0
// Gaussians drawn many to an instance. Spark draws each as an instance of its own; software WebGL
// (SwiftShader) makes a draw call of every one, and so small ones keep large graphics cards idle.
import { BufferAttribute, InstancedBufferGeometry } from "three";

const PER_BLOCK = 1024;
const CORNERS = [[-1, -1], [1, -1], [1, 1], [-1, 1]]; // prettier-ignore
const TRIANGLES = [0, 1, 2, 0, 2, 3];
// What Spark's vertex shader says, and what it must say to find its Gaussian.
const CHANGES = [
  ["uniform vec2 renderSize;", "uniform vec2 renderSize;\nuniform int drawn;"],
  ["void main() {", `void main() {\nint place = gl_InstanceID * ${PER_BLOCK} + int(position.z);`],
  ["ivec2((gl_InstanceID >> 2) & 4095, gl_InstanceID >> 14)", "ivec2((place >> 2) & 4095, place >> 14)"],
  ["texelFetch(ordering, orderingCoord, 0)[gl_InstanceID & 3]", "texelFetch(ordering, orderingCoord, 0)[place & 3]"],
  ["if (splatIndex == 0xffffffffu)", "if (place >= drawn || splatIndex == 0xffffffffu)"],
];

/** The uniform that says how many Gaussians there are: `extraUniforms` of the SparkRenderer. */
export const makeUniforms = () => ({ drawn: { value: 0 } });

/** Has a SparkRenderer, made with `makeUniforms()`, draw blocks. */
export function drawInBlocks(spark) {
  let shader = spark.material.vertexShader;
  for (const [from, to] of CHANGES) {
    if (shader.split(from).length !== 2) throw new Error(`Spark's shader has changed: ${from}`);
    shader = shader.replace(from, to);
  }
  spark.material.vertexShader = shader;
  spark.geometry = new Blocks(spark.uniforms.drawn);
}

/** Squares in blocks; z is the place in the block. Spark sets `instanceCount` in Gaussians. */
class Blocks extends InstancedBufferGeometry {
  constructor(drawn) {
    super();
    this.drawn = drawn;
    const places = [...Array(PER_BLOCK).keys()];
    const corners = places.flatMap((i) => CORNERS.flatMap(([x, y]) => [x, y, i]));
    this.setAttribute("position", new BufferAttribute(new Float32Array(corners), 3));
    this.setIndex(places.flatMap((i) => TRIANGLES.map((corner) => 4 * i + corner)));
  }

  get instanceCount() {
    return Math.ceil((this.drawn?.value ?? 0) / PER_BLOCK);
  }

  set instanceCount(gaussians) {
    if (this.drawn) this.drawn.value = gaussians; // three.js sets it before there is a uniform
  }
}
