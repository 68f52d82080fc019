// In which lane of the flame graph a span lies: below its parent, in the first lane that is free when it starts, so that
// siblings that ran at the same time lie below each other and cover nothing.
import { SPAN, type TraceModel } from "./model";

export interface Lanes { lane: Int32Array; count: number }

/**
 * The lanes of all spans, in time by the number of spans and the logarithm of that of lanes. The largest tree is above all
 * others, so that no span of another seems to be below one of it.
 */
export function lanes(model: TraceModel): Lanes {
  const { columns, size } = model;
  const lane = new Int32Array(size).fill(-1);
  const [first, last] = largest(model);
  const isMain = (row: number): boolean => row >= first && row <= last;
  // By start, but a parent before its children, also where the clocks say otherwise.
  const key = new Float64Array(size);
  const order = new Uint32Array(size);
  for (let row = 0; row < size; row += 1) {
    order[row] = row;
    key[row] = Math.max(columns.offset[row] ?? 0, key[model.parent(row)] ?? -Infinity);
  }
  order.sort((a, b) => Number(isMain(b)) - Number(isMain(a)) || (key[a] ?? 0) - (key[b] ?? 0) || a - b);
  let width = 1;
  while (width < size) width *= 2;
  // A tree of the times until which lanes are taken: a node has the earliest of the two below it.
  const taken = new Float64Array(2 * width).fill(-Infinity);
  let [count, top] = [0, 0];
  for (const row of order) {
    if (model.kind(row) !== SPAN) continue;
    if (top === 0 && !isMain(row)) top = count;
    const parent = above(model, row);
    const found = firstFree(taken, width, parent < 0 ? top : (lane[parent] ?? -1) + 1, columns.offset[row] ?? 0);
    lane[row] = found;
    count = Math.max(count, found + 1);
    let node = width + found;
    taken[node] = Math.max(taken[node] ?? 0, (columns.offset[row] ?? 0) + (columns.length[row] ?? 0));
    for (node >>= 1; node >= 1; node >>= 1) taken[node] = Math.min(taken[2 * node] ?? 0, taken[2 * node + 1] ?? 0);
  }
  return { lane, count };
}

/** The first and the last row of the tree with most rows. */
function largest(model: TraceModel): [first: number, last: number] {
  let best: [number, number] = [0, -1];
  for (let row = 0; row < model.size; row += 1 + (model.below[row] ?? 0)) {
    const last = row + (model.below[row] ?? 0);
    if (model.kind(row) === SPAN && last - row > best[1] - best[0]) best = [row, last];
  }
  return best;
}

/** The span above a row, past rows that stand for several. */
function above(model: TraceModel, row: number): number {
  let parent = model.parent(row);
  while (parent >= 0 && model.kind(parent) !== SPAN) parent = model.parent(parent);
  return parent;
}

/** The first lane from `from` on that is free at `time`. There always is one: there are as many lanes as spans. */
function firstFree(taken: Float64Array, width: number, from: number, time: number): number {
  let node = width + Math.min(from, width - 1);
  if ((taken[node] ?? 0) <= time) return node - width;
  // Up until there is a free lane to the right, then down to the leftmost of these.
  for (;;) {
    while (node % 2 === 1 && node > 1) node >>= 1;
    if (node <= 1) return width - 1;
    node += 1;
    if ((taken[node] ?? 0) <= time) break;
  }
  while (node < width) {
    node *= 2;
    if ((taken[node] ?? 0) > time) node += 1;
  }
  return node - width;
}
