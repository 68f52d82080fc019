// What of the tree is left out: all but one span with what is below it, or some spans with what is below them. It is in the
// address, as the ids of spans.
import { read, write } from "./address";
import { SPAN, type TraceModel } from "./model";

/** Spans left out at once: each is in the address. */
const MAX_HIDDEN = 40;

export class Pruning {
  constructor(private readonly model: TraceModel) {}

  /** Takes over what the address says, as far as it is there. */
  restore(): void {
    const { model } = this;
    const find = (id: string): number => (id === "" ? -1 : model.find(id));
    const hidden = read("hide").split(",").slice(0, MAX_HIDDEN).map(find).filter((row) => row >= 0);
    model.prune(find(read("only")), hidden);
    // Nothing is left of what is hidden itself.
    if (model.visible.length === 0) model.prune(-1, []);
  }

  /** Leaves out all but `row`; false where it is no span. */
  only(row: number): boolean {
    if (this.model.kind(row) !== SPAN) return false;
    this.set(row, []);
    return true;
  }

  /** Leaves out `row`, and returns the row in its place; -1 where it must stay. */
  hide(row: number): number {
    const { model } = this;
    if (model.kind(row) !== SPAN || model.hidden.size >= MAX_HIDDEN) return -1;
    const last = row + (model.below[row] ?? 0);
    // Something is always shown.
    if (model.visible.every((it) => it >= row && it <= last)) return -1;
    const place = model.place(row);
    this.set(model.only, [...model.hidden, row]);
    return model.visible[Math.min(place, model.visible.length - 1)] ?? 0;
  }

  /** Shows all again; false where it is shown already. */
  none(): boolean {
    if (!this.model.isPruned) return false;
    this.set(-1, []);
    return true;
  }

  write(): void {
    const { model } = this;
    write("only", model.only < 0 ? "" : model.id(model.only));
    write("hide", [...model.hidden].map((row) => model.id(row)).join(","));
  }

  private set(only: number, hidden: Iterable<number>): void {
    this.model.prune(only, hidden);
    this.write();
  }
}
