// The rows of a trace and what of them is shown. Nothing is kept per row but numbers.
import { align } from "./clocks";
import type { Lane } from "./linked";
import type { Columns, Header } from "./payload";
import { Scale } from "./scale";

export const SPAN = 0;
export const FOLD = 1;
export const MISSING = 2;
export const LANE = 3;
const IS_ERROR = 1;
const SHARED_ID = 2;
const CYCLE = 4;
const HAS_LINKS = 8;
const IS_LINKED = 16;
const ID_BYTES = 8;

export class TraceModel {
  readonly size: number;
  /** The rows shown, in order: all but those below a collapsed one. */
  visible = new Int32Array(0);
  readonly collapsed: Uint8Array;
  readonly depth: Uint32Array;
  /** Rows below, which follow directly. */
  readonly below: Uint32Array;
  /** By row: the how manieth of its siblings it is, from 1, and how many there are. */
  readonly position: Uint32Array;
  readonly siblings: Uint32Array;
  /** By row: the first part of the critical path, the first mark, the first link from it; and by each the next of its row. */
  readonly path: Chains;
  readonly marks: Chains;
  readonly links: Chains;
  readonly skew = new Map<number, number>();
  /** By row of a fold: the statement that was repeated; and by row of its parent: the rows of such folds. */
  readonly repeats = new Map<number, string>();
  readonly repeaters = new Map<number, number[]>();
  readonly nErrors: number;
  scale: Scale;
  /** The stretch of the axis that is shown. */
  from = 0;
  to: number;
  /** By row: 1 for those that were found. */
  readonly found: Uint8Array;
  nFound = 0;
  /** By row: 1 for those that are left out, with all below them. */
  readonly pruned: Uint8Array;
  /** The only row that is shown with all below it, or -1; and those that are left out. */
  only = -1;
  readonly hidden = new Set<number>();
  /** By row: by how much it is moved while clocks are aligned. */
  shift: Float64Array | null = null;
  private readonly raw: Pick<Columns, "offset" | "pathOffset" | "markOffset"> & { duration: number };
  private compressed = true;
  private readonly rowAt: Int32Array;
  private readonly errorsBefore: Uint32Array;
  private readonly foundBefore: Uint32Array;

  /** `lanes` are the trace and those that are linked to it. */
  constructor(readonly header: Header, readonly columns: Columns, readonly lanes: Lane[]) {
    this.size = columns.offset.length;
    const { size } = this;
    this.collapsed = new Uint8Array(size);
    this.depth = new Uint32Array(size);
    this.below = new Uint32Array(size);
    this.position = new Uint32Array(size);
    this.siblings = new Uint32Array(size);
    this.found = new Uint8Array(size);
    this.pruned = new Uint8Array(size);
    this.raw = { offset: columns.offset, pathOffset: columns.pathOffset, markOffset: columns.markOffset, duration: header.duration };
    this.rowAt = new Int32Array(size);
    this.errorsBefore = new Uint32Array(size + 1);
    this.foundBefore = new Uint32Array(size + 1);
    this.path = new Chains(columns.pathRow, size);
    this.marks = new Chains(columns.markRow, size);
    this.links = new Chains(columns.linkFrom, size);
    this.scale = new Scale(header, true);
    this.to = this.whole;
    this.climb();
    this.nErrors = this.errorsBefore[size] ?? 0;
    columns.skewRow.forEach((row, i) => this.skew.set(row, columns.skewBy[i] ?? 0));
    columns.repeatRow.forEach((row, i) => {
      this.repeats.set(row, header.texts[columns.repeatText[i] ?? 0] ?? "");
      const parent = this.parent(row);
      this.repeaters.set(parent, [...(this.repeaters.get(parent) ?? []), row]);
    });
    this.setFolded(true);
  }

  /** Fills in what follows from the parents. */
  private climb(): void {
    const { columns, depth, below, position, siblings, errorsBefore, size } = this;
    const children = new Uint32Array(size + 1);
    for (let row = 0; row < size; row += 1) {
      const parent = this.parent(row);
      if (parent >= 0) depth[row] = (depth[parent] ?? 0) + 1;
      children[parent + 1] = (children[parent + 1] ?? 0) + 1;
      position[row] = children[parent + 1] ?? 0;
      errorsBefore[row + 1] = (errorsBefore[row] ?? 0) + ((columns.flags[row] ?? 0) & IS_ERROR);
    }
    for (let row = size - 1; row >= 0; row -= 1) {
      const parent = this.parent(row);
      siblings[row] = children[parent + 1] ?? 0;
      if (parent >= 0) below[parent] = (below[parent] ?? 0) + (below[row] ?? 0) + 1;
    }
  }

  /** The length of the axis; at least 1, so that it can divide. */
  get whole(): number {
    return this.scale.whole;
  }

  parent(row: number): number {
    const up = this.columns.up[row] ?? 0;
    return up === 0 ? -1 : row - up;
  }

  kind(row: number): number {
    return this.columns.kind[row] ?? SPAN;
  }

  hex(row: number): string {
    let text = "";
    for (let i = row * ID_BYTES; i < (row + 1) * ID_BYTES; i += 1) text += (this.columns.id[i] ?? 0).toString(16).padStart(2, "0");
    return text;
  }

  /** The trace of a row: the first is the one that the page is about. */
  lane(row: number): number {
    return Math.max(this.lanes.findIndex(({ end }) => row < end), 0);
  }

  /**
   * What names the span of a row in an address: its id, the how manieth of those with the id it is, and before it the trace
   * unless it is that of the page.
   */
  id(row: number): string {
    const hex = this.hex(row);
    const lane = this.lane(row);
    const { trace, first } = this.lanes[lane] ?? { trace: "", first: 0 };
    const id = lane === 0 ? hex : `${trace}:${hex}`;
    if (!this.isTwin(row)) return id;
    let nth = 1;
    for (let above = first; above < row; above += 1) if (this.isTwin(above) && this.kind(above) === SPAN && this.hex(above) === hex) nth += 1;
    return nth === 1 ? id : `${id}.${nth}`;
  }

  /** The row of the span with such an id, or -1. */
  find(id: string): number {
    const [trace = "", local = ""] = id.includes(":") ? id.split(":") : [this.lanes[0]?.trace, id];
    const { first, end } = this.lanes.find((it) => it.trace === trace) ?? { first: 0, end: 0 };
    const [hex = "", nth = "1"] = local.split(".");
    const bytes = Array.from({ length: ID_BYTES }, (_, i) => parseInt(hex.padStart(2 * ID_BYTES, "0").slice(2 * i, 2 * i + 2), 16));
    let left = Number(nth);
    for (let row = first; row < end; row += 1) {
      let same = this.kind(row) === SPAN;
      for (let i = 0; same && i < ID_BYTES; i += 1) same = this.columns.id[row * ID_BYTES + i] === bytes[i];
      if (same && (left -= 1) <= 0) return row;
    }
    return -1;
  }

  name(row: number): string {
    return this.header.texts[this.columns.name[row] ?? 0] ?? "";
  }

  service(row: number): { name: string; slot: number } {
    return this.header.services[this.columns.service[row] ?? 0] ?? { name: "", slot: 0 };
  }

  isError(row: number): boolean {
    return ((this.columns.flags[row] ?? 0) & IS_ERROR) !== 0;
  }

  isTwin(row: number): boolean {
    return ((this.columns.flags[row] ?? 0) & SHARED_ID) !== 0;
  }

  isCut(row: number): boolean {
    return ((this.columns.flags[row] ?? 0) & CYCLE) !== 0;
  }

  hasLinks(row: number): boolean {
    return ((this.columns.flags[row] ?? 0) & HAS_LINKS) !== 0;
  }

  isLinked(row: number): boolean {
    return ((this.columns.flags[row] ?? 0) & IS_LINKED) !== 0;
  }

  /** How long after the first span of the trace that it links to a row starts; null where it links to none before it. */
  waited(row: number): number | null {
    let longest: number | null = null;
    for (const i of this.links.of(row)) {
      const wait = (this.columns.offset[row] ?? 0) - (this.columns.offset[this.columns.linkTo[i] ?? 0] ?? 0);
      if (wait >= 0) longest = Math.max(longest ?? 0, wait);
    }
    return longest;
  }

  /** How many of the rows below have an error, which a collapsed row must still tell. */
  errorsBelow(row: number): number {
    return (this.errorsBefore[row + 1 + (this.below[row] ?? 0)] ?? 0) - (this.errorsBefore[row + 1] ?? 0);
  }

  foundBelow(row: number): number {
    return (this.foundBefore[row + 1 + (this.below[row] ?? 0)] ?? 0) - (this.foundBefore[row + 1] ?? 0);
  }

  /** The sum and the longest of the spans in a fold. */
  folded(row: number): { total: number; longest: number } {
    let [total, longest] = [0, 0];
    for (let member = row + 1; member <= row + (this.below[row] ?? 0); member += 1) {
      const length = this.columns.length[member] ?? 0;
      total += length;
      longest = Math.max(longest, length);
    }
    return { total, longest };
  }

  /** The place of `row` among the visible ones, or -1. */
  place(row: number): number {
    return this.rowAt[row] ?? -1;
  }

  /** Works out which rows are visible. */
  arrange(): void {
    const visible = new Int32Array(this.size);
    this.rowAt.fill(-1);
    let count = 0;
    for (let row = 0; row < this.size; ) {
      if (this.pruned[row] === 1) {
        row += 1;
        continue;
      }
      visible[count] = row;
      this.rowAt[row] = count;
      count += 1;
      row += this.collapsed[row] === 1 ? (this.below[row] ?? 0) + 1 : 1;
    }
    this.visible = visible.subarray(0, count);
  }

  setCollapsed(row: number, collapsed: boolean): void {
    if ((this.below[row] ?? 0) === 0) return;
    this.collapsed[row] = collapsed ? 1 : 0;
    this.arrange();
  }

  /** Collapses or opens the rows that stand for equal siblings. */
  setFolded(folded: boolean): void {
    for (let row = 0; row < this.size; row += 1) if (this.kind(row) === FOLD) this.collapsed[row] = folded ? 1 : 0;
    this.arrange();
  }

  /** Collapses or expands every row that has others below, but opens no fold. */
  setAllCollapsed(collapsed: boolean): void {
    for (let row = 0; row < this.size; row += 1) {
      if (!collapsed && this.kind(row) === FOLD) continue;
      // Roots stay open: all that is left would be one line.
      const inner = (this.depth[row] ?? 0) > 0;
      this.collapsed[row] = collapsed && inner && (this.below[row] ?? 0) > 0 ? 1 : 0;
    }
    this.arrange();
  }

  /** Collapses the deepest level that is open, or opens the topmost that is collapsed. Folds stay as they are. */
  step(collapse: boolean): void {
    const rows = this.visible.filter((row) => this.kind(row) !== FOLD && (this.below[row] ?? 0) > 0 && (this.collapsed[row] === 1) !== collapse);
    const level = rows.reduce((best, row) => (collapse ? Math.max(best, this.depth[row] ?? 0) : Math.min(best, this.depth[row] ?? 0)), collapse ? -1 : Infinity);
    for (const row of rows) if (this.depth[row] === level) this.collapsed[row] = collapse ? 1 : 0;
    this.arrange();
  }

  get isPruned(): boolean {
    return this.only >= 0 || this.hidden.size > 0;
  }

  /** Shows `only` with all below it, or everything when it is -1, but for the rows of `hidden` and all below those. */
  prune(only: number, hidden: Iterable<number>): void {
    const rows = [...hidden];
    this.only = only;
    this.hidden.clear();
    this.pruned.fill(only < 0 ? 0 : 1);
    if (only >= 0) this.pruned.fill(0, only, only + 1 + (this.below[only] ?? 0));
    for (const row of rows) {
      this.hidden.add(row);
      this.pruned.fill(1, row, row + 1 + (this.below[row] ?? 0));
    }
    this.arrange();
  }

  /** Expands what hides `row`, and shows again what was left out and has it. */
  reveal(row: number): void {
    if (this.pruned[row] === 1) {
      const has = (above: number): boolean => above <= row && row <= above + (this.below[above] ?? 0);
      this.prune(this.only >= 0 && has(this.only) ? this.only : -1, [...this.hidden].filter((it) => !has(it)));
    }
    let changed = false;
    for (let above = this.parent(row); above >= 0; above = this.parent(above)) {
      if (this.collapsed[above] === 1) {
        this.collapsed[above] = 0;
        changed = true;
      }
    }
    if (changed) this.arrange();
  }

  /** The nearest visible row at or above `row`. */
  shown(row: number): number {
    let at = row;
    while (at >= 0 && this.place(at) < 0) at = this.parent(at);
    return Math.max(at, 0);
  }

  setFound(rows: Iterable<number>): void {
    this.found.fill(0);
    for (const row of rows) this.found[row] = 1;
    for (let row = 0; row < this.size; row += 1) this.foundBefore[row + 1] = (this.foundBefore[row] ?? 0) + (this.found[row] ?? 0);
    this.nFound = this.foundBefore[this.size] ?? 0;
  }

  /** How many of the found rows are at or before `row`. */
  foundUpTo(row: number): number {
    return this.foundBefore[row + 1] ?? 0;
  }

  /** The next row after `row` in `direction` for which `test` holds, going round at the end; -1 when there is none. */
  next(row: number, direction: 1 | -1, test: (row: number) => boolean): number {
    for (let step = 1; step <= this.size; step += 1) {
      const at = (row + direction * step + this.size * 2) % this.size;
      if (test(at)) return at;
    }
    return -1;
  }

  /** Draws long gaps short, or as long as they are, and shows the whole of it. */
  setCompressed(compress: boolean): void {
    this.compressed = compress;
    this.scale = new Scale(this.header, compress);
    [this.from, this.to] = [0, this.whole];
  }

  /** Moves what starts before its parent, or back to the times as sent, and shows the whole of it. */
  setAligned(aligned: boolean): void {
    const result = aligned ? align({ ...this.columns, ...this.raw }) : null;
    this.shift = result?.shift ?? null;
    const { offset, pathOffset, markOffset } = result?.moved ?? this.raw;
    Object.assign(this.columns, { offset, pathOffset, markOffset });
    this.header.duration = Math.max(this.raw.duration, result?.end ?? 0);
    this.setCompressed(this.compressed);
  }
}

/** Which entries of a column belong to a row, without an array for each. */
export class Chains {
  private readonly first: Int32Array;
  private readonly after: Int32Array;

  constructor(rows: Uint32Array, size: number) {
    this.first = new Int32Array(size).fill(-1);
    this.after = new Int32Array(rows.length);
    for (let i = rows.length - 1; i >= 0; i -= 1) {
      const row = rows[i] ?? 0;
      this.after[i] = this.first[row] ?? -1;
      this.first[row] = i;
    }
  }

  has(row: number): boolean {
    return (this.first[row] ?? -1) >= 0;
  }

  *of(row: number): Generator<number> {
    for (let i = this.first[row] ?? -1; i >= 0; i = this.after[i] ?? -1) yield i;
  }
}
