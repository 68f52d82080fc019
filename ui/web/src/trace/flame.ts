// The flame graph: every span a box over its time, below its parent. Painted on a canvas as large as the window, whatever
// the number of spans; the waterfall says the same as a tree that can be read.
import { colour } from "../theme";
import { duration } from "../units";
import { Axis } from "./axis";
import { lanes, type Lanes } from "./lanes";
import { SPAN, type TraceModel } from "./model";
import { make, type State } from "./rows";

const LANE = 19;
const LEAST_TEXT = 34;
const LEAST_ERROR = 9;
const PADDING = 4;

interface Colours { service: string[]; text: string; ground: string; error: string; accent: string; path: string }

export class Flame {
  readonly element = make("div", "wf-list");
  private readonly scroller = make("div", "wf-scroll fl-scroll");
  private readonly space = make("div", "wf-space");
  private readonly canvas = make("canvas", "fl-canvas");
  private readonly tip = make("div", "fl-tip");
  private readonly axis = new Axis();
  private readonly lanes: Lanes;
  /** Rows by lane, each by start. */
  private readonly byLane: number[][];
  private colours: Colours | null = null;
  private state: State = { focus: 0, selected: -1, path: true };
  private scheduled = false;

  constructor(private readonly model: TraceModel, acts: { choose(row: number): void; zoom(row: number): void }) {
    this.lanes = lanes(model);
    this.byLane = Array.from({ length: this.lanes.count }, () => []);
    const order = Array.from(this.lanes.lane.keys()).filter((row) => (this.lanes.lane[row] ?? -1) >= 0);
    order.sort((a, b) => (model.columns.offset[a] ?? 0) - (model.columns.offset[b] ?? 0));
    for (const row of order) this.byLane[this.lanes.lane[row] ?? 0]?.push(row);
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "application");
    this.scroller.setAttribute("aria-label", "Flame graph of the trace. Arrow keys move from span to span; the waterfall has the same spans as a tree.");
    this.tip.setAttribute("aria-live", "polite");
    this.space.style.height = `${this.lanes.count * LANE + PADDING}px`;
    this.space.append(this.axis.breaks, this.canvas);
    this.scroller.append(this.space);
    const head = make("div", "wf-head fl-head");
    head.append(this.axis.element);
    this.element.append(this.tip, head, this.scroller);
    this.scroller.addEventListener("scroll", () => this.schedule(), { passive: true });
    this.canvas.addEventListener("click", (event) => { const row = this.at(event); if (row >= 0) acts.choose(row); });
    this.canvas.addEventListener("dblclick", (event) => { const row = this.at(event); if (row >= 0) acts.zoom(row); });
    this.canvas.addEventListener("pointermove", (event) => {
      const row = this.at(event);
      this.canvas.style.cursor = row < 0 ? "" : "pointer";
      this.tell(row < 0 ? this.state.focus : row);
    });
    this.canvas.addEventListener("pointerleave", () => this.tell(this.state.focus));
  }

  get page(): number {
    return 10;
  }

  focus(): void {
    this.scroller.focus({ preventScroll: true });
  }

  holds(target: EventTarget | null): boolean {
    return target === this.scroller;
  }

  recolour(): void {
    this.colours = null;
    this.paint();
  }

  render(state: State): void {
    this.state = state;
    this.tell(state.focus);
    this.axis.render(this.model);
    this.paint();
  }

  reveal(row: number): void {
    const top = (this.lanes.lane[row] ?? 0) * LANE;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop || top + LANE > scrollTop + clientHeight) this.scroller.scrollTop = top - clientHeight / 2;
    this.paint();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => { this.scheduled = false; this.paint(); });
  }

  /** The span under the pointer, or -1. */
  private at(event: MouseEvent): number {
    const box = this.canvas.getBoundingClientRect();
    const lane = Math.floor((event.clientY - box.top + this.scroller.scrollTop) / LANE);
    const x = event.clientX - box.left;
    let best = -1;
    for (const row of this.byLane[lane] ?? []) {
      const [left, width] = this.place(row, box.width);
      if (x >= left - 2 && x <= left + Math.max(width, 2) + 2) best = row;
    }
    return best;
  }

  private place(row: number, whole: number): [left: number, width: number] {
    const { columns, scale, from, to } = this.model;
    const offset = columns.offset[row] ?? 0;
    const window = Math.max(to - from, 1e-9);
    const left = ((scale.place(offset) - from) / window) * whole;
    const right = ((scale.place(offset + (columns.length[row] ?? 0)) - from) / window) * whole;
    return [left, right - left];
  }

  /** Writes what a span is above the graph. */
  private tell(row: number): void {
    const { model } = this;
    const { columns } = model;
    if (model.kind(row) !== SPAN) return;
    const service = make("bdi", `service s${model.service(row).slot}`);
    service.textContent = model.service(row).name;
    const name = make("bdi", "strong");
    name.textContent = model.name(row);
    const rest = make("span", "muted");
    rest.textContent = `${duration(columns.length[row] ?? 0)}, starts at ${duration(columns.offset[row] ?? 0)}${model.isError(row) ? ", error" : ""}${model.path.has(row) ? ", on the critical path" : ""}`;
    this.tip.replaceChildren(service, name, rest);
  }

  private read(): Colours {
    const service = this.model.header.services.map(({ slot }) => {
      const probe = make("span", `s${slot}`);
      this.element.append(probe);
      const value = colour("--c", probe);
      probe.remove();
      return value;
    });
    return { service, text: colour("--text"), ground: colour("--surface"), error: colour("--error-mark"), accent: colour("--accent"), path: colour("--text") };
  }

  private paint(): void {
    const { model, scroller, canvas } = this;
    const [width, height] = [scroller.clientWidth, Math.min(scroller.clientHeight, this.lanes.count * LANE + PADDING)];
    const context = canvas.getContext("2d");
    if (width === 0 || context === null) return;
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    canvas.style.transform = `translateY(${scroller.scrollTop}px)`;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = "11.5px Inter, sans-serif";
    context.textBaseline = "middle";
    this.colours ??= this.read();
    const first = Math.floor(scroller.scrollTop / LANE);
    const last = Math.min(Math.ceil((scroller.scrollTop + height) / LANE), this.lanes.count);
    for (let lane = first; lane < last; lane += 1) {
      const top = lane * LANE - scroller.scrollTop + 2;
      let covered = -Infinity;
      for (const row of this.byLane[lane] ?? []) {
        const [left, wide] = this.place(row, width);
        if (left + wide < 0 || left > width) continue;
        // What lies within a pixel that is painted already changes nothing, unless it failed or was found.
        if (left + wide <= covered && !model.isError(row) && model.found[row] !== 1 && row !== this.state.selected) continue;
        covered = Math.max(left, 0) + Math.max(wide, 1);
        this.box(context, this.colours, row, Math.max(left, 0), top, Math.max(Math.min(left + wide, width) - Math.max(left, 0), 1));
      }
    }
  }

  private box(context: CanvasRenderingContext2D, colours: Colours, row: number, left: number, top: number, width: number): void {
    const { model, state } = this;
    const height = LANE - 3;
    const isDim = model.nFound > 0 && model.found[row] !== 1;
    const fill = colours.service[model.columns.service[row] ?? 0] ?? colours.text;
    context.globalAlpha = isDim ? 0.2 : 0.42;
    context.fillStyle = fill;
    context.fillRect(left, top, Math.max(width - 1, 1), height);
    context.globalAlpha = isDim ? 0.3 : 1;
    context.fillRect(left, top, Math.min(2, width), height);
    if (model.isError(row)) {
      context.fillStyle = colours.error;
      // A box too narrow for its mark is all mark.
      if (width < LEAST_ERROR) context.fillRect(left, top, Math.max(width, 3), height);
      context.fillRect(left, top + height - 3, Math.max(width - 1, 1), 3);
      context.beginPath();
      context.moveTo(left + Math.max(width - 1, 1), top);
      context.lineTo(left + Math.max(width - 1, 1), top + 8);
      context.lineTo(left + Math.max(width - 9, 0), top);
      context.fill();
    } else if (state.path && model.path.has(row)) {
      context.fillStyle = colours.path;
      context.fillRect(left, top + height - 1.5, Math.max(width - 1, 1), 1.5);
    }
    if (row === state.selected || row === state.focus) {
      context.strokeStyle = row === state.selected ? colours.accent : colours.text;
      context.lineWidth = row === state.selected ? 2 : 1;
      context.strokeRect(left + 1, top + 1, Math.max(width - 3, 1), height - 2);
    }
    if (width >= LEAST_TEXT) {
      context.fillStyle = colours.text;
      context.save();
      context.beginPath();
      context.rect(left, top, width - 3, height);
      context.clip();
      context.fillText(`${model.name(row)} ${duration(model.columns.length[row] ?? 0)}`, left + 6, top + height / 2 + 0.5);
      context.restore();
    }
    context.globalAlpha = 1;
  }
}
