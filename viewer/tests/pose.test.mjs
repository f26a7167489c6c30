// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { Quaternion, Vector3 } from "three";
import { copyPose, look, makePose, move, orbit, poseOfView, zoom } from "../src/pose.js";

const near = (a, b, what) => assert.ok(a.distanceTo(b) < 1e-6, `${what}: ${a.toArray()} ${b.toArray()}`);
const ahead = ({ rotation }) => new Vector3(0, 0, -1).applyQuaternion(rotation);
const up = new Vector3(0, -1, 0); // as in most captures
const pivot = (pose) => ahead(pose).multiplyScalar(pose.distance).add(pose.position);

// Three units before the origin, looking at it, y down.
const view = { pose: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 0, 0, 0, 1] };
const start = () => poseOfView(view, new Vector3(0, 0, 0));

test("a view's eye stands where its camera stood, and looks where it looked", () => {
  const pose = start();
  near(pose.position, new Vector3(0, 0, -3), "position");
  near(ahead(pose), new Vector3(0, 0, 1), "ahead");
  near(new Vector3(0, 1, 0).applyQuaternion(pose.rotation), up, "up");
  assert.equal(pose.distance, 3);
});

test("orbiting keeps the distance to what is looked at", () => {
  const turned = orbit(start(), up, 0.7, 0.3);
  near(pivot(turned), new Vector3(0, 0, 0), "pivot");
  assert.ok(turned.position.distanceTo(start().position) > 1);
});

test("looking around keeps the place", () => {
  const turned = look(start(), up, 0.7, 0.3);
  near(turned.position, start().position, "position");
  assert.ok(ahead(turned).angleTo(ahead(start())) > 0.5);
});

test("nobody turns over the pole", () => {
  let pose = start();
  for (let i = 0; i < 100; i += 1) pose = orbit(pose, up, 0, 0.1);
  const steepness = Math.abs(ahead(pose).dot(up));
  assert.ok(steepness > 0.99 && steepness < 1);
  assert.ok(new Vector3(0, 1, 0).applyQuaternion(pose.rotation).dot(up) > 0, "upside down");
});

test("turning there and back again is turning not at all", () => {
  const pose = orbit(orbit(start(), up, 0.4, 0), up, -0.4, 0);
  near(pose.position, start().position, "position");
});

test("moving follows the eye's own axes", () => {
  near(move(start(), [0, 0, 1]).position, new Vector3(0, 0, -2), "ahead");
  near(move(start(), [1, 0, 0]).position, new Vector3(1, 0, -3), "right");
  near(move(start(), [0, 1, 0]).position, new Vector3(0, -1, -3), "up");
});

test("zooming keeps what is looked at, and stops before it", () => {
  const closer = zoom(start(), 0.5, 1);
  near(closer.position, new Vector3(0, 0, -1.5), "position");
  near(pivot(closer), new Vector3(0, 0, 0), "pivot");
  assert.ok(zoom(start(), 0, 1).distance > 0);
});

test("functions change no pose that they are given", () => {
  const pose = makePose(new Vector3(0, 0, -3), new Quaternion(), 3);
  const before = JSON.stringify(pose);
  orbit(pose, up, 1, 1), look(pose, up, 1, 1), move(pose, [1, 1, 1]), zoom(pose, 2, 1);
  copyPose(pose).position.set(9, 9, 9);
  assert.equal(JSON.stringify(pose), before);
});
