// The rows of the waterfall: as many elements as fit the window, whatever the number of spans.
import { duration } from "../units";
import type { TraceModel } from "./model";

export const ROW_HEIGHT = 26;
const INDENT = 14;
const MAX_INDENT = 30;
/** Marks drawn in one row. */
const MAX_MARKS = 40;
/** Shorter stretches of the critical path are not drawn. */
const LEAST_PERCENT = 0.25;
const KINDS = ["", "internal", "server", "client", "producer", "consumer"];
const LEVELS = ["info", "warn", "error"];

export class Row {
  readonly element = make("div", "wf-row");
  span = -1;
  private readonly toggle = make("button", "wf-toggle");
  private readonly name = make("span", "wf-name");
  private readonly service = make("span", "service");
  private readonly serviceName = make("bdi", "");
  private readonly operation = make("bdi", "wf-operation");
  private readonly note = make("span", "wf-note");
  private readonly nameCell = make("div", "wf-cell wf-name-cell");
  private readonly timeCell = make("div", "wf-cell wf-time-cell");
  private readonly bar = make("span", "wf-bar");
  private readonly label = make("span", "wf-label");
  private readonly marks: HTMLElement[] = [];

  constructor() {
    this.element.setAttribute("role", "row");
    this.nameCell.setAttribute("role", "gridcell");
    this.timeCell.setAttribute("role", "gridcell");
    this.toggle.setAttribute("tabindex", "-1");
    this.toggle.setAttribute("aria-hidden", "true");
    this.service.append(this.serviceName);
    this.name.append(this.service, this.operation, this.note);
    this.nameCell.append(this.toggle, this.name);
    this.timeCell.append(this.bar, this.label);
    this.element.append(this.nameCell, this.timeCell);
  }

  /** Shows `span` at the visible row `row`. */
  show(model: TraceModel, span: number, row: number, state: { focus: number; selected: number; critical: boolean; matches: Set<number> }): void {
    const { columns } = model;
    this.span = span;
    const below = columns.below[span] ?? 0;
    const collapsed = model.collapsed[span] === 1;
    const depth = columns.depth[span] ?? 0;
    const service = model.service(span);
    const isError = model.isError(span);
    const { element } = this;
    element.id = `span-${span}`;
    element.style.transform = `translateY(${row * ROW_HEIGHT}px)`;
    element.setAttribute("aria-rowindex", String(row + 1));
    element.setAttribute("aria-level", String(depth + 1));
    if (below > 0) element.setAttribute("aria-expanded", String(!collapsed));
    else element.removeAttribute("aria-expanded");
    element.setAttribute("aria-selected", String(span === state.selected));
    element.classList.toggle("is-focused", span === state.focus);
    element.classList.toggle("is-error", isError);
    element.classList.toggle("is-match", state.matches.has(span));
    element.classList.toggle("is-dim", state.matches.size > 0 && !state.matches.has(span));

    this.nameCell.style.paddingInlineStart = `${6 + Math.min(depth, MAX_INDENT) * INDENT}px`;
    this.toggle.textContent = below === 0 ? "" : collapsed ? "▸" : "▾";
    this.service.className = `service s${service.slot}`;
    this.serviceName.textContent = service.name;
    this.operation.textContent = model.name(span);
    const notes: string[] = [];
    if (collapsed) notes.push(`+${below}${!isError && model.hidesError(span) ? " with errors" : ""}`);
    if (model.isOrphan(span)) notes.push("parent missing");
    if (model.isOdd(span)) notes.push("⚠");
    this.note.textContent = notes.join(" · ");
    this.showTime(model, span, service.slot, isError, state.critical);
  }

  private showTime(model: TraceModel, span: number, slot: number, isError: boolean, critical: boolean): void {
    const { columns } = model;
    const window = Math.max(model.to - model.from, 1);
    const [offset, length] = [columns.offset[span] ?? 0, columns.length[span] ?? 0];
    const start = ((offset - model.from) / window) * 100;
    const end = ((offset + length - model.from) / window) * 100;
    const shown = end >= 0 && start <= 100;
    const left = Math.max(start, 0);
    const width = Math.max(Math.min(end, 100) - left, 0);
    const text = duration(length);
    this.bar.className = `wf-bar s${slot}${isError ? " is-error" : ""}`;
    this.bar.hidden = !shown;
    this.bar.style.left = `${left}%`;
    this.bar.style.width = `${width}%`;
    this.label.textContent = shown ? text : start > 100 ? `${text} →` : `← ${text}`;
    const after = left + width < 82;
    this.label.style.left = after && shown ? `calc(${left + width}% + 6px)` : shown ? "" : start > 100 ? "" : "4px";
    this.label.style.right = !shown && start > 100 ? "4px" : after && shown ? "" : shown ? `calc(${100 - left}% + 6px)` : "";
    if (shown && !after && left < 18) {
      this.label.style.right = "6px";
      this.label.classList.add("is-inside");
    } else {
      this.label.classList.remove("is-inside");
    }
    let used = 0;
    const mark = (className: string, at: number, wide: number | null, title: string): void => {
      const from = ((at - model.from) / window) * 100;
      const to = wide === null ? from : ((at + wide - model.from) / window) * 100;
      if (to < 0 || from > 100 || used >= MAX_MARKS) return;
      // A stretch too short to see would be a dot that looks like a mark.
      if (wide !== null && to - from < LEAST_PERCENT) return;
      let element = this.marks[used];
      if (element === undefined) {
        element = make("span", "");
        this.marks.push(element);
        this.timeCell.append(element);
      }
      used += 1;
      element.hidden = false;
      element.className = className;
      element.title = title;
      element.style.left = `${Math.max(from, 0)}%`;
      element.style.width = wide === null ? "" : `${Math.min(to, 100) - Math.max(from, 0)}%`;
    };
    if (critical) {
      for (const i of model.criticalOf.get(span) ?? []) mark("wf-critical", columns.critical.offset[i] ?? 0, columns.critical.length[i] ?? 0, "");
    }
    for (const i of model.logsOf.get(span) ?? []) {
      const level = LEVELS[columns.logs.level[i] ?? 0] ?? "info";
      mark(`wf-log sev-${level}`, columns.logs.offset[i] ?? 0, null, `log record, ${level}, at ${duration(columns.logs.offset[i] ?? 0)}`);
    }
    for (let i = used; i < this.marks.length; i += 1) { const spare = this.marks[i]; if (spare !== undefined) spare.hidden = true; }
    const kind = KINDS[columns.kind[span] ?? 0] ?? "";
    const share = Math.round((length / model.whole) * 100);
    const onPath = model.criticalOf.has(span) ? ", on the critical path" : "";
    this.timeCell.setAttribute("aria-label", `${kind}, starts at ${duration(offset)}, lasts ${text}, ${share} % of the trace${onPath}${isError ? ", error" : ""}`);
  }
}

export function make<K extends keyof HTMLElementTagNameMap>(tag: K, className: string): HTMLElementTagNameMap[K];
export function make(tag: string, className: string): HTMLElement;
export function make(tag: string, className: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}
