// The axis of time above the spans, with the gaps that are drawn short.
import { duration } from "../units";
import type { TraceModel } from "./model";
import { make } from "./rows";

const TICKS = 5;
/** How near the middles of a label of a gap and of a tick, or of another label, may be. */
const LABEL_PIXELS = 80;

export class Axis {
  readonly element = make("div", "wf-axis");
  /** The gaps, to lie behind the spans. */
  readonly breaks = make("div", "wf-breaks");

  render(model: TraceModel): void {
    const { from, to, scale } = model;
    const percent = (place: number): number => Math.min(Math.max(((place - from) / Math.max(to - from, 1e-9)) * 100, 0), 100);
    const gaps = scale.gaps.filter((gap) => gap.begin < to && gap.begin + scale.length > from);
    const near = (LABEL_PIXELS / Math.max(this.element.clientWidth, 1)) * 100;
    const labels: HTMLElement[] = [];
    let labelled = -Infinity;
    const breaks = gaps.map((gap) => {
      const [left, right] = [percent(gap.begin), percent(gap.begin + scale.length)];
      const element = make("div", "wf-break");
      element.style.left = `${left}%`;
      element.style.width = `${right - left}%`;
      const middle = Math.min(Math.max((left + right) / 2, 6), 94);
      if (middle - labelled < near) return element;
      labelled = middle;
      const label = make("span", "wf-break-label");
      label.textContent = `⋯ ${duration(gap.end - gap.start)} ⋯`;
      label.title = `Nothing ran for ${duration(gap.end - gap.start)}`;
      label.style.left = `${middle}%`;
      labels.push(label);
      return element;
    });
    // A tick gives way to the label of a gap.
    const isFree = (share: number): boolean => !gaps.some((gap) => Math.abs(percent(gap.begin + scale.length / 2) - share * 100) < near);
    const ticks = Array.from({ length: TICKS }, (_, i) => {
      const share = i / (TICKS - 1);
      const tick = make("span", i === 0 ? "wf-tick is-first" : i === TICKS - 1 ? "wf-tick is-last" : "wf-tick");
      const time = scale.time(from + (to - from) * share);
      const gap = scale.gaps.findLast((it) => time >= it.end);
      // After a gap of hours, milliseconds are told from its end.
      if (isFree(share)) tick.textContent = gap === undefined ? duration(Math.round(time)) : `+ ${duration(Math.round(time - gap.end))}`;
      if (gap !== undefined) tick.title = `${duration(Math.round(time))} after the start`;
      return tick;
    });
    this.element.replaceChildren(...ticks, ...labels);
    this.breaks.replaceChildren(...breaks);
  }
}
