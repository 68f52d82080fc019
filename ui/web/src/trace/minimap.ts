// The whole trace at a glance, painted on a canvas; dragging chooses the stretch that the rows show.
import { colour } from "../theme";
import type { TraceModel } from "./model";
import { make } from "./rows";

const HEIGHT = 54;
const LEAST_PIXELS = 4;

export class Minimap {
  readonly element = make("div", "wf-map");
  private readonly canvas = document.createElement("canvas");
  private readonly before = make("div", "wf-map-out");
  private readonly after = make("div", "wf-map-out");
  private begin: number | null = null;

  constructor(private readonly model: TraceModel, private readonly changed: () => void) {
    this.canvas.setAttribute("aria-hidden", "true");
    this.element.append(this.canvas, this.before, this.after);
    this.element.addEventListener("pointerdown", (event) => {
      this.begin = this.time(event);
      this.element.setPointerCapture(event.pointerId);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.begin !== null) this.choose(this.begin, this.time(event));
    });
    this.element.addEventListener("pointerup", (event) => {
      if (this.begin === null) return;
      const [start, end] = [this.begin, this.time(event)];
      this.begin = null;
      const pixels = (Math.abs(end - start) / this.model.whole) * this.element.clientWidth;
      if (pixels < LEAST_PIXELS) this.choose(0, this.model.whole);
    });
    this.element.title = "Drag to zoom in, click to see the whole trace";
  }

  private time(event: PointerEvent): number {
    const box = this.element.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.model.whole;
  }

  private choose(start: number, end: number): void {
    [this.model.from, this.model.to] = [Math.min(start, end), Math.max(start, end)];
    if (this.model.to - this.model.from < this.model.whole / 1e6) [this.model.from, this.model.to] = [0, this.model.whole];
    this.changed();
  }

  /** Paints the window; cheap, on every change of it. */
  showWindow(): void {
    const { from, to, whole } = this.model;
    this.before.style.left = "0";
    this.before.style.width = `${(from / whole) * 100}%`;
    this.after.style.right = "0";
    this.after.style.width = `${(1 - to / whole) * 100}%`;
  }

  /** Paints the spans. All of them in one pass over pixel rows: spans beyond the height share a row, errors last. */
  paint(): void {
    const width = this.element.clientWidth;
    if (width === 0) return;
    const scale = devicePixelRatio;
    this.canvas.width = width * scale;
    this.canvas.height = HEIGHT * scale;
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    const { columns, size, whole } = this.model;
    const colours = columns.services.map(({ slot }) => {
      const probe = make("span", `s${slot}`);
      this.element.append(probe);
      const value = colour("--c", probe);
      probe.remove();
      return value;
    });
    const error = colour("--error-mark");
    const row = Math.min((HEIGHT * scale) / Math.max(size, 1), 4 * scale);
    const paint = (span: number, fill: string): void => {
      context.fillStyle = fill;
      const x = ((columns.offset[span] ?? 0) / whole) * width * scale;
      const w = Math.max(((columns.length[span] ?? 0) / whole) * width * scale, scale);
      context.fillRect(x, Math.floor((span / size) * Math.min(size * row, HEIGHT * scale)), w, Math.max(row - (row > 2 * scale ? scale : 0), scale));
    };
    // Beyond this, neighbours cover each other anyway.
    const step = Math.max(1, Math.floor(size / (HEIGHT * scale * 20)));
    for (let span = 0; span < size; span += step) paint(span, colours[columns.service[span] ?? 0] ?? error);
    for (let span = 0; span < size; span += 1) if (this.model.isError(span)) paint(span, error);
    this.showWindow();
  }
}
