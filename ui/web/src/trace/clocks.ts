// Clocks of hosts differ: a span may start before the one that caused it. Aligned, such a span and all below it are moved
// into the middle of the parent, or to its start where it is longer; by how much the clocks really differ nobody knows.
import { type Columns } from "./payload";
import { SPAN } from "./model";

/** By how much each row is moved, and the columns of times with it; ends may lie after the end of the trace. */
export function align(columns: Columns): { shift: Float64Array; moved: Pick<Columns, "offset" | "pathOffset" | "markOffset">; end: number } {
  const size = columns.offset.length;
  const shift = new Float64Array(size);
  const skewed = new Set(columns.skewRow);
  const at = (column: Float64Array, row: number): number => column[row] ?? 0;
  let end = 0;
  for (let row = 0; row < size; row += 1) {
    let parent = row - (columns.up[row] ?? 0);
    if (parent === row) parent = -1;
    shift[row] = parent < 0 ? 0 : at(shift, parent);
    // The span above, past rows that stand for several.
    while (parent >= 0 && columns.kind[parent] !== SPAN) parent = (columns.up[parent] ?? 0) === 0 ? -1 : parent - (columns.up[parent] ?? 0);
    if (parent >= 0 && skewed.has(row)) {
      const room = at(columns.length, parent) - at(columns.length, row);
      shift[row] = at(shift, parent) + at(columns.offset, parent) + Math.max(room, 0) / 2 - at(columns.offset, row);
    }
    end = Math.max(end, at(columns.offset, row) + at(shift, row) + at(columns.length, row));
  }
  const move = (times: Float64Array, rows: Uint32Array): Float64Array => times.map((time, i) => time + at(shift, rows[i] ?? 0));
  const moved = {
    offset: columns.offset.map((time, row) => time + at(shift, row)),
    pathOffset: move(columns.pathOffset, columns.pathRow),
    markOffset: move(columns.markOffset, columns.markRow),
  };
  return { shift, moved, end };
}
