// SPDX-License-Identifier: Apache-2.0
// Tiles of the picture: asked for when seen, drawn over coarser ones that are there already.

const KEPT = 300; // tiles, 256 kB each
const AT_ONCE = 4; // requests

export class Tiles {
  /** `ask(name)` fetches; `onTile` hears of each that has come, `onError` of what went wrong. */
  constructor(facts, ask, onTile, onError) {
    Object.assign(this, { facts, ask, onTile, onError });
    this.kept = new Map(); // key -> ImageBitmap, the one used longest ago first
    this.wanted = []; // keys, the most wanted first
    this.asked = new Set();
  }

  /** How many levels a zoom needs: those up to the first picture at least as large. */
  levels(zoom, chosen) {
    if (chosen) return chosen;
    let count = 1;
    while (count < this.facts.levels.length && zoom > 0.5 ** (this.facts.total - count)) count++;
    return count;
  }

  /** Draws what is there; true when nothing of it is missing. */
  draw(context, { left, top, zoom, from, width, height, levels }) {
    const [lowest, highest] = this.facts.exponents;
    const exponent = Math.min(Math.max(Math.ceil(Math.log2(zoom) - 1e-9), lowest), highest);
    const count = this.levels(zoom, levels);
    const size = this.facts.tile * (zoom / 2 ** exponent); // of a tile on the canvas
    const columns = this.range(from - left, width - left, size, this.facts.width * zoom);
    const rows = this.range(-top, height - top, size, this.facts.height * zoom);
    this.wanted = [];
    for (let y = rows[0]; y < rows[1]; y++)
      for (let x = columns[0]; x < columns[1]; x++) {
        const at = [left + x * size, top + y * size, size];
        if (!this.put(context, count, exponent, x, y, at)) this.wanted.push([count, exponent, x, y].join("-"));
      }
    this.next();
    return this.wanted.length === 0;
  }

  range(start, end, size, whole) {
    return [Math.max(0, Math.floor(start / size)), Math.ceil(Math.min(end, whole) / size)];
  }

  /** Draws a tile, or the part of a coarser one that covers it; true for the tile itself. */
  put(context, count, exponent, x, y, [left, top, size]) {
    for (let up = 0; up < 6; up++) {
      const found = this.use([count, exponent - up, x >> up, y >> up].join("-"));
      if (!found) continue;
      const part = this.facts.tile / 2 ** up;
      const mask = 2 ** up - 1;
      const [x0, y0] = [Math.round(left), Math.round(top)]; // whole pixels: no seams
      const [x1, y1] = [Math.round(left + size), Math.round(top + size)];
      context.drawImage(found, (x & mask) * part, (y & mask) * part, part, part, x0, y0, x1 - x0, y1 - y0);
      return up === 0;
    }
    return false;
  }

  use(key) {
    const found = this.kept.get(key);
    if (found) {
      this.kept.delete(key);
      this.kept.set(key, found);
    }
    return found;
  }

  next() {
    while (this.asked.size < AT_ONCE) {
      const key = this.wanted.find((each) => !this.asked.has(each));
      if (key === undefined) return;
      this.asked.add(key);
      this.load(key).catch(this.onError);
    }
  }

  async load(key) {
    try {
      const side = this.facts.tile;
      const data = new Uint8ClampedArray(await (await this.ask(`tile-${key}.bin`)).arrayBuffer());
      this.kept.set(key, await createImageBitmap(new ImageData(data, side, side)));
      for (const old of this.kept.keys()) {
        if (this.kept.size <= KEPT) break;
        this.kept.get(old).close();
        this.kept.delete(old);
      }
    } finally {
      this.asked.delete(key);
    }
    this.onTile();
  }
}
