// The whole trace at a glance, painted pixel by pixel; dragging chooses the stretch that the rows show.
import { colour } from "../theme";
import type { TraceModel } from "./model";
import { make } from "./rows";

const HEIGHT = 54;
const LEAST_PIXELS = 4;
/** Height of a span, at most. */
const THICK = 3;

export class Minimap {
  readonly element = make("div", "wf-map");
  private readonly canvas = document.createElement("canvas");
  private readonly before = make("div", "wf-map-out");
  private readonly after = make("div", "wf-map-out");
  private begin: number | null = null;

  constructor(private readonly model: TraceModel, private readonly choose: (from: number, to: number) => void) {
    this.canvas.setAttribute("aria-hidden", "true");
    this.element.append(this.canvas, this.before, this.after);
    this.element.addEventListener("pointerdown", (event) => {
      this.begin = this.place(event);
      this.element.setPointerCapture(event.pointerId);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.begin === null) return;
      const at = this.place(event);
      this.choose(Math.min(this.begin, at), Math.max(this.begin, at));
    });
    this.element.addEventListener("pointerup", (event) => {
      if (this.begin === null) return;
      const pixels = (Math.abs(this.place(event) - this.begin) / this.model.whole) * this.element.clientWidth;
      this.begin = null;
      if (pixels < LEAST_PIXELS) this.choose(0, this.model.whole);
    });
    this.element.title = "Drag to zoom in, click to see the whole trace";
  }

  private place(event: PointerEvent): number {
    const box = this.element.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.model.whole;
  }

  /** Paints the window; cheap, on every change of it. */
  showWindow(): void {
    const { from, to, whole } = this.model;
    this.before.style.left = "0";
    this.before.style.width = `${(from / whole) * 100}%`;
    this.after.style.right = "0";
    this.after.style.width = `${(1 - to / whole) * 100}%`;
  }

  /** Paints the spans, errors above all others. A span is a run of equal pixels, so that hundreds of thousands cost little. */
  paint(): void {
    const { model } = this;
    const ratio = devicePixelRatio;
    const width = Math.round(this.element.clientWidth * ratio);
    const height = Math.round(HEIGHT * ratio);
    const context = this.canvas.getContext("2d");
    if (width === 0 || context === null) return;
    [this.canvas.width, this.canvas.height] = [width, height];
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const { columns, size, scale, whole } = model;
    const colours = model.header.services.map(({ slot }) => this.colourOf(slot));
    const error = packed(colour("--error-mark"));
    const pitch = Math.min(height / Math.max(size, 1), (THICK + 1) * ratio);
    const thick = Math.max(1, Math.floor(Math.min(pitch, THICK * ratio)));
    const paint = (row: number, fill: number): void => {
      const offset = columns.offset[row] ?? 0;
      const x = Math.min(Math.floor((scale.place(offset) / whole) * width), width - 1);
      const end = Math.min(Math.max(Math.ceil((scale.place(offset + (columns.length[row] ?? 0)) / whole) * width), x + 1), width);
      const top = Math.floor(row * pitch);
      for (let y = top; y < Math.min(top + thick, height); y += 1) pixels.fill(fill, y * width + x, y * width + end);
    };
    for (let row = 0; row < size; row += 1) if (model.kind(row) === 0) paint(row, colours[columns.service[row] ?? 0] ?? error);
    for (let row = 0; row < size; row += 1) if (model.isError(row)) paint(row, error);
    context.putImageData(image, 0, 0);
    this.showWindow();
  }

  private readonly known = new Map<number, number>();

  private colourOf(slot: number): number {
    const known = this.known.get(slot);
    if (known !== undefined) return known;
    const probe = make("span", `s${slot}`);
    this.element.append(probe);
    const value = packed(colour("--c", probe));
    probe.remove();
    this.known.set(slot, value);
    return value;
  }

  /** Paints in the colours of a new theme. */
  repaint(): void {
    this.known.clear();
    this.paint();
  }
}

/** `rgb(…)` as a pixel of an image on a little-endian machine, which all that run browsers are. */
function packed(text: string): number {
  const [red = 0, green = 0, blue = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
