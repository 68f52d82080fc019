// <haechi-chart> draws the JSON it holds with uPlot: lines over time, marks across, a legend that hides lines, and the
// value under the pointer or the arrow keys. The same numbers stand in a table on the page.
import uPlot from "uplot";
import { divisor, ends, tickWords } from "./axis";
import { goToRange } from "./range";
import { colour, THEME_CHANGED } from "./theme";
import { withUnit } from "./units";
import { formatTime, zone, ZONE_CHANGED } from "./zone";

interface Line { label: string; slot: number; values: (number | null)[]; filled: boolean }
interface Mark { value: number; label: string }
interface Chart {
  unit: string; times: number[]; lines: Line[]; marks: Mark[]; from: number; to: number; zoom: boolean; from_zero: boolean;
}

const HEIGHT = 280;
const SHORT_HEIGHT = 190;
/** More lines than this are drawn, but without points or legend values. */
const MANY_LINES = 40;

/** Distances of the ticks of bytes, so that they fall on whole KiB and MiB, and on fractions of what is divided. */
const POWERS_OF_TWO = Array.from({ length: 60 }, (_, i) => 2 ** (i - 10));

class HaechiChart extends HTMLElement {
  private chart: Chart | null = null;
  private plot: uPlot | null = null;
  private frame: HTMLElement | null = null;
  private readout: HTMLElement | null = null;
  private off = new Set<number>();
  private readonly redraw = (): void => this.draw();
  private readonly resize = new ResizeObserver(() => this.fit());

  connectedCallback(): void {
    const data = this.querySelector("script");
    if (data === null || this.chart !== null) return;
    this.chart = JSON.parse(data.textContent ?? "") as Chart;
    this.replaceChildren();
    if (this.chart.lines.length === 0) return;
    this.frame = document.createElement("div");
    this.frame.tabIndex = 0;
    this.frame.setAttribute("role", "img");
    this.frame.setAttribute("aria-label", `${this.chart.lines.length} lines over time. Arrow keys move along them.`);
    this.readout = document.createElement("div");
    this.readout.className = "readout";
    this.readout.setAttribute("aria-live", "polite");
    this.append(this.frame, this.readout, this.legend());
    this.frame.addEventListener("keydown", (event) => this.step(event));
    this.draw();
    this.resize.observe(this);
    document.addEventListener(THEME_CHANGED, this.redraw);
    document.addEventListener(ZONE_CHANGED, this.redraw);
  }

  disconnectedCallback(): void {
    this.resize.disconnect();
    document.removeEventListener(THEME_CHANGED, this.redraw);
    document.removeEventListener(ZONE_CHANGED, this.redraw);
    this.plot?.destroy();
  }

  private height(): number {
    return this.classList.contains("short") ? SHORT_HEIGHT : HEIGHT;
  }

  private fit(): void {
    const width = Math.floor(this.clientWidth);
    if (this.plot !== null && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: this.height() });
  }

  private draw(): void {
    const { chart, frame } = this;
    if (chart === null || frame === null) return;
    this.plot?.destroy();
    const font = `11px ${getComputedStyle(this).fontFamily}`;
    const [text, grid, mark] = [colour("--muted"), colour("--grid"), colour("--error-mark")];
    const axis = { font, stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 } };
    const shown = chart.lines.filter((_, i) => !this.off.has(i)).flatMap((line) => line.values);
    const scale = divisor([...shown, ...chart.marks.map((it) => it.value)], chart.unit);
    const marks = chart.marks.map((it) => ({ ...it, value: it.value / scale }));
    const values = chart.lines.map((line) => line.values.map((value) => (value === null ? null : value / scale)));
    const options: uPlot.Options = {
      width: Math.max(Math.floor(this.clientWidth), 100),
      height: this.height(),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone()),
      padding: [12, 14, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: chart.zoom, y: false, setScale: false }, points: { size: 6 } },
      scales: {
        x: { time: true, range: [chart.from, chart.to] },
        y: { range: (_, low, high) => ends(low, high, marks.map((it) => it.value), chart.from_zero) },
      },
      axes: [
        { ...axis, space: 76, size: 30, values: (_, splits, __, ___, step) => splits.map((seconds, i) => tick(seconds, step, i === 0 && chart.to - chart.from > 86400)) },
        { ...axis, ...(chart.unit.startsWith("By") ? { incrs: POWERS_OF_TWO } : {}), size: (_, labels) => 18 + Math.max(24, ...(labels ?? []).map((label) => label.length * 6.4)), values: (_, splits) => tickWords(splits.map((value) => value * scale), chart.unit) },
      ],
      series: [
        {},
        ...chart.lines.map((line, i): uPlot.Series => {
          const stroke = this.lineColour(line);
          return {
            label: line.label, stroke, width: 1.5, show: !this.off.has(i), spanGaps: false,
            points: { show: (_, __, first, last) => last - first < 3 },
            ...(line.filled ? { fill: stroke.replace(/^rgb\((.*)\)$/, "rgba($1, 0.12)"), fillTo: 0 } : {}),
          };
        }),
      ],
      hooks: {
        draw: [(plot) => drawMarks(plot, marks, mark, font)],
        setCursor: [(plot) => this.tell(plot)],
        setSelect: [(plot) => {
          if (!chart.zoom || plot.select.width < 4) return;
          goToRange(plot.posToVal(plot.select.left, "x") * 1000, plot.posToVal(plot.select.left + plot.select.width, "x") * 1000);
        }],
      },
    };
    this.plot = new uPlot(options, [chart.times, ...values] as uPlot.AlignedData, frame);
  }

  private lineColour(line: Line): string {
    const probe = document.createElement("span");
    probe.className = `s${line.slot}`;
    this.append(probe);
    const value = colour("--c", probe);
    probe.remove();
    return value;
  }

  private legend(): HTMLElement {
    const legend = document.createElement("div");
    legend.className = "legend";
    const lines = this.chart?.lines ?? [];
    legend.hidden = lines.length < 2;
    lines.forEach((line, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = `s${line.slot}`;
      button.setAttribute("aria-pressed", "true");
      button.title = "Click to show or hide; with Shift to show only this one";
      const label = document.createElement("span");
      label.className = "label";
      label.textContent = line.label;
      const value = document.createElement("span");
      value.className = "value";
      button.append(label, value);
      button.addEventListener("click", (event) => this.toggle(i, event.shiftKey));
      legend.append(button);
    });
    return legend;
  }

  private toggle(index: number, only: boolean): void {
    const lines = this.chart?.lines ?? [];
    if (only) this.off = new Set([...lines.keys()].filter((i) => i !== index));
    else if (this.off.has(index)) this.off.delete(index);
    else this.off.add(index);
    this.querySelectorAll(".legend button").forEach((button, i) => button.setAttribute("aria-pressed", String(!this.off.has(i))));
    // What is left may need an axis of another size.
    this.draw();
  }

  private step(event: KeyboardEvent): void {
    const { plot, chart } = this;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (plot === null || chart === null || by === undefined) return;
    event.preventDefault();
    // Steps are aligned, so that the first may lie before the axis.
    const first = Math.max(chart.times.findIndex((time) => time >= chart.from), 0);
    const last = Math.max(chart.times.findLastIndex((time) => time <= chart.to), first);
    const from = plot.cursor.idx ?? (by > 0 ? first - 1 : last + 1);
    const at = Math.min(Math.max(from + by, first), last);
    plot.setCursor({ left: plot.valToPos(chart.times[at] ?? 0, "x"), top: 10 });
  }

  /** Says the values at the cursor. */
  private tell(plot: uPlot): void {
    const chart = this.chart;
    if (chart === null || this.readout === null) return;
    const at = plot.cursor.idx;
    const time = at === null || at === undefined ? undefined : chart.times[at];
    const buttons = this.querySelectorAll(".legend .value");
    chart.lines.forEach((line, i) => {
      const value = time === undefined || at == null ? null : line.values[at];
      const element = buttons[i];
      if (element !== undefined && chart.lines.length <= MANY_LINES) element.textContent = value == null ? "" : withUnit(value, chart.unit);
    });
    if (time === undefined || at == null) {
      this.readout.textContent = "";
      return;
    }
    const first = chart.lines.length === 1 ? chart.lines[0]?.values[at] : undefined;
    const value = first === undefined ? "" : first === null ? " · no value" : ` · ${withUnit(first, chart.unit)}`;
    this.readout.textContent = formatTime(time * 1000, "full") + value;
  }
}

/** A time on the axis, with as much of it as the distance of the ticks calls for. */
function tick(seconds: number, step: number, withDate: boolean): string {
  const full = formatTime(seconds * 1000, "full");
  const [date, clock] = [full.slice(5, 10), full.slice(11)];
  if (step >= 86400 || (clock === "00:00:00" && step >= 3600)) return date;
  const short = step >= 60 ? clock.slice(0, 5) : clock;
  return withDate ? `${date} ${short}` : short;
}

function drawMarks(plot: uPlot, marks: Mark[], stroke: string, font: string): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.fillStyle = stroke;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.font = font.replace(/^(\d+)px/, (_, size: string) => `${Number(size) * devicePixelRatio}px`);
  ctx.textAlign = "right";
  let last = -Infinity;
  for (const mark of [...marks].sort((a, b) => b.value - a.value)) {
    const y = plot.valToPos(mark.value, "y", true);
    if (y < top || y > top + height) continue;
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    // Labels that would cover each other are left out; the table beside the chart has them all.
    if (y - last < 14 * devicePixelRatio) continue;
    last = y;
    ctx.fillText(mark.label, left + width - 4 * devicePixelRatio, y - 4 * devicePixelRatio);
  }
  ctx.restore();
}

customElements.define("haechi-chart", HaechiChart);
