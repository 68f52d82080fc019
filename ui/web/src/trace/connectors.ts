// Dotted lines from a span to those that link to it, where one of the two is in sight.
import type { TraceModel } from "./model";
import { ROW_HEIGHT } from "./rows";

const SVG = "http://www.w3.org/2000/svg";
const MAX_LINES = 40;

export class Connectors {
  readonly element = document.createElementNS(SVG, "svg");
  private readonly lines = document.createElementNS(SVG, "path");

  constructor(private readonly model: TraceModel) {
    this.element.setAttribute("class", "wf-links");
    this.element.setAttribute("aria-hidden", "true");
    this.element.append(this.lines);
  }

  /** Draws the links of the visible rows from `first` to `last` over cells that begin at `left` and are `width` wide. */
  paint(first: number, last: number, left: number, width: number): void {
    const { columns, scale, from, to } = this.model;
    const x = (time: number): number => left + Math.min(Math.max((scale.place(time) - from) / Math.max(to - from, 1e-9), 0), 1) * width;
    const parts: string[] = [];
    for (let i = 0; i < columns.linkFrom.length && parts.length < MAX_LINES; i += 1) {
      const [later, earlier] = [columns.linkFrom[i] ?? 0, columns.linkTo[i] ?? 0];
      const [a, b] = [this.model.place(this.model.shown(earlier)), this.model.place(this.model.shown(later))];
      if (a === b || Math.max(a, b) < first || Math.min(a, b) > last) continue;
      const [x1, y1] = [x((columns.offset[earlier] ?? 0) + (columns.length[earlier] ?? 0)), (a + 0.5) * ROW_HEIGHT];
      const [x2, y2] = [x(columns.offset[later] ?? 0), (b + 0.5) * ROW_HEIGHT];
      // Far ends out of sight need no long path.
      const bend = Math.max(12, Math.abs(x2 - x1) / 3);
      parts.push(`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`);
    }
    this.lines.setAttribute("d", parts.join(""));
  }
}
