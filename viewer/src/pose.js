// SPDX-License-Identifier: Apache-2.0
// Where the eye is and how it moves. Axes are three.js's: x right, y up, looking along -z.
import { Matrix4, Quaternion, Vector3 } from "three";

const FROM_POLE = Math.PI / 180; // how near to straight up or down one may look
const NEAREST = 1e-4; // distance to what is looked at, in radii of the subject

/** A pose: `position`, `rotation` (camera to world) and `distance` to what it turns around. */
export function makePose(position, rotation, distance) {
  return { position, rotation, distance };
}

export function copyPose({ position, rotation, distance }) {
  return makePose(position.clone(), rotation.clone(), distance);
}

/** The pose of a view: `pose` is world to camera in OpenCV's axes, 16 numbers row by row. */
export function poseOfView({ pose: m }, center) {
  const right = new Vector3(m[0], m[1], m[2]);
  const down = new Vector3(m[4], m[5], m[6]);
  const ahead = new Vector3(m[8], m[9], m[10]);
  const position = new Vector3()
    .addScaledVector(right, -m[3])
    .addScaledVector(down, -m[7])
    .addScaledVector(ahead, -m[11]);
  const basis = new Matrix4().makeBasis(right, down.negate(), ahead.clone().negate());
  const rotation = new Quaternion().setFromRotationMatrix(basis).normalize();
  const toCenter = center.clone().sub(position);
  const depth = toCenter.dot(ahead);
  return makePose(position, rotation, depth > 0 ? depth : toCenter.length());
}

/** Turns the eye around what it looks at; angles in radians. */
export function orbit(pose, up, yaw, pitch) {
  const pivot = ahead(pose).multiplyScalar(pose.distance).add(pose.position);
  const rotation = turned(pose.rotation, up, yaw, pitch);
  const next = makePose(pivot, rotation, pose.distance);
  next.position = ahead(next).multiplyScalar(-pose.distance).add(pivot);
  return next;
}

/** Turns the eye where it stands. */
export function look(pose, up, yaw, pitch) {
  return makePose(pose.position.clone(), turned(pose.rotation, up, yaw, pitch), pose.distance);
}

/** Moves the eye along its own axes: `step` is [right, up, ahead] in scene units. */
export function move(pose, [x, y, z]) {
  const step = new Vector3(x, y, -z).applyQuaternion(pose.rotation);
  return makePose(pose.position.clone().add(step), pose.rotation.clone(), pose.distance);
}

/** Comes closer to what is looked at: `factor` times the distance. */
export function zoom(pose, factor, radius) {
  const distance = Math.max(pose.distance * factor, NEAREST * radius);
  const next = move(pose, [0, 0, pose.distance - distance]);
  next.distance = distance;
  return next;
}

function ahead({ rotation }) {
  return new Vector3(0, 0, -1).applyQuaternion(rotation);
}

/** Yaw around what is up, pitch around the eye's own right, but never over the pole. */
function turned(rotation, up, yaw, pitch) {
  const aside = new Quaternion().setFromAxisAngle(up, yaw).multiply(rotation);
  const polar = ahead({ rotation }).angleTo(up);
  const most = Math.max(polar - FROM_POLE, 0);
  const least = Math.min(polar - Math.PI + FROM_POLE, 0);
  const right = new Vector3(1, 0, 0).applyQuaternion(aside);
  const tilt = Math.min(Math.max(pitch, least), most);
  return new Quaternion().setFromAxisAngle(right, tilt).multiply(aside).normalize();
}
