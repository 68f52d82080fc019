// Choosing a rectangle of a heatmap: by dragging, or with the keyboard after `b`. The spans in it are listed and
// compared with the others; the table below the drawing leads to single cells without a script.

interface Box { left: number; right: number; bottom: number; top: number }

/** Shorter drags are clicks. */
const LEAST_PIXELS = 6;

export function startHeatmap(): void {
  const element = document.querySelector<HTMLElement>(".heatmap-brush");
  const drawing = element?.querySelector("svg");
  if (element == null || drawing == null) return;
  const durations = (element.dataset["durations"] ?? "").split(" ").map(Number);
  const columns = Number(element.dataset["columns"]);
  const bands = durations.length - 1;
  if (!(columns > 0) || bands < 1) return;
  new Heatmap(element, drawing, columns, durations).listen();
}

class Heatmap {
  /** In columns from the left and bands from below, the ends included in neither. */
  private box: Box | null = null;
  private mark: HTMLElement | null = null;
  private begin: [number, number] | null = null;

  constructor(
    private readonly element: HTMLElement, private readonly drawing: SVGSVGElement,
    private readonly columns: number, private readonly durations: number[],
  ) {}

  private get bands(): number {
    return this.durations.length - 1;
  }

  listen(): void {
    this.drawing.addEventListener("pointerdown", (event) => {
      if (event.button === 0) this.begin = this.at(event);
    });
    addEventListener("pointermove", (event) => this.drag(event));
    addEventListener("pointerup", () => {
      const chosen = this.begin !== null && this.box !== null;
      this.begin = null;
      if (chosen) this.open();
    });
    this.drawing.tabIndex = 0;
    this.drawing.dataset["focusKey"] = "b";
    this.drawing.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.press(event.key, event.shiftKey)) return;
      event.preventDefault();
    });
    this.drawing.addEventListener("blur", () => this.clear());
  }

  /** Pixels within the drawing. */
  private at(event: PointerEvent): [number, number] {
    const { left, top, width, height } = this.drawing.getBoundingClientRect();
    return [Math.min(Math.max(event.clientX - left, 0), width), Math.min(Math.max(event.clientY - top, 0), height)];
  }

  private drag(event: PointerEvent): void {
    if (this.begin === null) return;
    const [[x, y], [toX, toY]] = [this.begin, this.at(event)];
    if (this.box === null && Math.hypot(toX - x, toY - y) < LEAST_PIXELS) return;
    const { width, height } = this.drawing.getBoundingClientRect();
    const column = (pixels: number): number => (pixels / width) * this.columns;
    const band = (pixels: number): number => (1 - pixels / height) * this.bands;
    // A drag along one side chooses all of the other.
    const flat = Math.abs(toY - y) < LEAST_PIXELS;
    const thin = Math.abs(toX - x) < LEAST_PIXELS;
    this.choose({
      left: thin ? 0 : Math.floor(column(Math.min(x, toX))), right: thin ? this.columns : Math.ceil(column(Math.max(x, toX))),
      bottom: flat ? 0 : Math.floor(band(Math.max(y, toY))), top: flat ? this.bands : Math.ceil(band(Math.min(y, toY))),
    });
  }

  private press(key: string, sizes: boolean): boolean {
    if (key === "Enter" && this.box !== null) {
      this.open();
      return true;
    }
    if (key === "Escape" && this.box !== null) {
      this.clear();
      return true;
    }
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    if (step === undefined) return false;
    const [x = 0, y = 0] = step;
    const across = Math.max(Math.round(this.columns / 40), 1) * x;
    if (this.box === null) {
      const [middle, half] = [Math.floor(this.bands / 2), Math.max(Math.round(this.columns / 10), 1)];
      const centre = Math.floor(this.columns / 2);
      this.choose({ left: centre - half, right: centre + half, bottom: middle, top: this.bands });
    } else if (sizes) {
      this.choose({ ...this.box, right: this.box.right + across, top: this.box.top + y });
    } else {
      const dx = Math.min(Math.max(across, -this.box.left), this.columns - this.box.right);
      const dy = Math.min(Math.max(y, -this.box.bottom), this.bands - this.box.top);
      this.choose({ left: this.box.left + dx, right: this.box.right + dx, bottom: this.box.bottom + dy, top: this.box.top + dy });
    }
    return true;
  }

  private choose(box: Box): void {
    const left = Math.min(Math.max(box.left, 0), this.columns - 1);
    const bottom = Math.min(Math.max(box.bottom, 0), this.bands - 1);
    this.box = { left, bottom, right: Math.min(Math.max(box.right, left + 1), this.columns), top: Math.min(Math.max(box.top, bottom + 1), this.bands) };
    if (this.mark === null) {
      this.mark = document.createElement("div");
      this.mark.className = "brush-mark both";
      this.mark.setAttribute("role", "status");
      this.element.append(this.mark);
    }
    const percent = (part: number, of: number): string => `${(part / of) * 100}%`;
    const { style } = this.mark;
    style.left = percent(this.box.left, this.columns);
    style.width = percent(this.box.right - this.box.left, this.columns);
    style.bottom = percent(this.box.bottom, this.bands);
    style.top = percent(this.bands - this.box.top, this.bands);
    const { from, to, min, max } = this.chosen(this.box);
    const words = document.createElement("span");
    words.textContent = `${from.toISOString().slice(11, 19)} to ${to.toISOString().slice(11, 19)} UTC, spans of ${milliseconds(min)} to ${milliseconds(max)}. Enter compares them with the others.`;
    words.className = "sr";
    this.mark.replaceChildren(words);
  }

  private chosen(box: Box): { from: Date; to: Date; min: number; max: number } {
    // Nanoseconds lose digits in a double; what is left is exact to a microsecond.
    const [start, end] = [Number(this.element.dataset["from"]) / 1e6, Number(this.element.dataset["to"]) / 1e6];
    const time = (column: number): Date => new Date(start + (column / this.columns) * (end - start));
    return { from: time(box.left), to: time(box.right), min: this.durations[box.bottom] ?? 0, max: (this.durations[box.top] ?? 1) - 1 };
  }

  private open(): void {
    if (this.box === null) return;
    const { from, to, min, max } = this.chosen(this.box);
    const url = new URL(location.href);
    // A side that was not cut adds no bound.
    const bound = (value: number, all: boolean): string => (all ? "" : milliseconds(value));
    const low = bound(min, this.box.bottom === 0);
    const high = bound(max, this.box.top === this.bands);
    url.searchParams.set("box", [from.toISOString(), to.toISOString(), low, high].join(","));
    // What it is compared with must not move on.
    const [start, end] = [Number(this.element.dataset["from"]) / 1e6, Number(this.element.dataset["to"]) / 1e6];
    url.searchParams.set("from", new Date(start).toISOString());
    url.searchParams.set("to", new Date(Math.ceil(end)).toISOString());
    url.searchParams.delete("diff");
    this.clear();
    location.assign(url);
  }

  private clear(): void {
    this.box = null;
    this.mark?.remove();
    this.mark = null;
  }
}

function milliseconds(nanoseconds: number): string {
  return `${nanoseconds / 1e6}ms`;
}
