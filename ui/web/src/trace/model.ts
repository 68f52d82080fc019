// The trace as the server sent it, one array per column, and what of it is shown. Nothing is kept per span but numbers.

export interface Columns {
  trace_id: string; start: string; duration: number;
  services: { name: string; slot: number }[];
  names: string[]; ids: string;
  depth: number[]; below: number[]; offset: number[]; length: number[];
  service: number[]; name: number[]; kind: number[]; flags: number[];
  critical: { span: number[]; offset: number[]; length: number[] };
  logs: { span: number[]; offset: number[]; level: number[] };
  logs_cut: boolean;
}

const IS_ERROR = 1;
const MISSING_PARENT = 2;
const ODD = 4;
const ID_LENGTH = 16;

export class TraceModel {
  readonly size: number;
  /** The spans shown, in order: all but those below a collapsed one. */
  visible: Int32Array;
  readonly collapsed: Uint8Array;
  /** By span: positions in the columns of the critical path and of the log marks. */
  readonly criticalOf: Map<number, number[]>;
  readonly logsOf: Map<number, number[]>;
  /** The stretch shown, in nanoseconds after the start. */
  from = 0;
  to: number;
  matches: number[] = [];
  private rowOf = new Map<number, number>();

  constructor(readonly columns: Columns) {
    this.size = columns.offset.length;
    this.collapsed = new Uint8Array(this.size);
    this.visible = new Int32Array(0);
    this.criticalOf = group(columns.critical.span);
    this.logsOf = group(columns.logs.span);
    this.to = this.whole;
    this.arrange();
  }

  /** The length of the trace; at least 1, so that it can divide. */
  get whole(): number {
    return Math.max(this.columns.duration, 1);
  }

  id(span: number): string {
    return this.columns.ids.slice(span * ID_LENGTH, (span + 1) * ID_LENGTH);
  }

  find(id: string): number {
    for (let span = 0; span < this.size; span += 1) if (this.id(span) === id) return span;
    return -1;
  }

  name(span: number): string {
    return this.columns.names[this.columns.name[span] ?? 0] ?? "";
  }

  service(span: number): { name: string; slot: number } {
    return this.columns.services[this.columns.service[span] ?? 0] ?? { name: "", slot: 0 };
  }

  isError(span: number): boolean {
    return ((this.columns.flags[span] ?? 0) & IS_ERROR) !== 0;
  }

  isOrphan(span: number): boolean {
    return ((this.columns.flags[span] ?? 0) & MISSING_PARENT) !== 0;
  }

  isOdd(span: number): boolean {
    return ((this.columns.flags[span] ?? 0) & ODD) !== 0;
  }

  /** Whether a span below has an error, which a collapsed row must still tell. */
  hidesError(span: number): boolean {
    const end = span + (this.columns.below[span] ?? 0);
    for (let below = span + 1; below <= end; below += 1) if (this.isError(below)) return true;
    return false;
  }

  parent(span: number): number {
    const depth = this.columns.depth[span] ?? 0;
    if (depth === 0) return -1;
    for (let above = span - 1; above >= 0; above -= 1) if ((this.columns.depth[above] ?? 0) < depth) return above;
    return -1;
  }

  /** The place of `span` among the visible rows, or -1. */
  row(span: number): number {
    return this.rowOf.get(span) ?? -1;
  }

  /** Works out which rows are visible. */
  arrange(): void {
    const visible = new Int32Array(this.size);
    this.rowOf.clear();
    let count = 0;
    for (let span = 0; span < this.size; ) {
      visible[count] = span;
      this.rowOf.set(span, count);
      count += 1;
      span += this.collapsed[span] === 1 ? (this.columns.below[span] ?? 0) + 1 : 1;
    }
    this.visible = visible.subarray(0, count);
  }

  setCollapsed(span: number, collapsed: boolean): void {
    if ((this.columns.below[span] ?? 0) === 0) return;
    this.collapsed[span] = collapsed ? 1 : 0;
    this.arrange();
  }

  /** Collapses or expands every span that has others below. */
  setAllCollapsed(collapsed: boolean): void {
    for (let span = 0; span < this.size; span += 1) {
      // Roots stay open: all that is left would be one line.
      const inner = (this.columns.depth[span] ?? 0) > 0;
      this.collapsed[span] = collapsed && inner && (this.columns.below[span] ?? 0) > 0 ? 1 : 0;
    }
    this.arrange();
  }

  /** Expands what hides `span`. */
  reveal(span: number): void {
    let changed = false;
    for (let above = this.parent(span); above >= 0; above = this.parent(above)) {
      if (this.collapsed[above] === 1) {
        this.collapsed[above] = 0;
        changed = true;
      }
    }
    if (changed) this.arrange();
  }

  /** Finds the spans whose name or service holds `text`, or whose id starts with it. */
  search(text: string): void {
    const wanted = text.trim().toLowerCase();
    this.matches = [];
    if (wanted === "") return;
    const hit = (it: string): boolean => it.toLowerCase().includes(wanted);
    const names = this.columns.names.map(hit);
    const services = this.columns.services.map(({ name }) => hit(name));
    const isId = /^[0-9a-f]{6,16}$/.test(wanted);
    for (let span = 0; span < this.size; span += 1) {
      const found = names[this.columns.name[span] ?? 0] || services[this.columns.service[span] ?? 0] || (isId && this.id(span).startsWith(wanted));
      if (found) this.matches.push(span);
    }
  }

  /** The next span after `span` in `direction` for which `test` holds, going round at the end; -1 when there is none. */
  next(span: number, direction: 1 | -1, test: (span: number) => boolean): number {
    for (let step = 1; step <= this.size; step += 1) {
      const at = (span + direction * step + this.size * 2) % this.size;
      if (test(at)) return at;
    }
    return -1;
  }
}

function group(spans: number[]): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  spans.forEach((span, i) => {
    const known = groups.get(span);
    if (known === undefined) groups.set(span, [i]);
    else known.push(i);
  });
  return groups;
}
