// The rows of the waterfall: as many elements as fit the window, whatever the number of spans.
import { duration, number } from "../units";
import { FOLD, LANE, MISSING, SPAN, type TraceModel } from "./model";

export const ROW_HEIGHT = 26;
export const INDENT = 14;
/** Marks drawn in one row. */
const MAX_MARKS = 24;
/** Shorter stretches of the critical path are not drawn. */
const LEAST_PERCENT = 0.25;
const KINDS = ["", "internal", "server", "client", "producer", "consumer"];
const LEVELS = ["info", "warn", "error"];
const EXCEPTION = 3;

export interface State { focus: number; selected: number; path: boolean }

/** From which depth on rows are indented, up to which, and by how much a level. */
export interface Indent { from: number; to: number; pixels: number }

export class Row {
  readonly element = make("div", "wf-row");
  row = -1;
  private version = -1;
  private readonly toggle = make("span", "wf-toggle");
  private readonly service = make("bdi", "service");
  private readonly operation = make("bdi", "wf-operation");
  private readonly nameCell = make("div", "wf-cell wf-name-cell");
  private readonly timeCell = make("div", "wf-cell wf-time-cell");
  private readonly bar = make("span", "wf-bar");
  private readonly label = make("span", "wf-label");

  constructor() {
    this.element.setAttribute("role", "row");
    this.nameCell.setAttribute("role", "gridcell");
    this.timeCell.setAttribute("role", "gridcell");
    this.toggle.setAttribute("aria-hidden", "true");
    this.element.append(this.nameCell, this.timeCell);
  }

  hide(): void {
    this.row = -1;
    this.version = -1;
    this.element.hidden = true;
    this.element.removeAttribute("id");
  }

  /** Shows `row` as the visible one `place`, unless it does already since `version` changed last. */
  show(model: TraceModel, row: number, place: number, state: State, indent: Indent, version: number): void {
    if (this.row === row && this.version === version) return;
    this.row = row;
    this.version = version;
    const below = model.below[row] ?? 0;
    const collapsed = model.collapsed[row] === 1;
    const kind = model.kind(row);
    const depth = model.depth[row] ?? 0;
    const isError = model.isError(row);
    const { element } = this;
    element.hidden = false;
    element.id = `row-${row}`;
    element.className = "wf-row";
    element.classList.toggle("is-focused", row === state.focus);
    element.classList.toggle("is-error", isError);
    element.classList.toggle("is-stand-in", kind !== SPAN);
    element.classList.toggle("is-match", model.found[row] === 1);
    element.classList.toggle("is-dim", model.nFound > 0 && model.found[row] !== 1);
    element.style.transform = `translateY(${place * ROW_HEIGHT}px)`;
    const attributes: Record<string, number> = { rowindex: place + 1, level: depth + 1, posinset: model.position[row] ?? 1, setsize: model.siblings[row] ?? 1 };
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(`aria-${name}`, String(value));
    if (below > 0) element.setAttribute("aria-expanded", String(!collapsed));
    else element.removeAttribute("aria-expanded");
    element.setAttribute("aria-selected", String(row === state.selected));
    this.nameCell.style.paddingInlineStart = `${6 + (Math.min(Math.max(depth, indent.from), indent.to) - indent.from) * indent.pixels}px`;
    this.showName(model, row, collapsed);
    this.showTime(model, row, state.path);
  }

  private showName(model: TraceModel, row: number, collapsed: boolean): void {
    const kind = model.kind(row);
    const below = model.below[row] ?? 0;
    const { name, slot } = model.service(row);
    this.toggle.textContent = below === 0 ? "" : collapsed ? "▸" : "▾";
    this.service.className = `service s${slot}`;
    this.service.textContent = name;
    this.operation.textContent = kind === FOLD ? `${below} × ${model.name(row)}` : kind === MISSING ? `span ${model.hex(row)}` : model.name(row);
    this.nameCell.replaceChildren(this.toggle, ...(kind === MISSING ? [] : [this.service]), this.operation, ...this.notes(model, row, collapsed));
  }

  /** What a row tells besides its name. */
  private notes(model: TraceModel, row: number, collapsed: boolean): HTMLElement[] {
    const notes: HTMLElement[] = [];
    const add = (words: string, title: string, kind = ""): void => {
      const note = make("span", `wf-note ${kind}`);
      note.textContent = words;
      if (title !== "") note.title = title;
      notes.push(note);
    };
    const below = model.below[row] ?? 0;
    if (model.kind(row) === MISSING) add("has not arrived", "The spans below name it as their parent: it was lost, not sampled, or is still on its way", "warn");
    for (const fold of model.repeaters.get(row) ?? []) {
      const statement = model.repeats.get(fold) ?? "";
      add(`N+1 × ${model.below[fold] ?? 0}`, `The same call of a database again and again, one after the other${statement === "" ? "" : `: ${statement}`}`, "badge warn");
    }
    if (model.kind(row) === LANE) add(`trace ${(model.lanes[model.lane(row + 1)]?.trace ?? "").slice(0, 8)}…`, "A linked trace, below this one on the same axis", "accent");
    if (collapsed && model.kind(row) !== FOLD) add(`+${below}`, `${below} rows are below`);
    const [errors, found] = [model.errorsBelow(row), model.foundBelow(row)];
    if (collapsed && errors > 0 && !model.isError(row)) add(`${errors} failed`, "Spans below have errors", "error");
    if (collapsed && found > 0) add(`${found} found`, "Spans below match the search", "accent");
    if (model.hasLinks(row)) {
      const wait = model.waited(row);
      if (wait === null) add("↗", "Has links to other spans");
      else add(`↗ after ${duration(wait)}`, `Starts ${duration(wait)} after the span of this trace that it links to: what was sent had to wait`);
    }
    if (model.isLinked(row)) add("↙", "Another span of this trace links to it");
    const skew = model.skew.get(row);
    const shift = model.shift?.[row] ?? 0;
    if (skew !== undefined && shift !== 0) add(`moved ${duration(shift)}`, `Sent as starting ${duration(skew)} before its parent; drawn within it. When it really was nobody knows.`, "warn");
    else if (skew !== undefined) add(`−${duration(skew)}`, `Starts ${duration(skew)} before its parent: clocks may differ. Times are as sent.`, "warn");
    if (model.isTwin(row)) add("id twice", "Another span of this trace has the same id", "warn");
    if (model.isCut(row)) add("circle", "Its parents form a circle, which was cut here", "warn");
    return notes;
  }

  private showTime(model: TraceModel, row: number, path: boolean): void {
    const { columns, scale } = model;
    const kind = model.kind(row);
    const window = Math.max(model.to - model.from, 1e-9);
    const [offset, length] = [columns.offset[row] ?? 0, columns.length[row] ?? 0];
    const percent = (time: number): number => ((scale.place(time) - model.from) / window) * 100;
    const [start, end] = [percent(offset), percent(offset + length)];
    const isShown = end >= 0 && start <= 100;
    const left = Math.max(start, 0);
    const width = Math.max(Math.min(end, 100) - left, 0);
    const isError = model.isError(row);
    let text = duration(length);
    if (kind === FOLD) {
      const { total, longest } = model.folded(row);
      text = `${duration(total)} in all, longest ${duration(longest)}`;
    }
    const children: HTMLElement[] = [];
    if (isShown) {
      this.bar.className = `wf-bar s${model.service(row).slot}${isError ? " is-error" : ""}${kind === FOLD ? " is-fold" : kind === MISSING || kind === LANE ? " is-missing" : ""}`;
      // The last pixels are kept for what lies at the very end.
      this.bar.style.left = `min(${left}%, 100% - 2px)`;
      this.bar.style.width = `${width}%`;
      children.push(this.bar);
    }
    this.placeLabel(kind === MISSING ? "" : text, isShown, start, left, width);
    children.push(this.label);
    const mark = (className: string, at: number, wide: number | null, title: string): void => {
      const from = percent(at);
      const to = wide === null ? from : percent(at + wide);
      // A stretch too short to see would be a dot that looks like a mark.
      if (to < 0 || from > 100 || children.length > MAX_MARKS || (wide !== null && to - from < LEAST_PERCENT)) return;
      const element = make("span", className);
      if (title !== "") element.title = title;
      element.style.left = `${Math.max(from, 0)}%`;
      if (wide !== null) element.style.width = `${Math.min(to, 100) - Math.max(from, 0)}%`;
      children.push(element);
    };
    if (path) for (const [at, long] of this.stretches(model, row, (window / 100) * LEAST_PERCENT)) mark("wf-critical", at, long, "");
    for (const i of model.links.of(row)) {
      const sent = columns.linkTo[i] ?? 0;
      const at = (columns.offset[sent] ?? 0) + (columns.length[sent] ?? 0);
      // A label over it is to be read all the same.
      if (offset > at) this.label.classList.add("is-inside");
      if (offset > at) mark("wf-queue", at, offset - at, `waited ${duration(offset - at)} for its turn, from the end of what it links to`);
    }
    for (const i of model.marks.of(row)) {
      const [at, level] = [columns.markOffset[i] ?? 0, columns.markLevel[i] ?? 0];
      if (level === EXCEPTION) mark("wf-exception", at, null, `exception at ${duration(at)}`);
      else mark(`wf-log sev-${LEVELS[level] ?? "info"}`, at, null, `log record, ${LEVELS[level] ?? "info"}, at ${duration(at)}`);
    }
    this.timeCell.replaceChildren(...children);
    const share = number((length / Math.max(model.header.duration, 1)) * 100);
    const words = [KINDS[columns.spanKind[row] ?? 0] ?? "", `starts at ${duration(offset)}`, `lasts ${text}`, `${share} % of the trace`];
    if (model.path.has(row)) words.push("on the critical path");
    if (isError) words.push("error");
    this.timeCell.setAttribute("aria-label", words.join(", "));
  }

  /** The parts of the critical path to draw in a row: of a collapsed fold those of its spans, where they almost touch as one. */
  private *stretches(model: TraceModel, row: number, near: number): Generator<[at: number, long: number]> {
    const { columns } = model;
    const isFold = model.kind(row) === FOLD && model.collapsed[row] === 1;
    const last = isFold ? row + (model.below[row] ?? 0) : row;
    let [start, end] = [0, -Infinity];
    for (let member = isFold ? row + 1 : row; member <= last; member += 1) {
      for (const i of model.path.of(member)) {
        const at = columns.pathOffset[i] ?? 0;
        if (at - end > near) {
          if (end > start) yield [start, end - start];
          start = at;
        }
        end = at + (columns.pathLength[i] ?? 0);
      }
    }
    if (end > start) yield [start, end - start];
  }

  private placeLabel(text: string, isShown: boolean, start: number, left: number, width: number): void {
    const { label } = this;
    const isAfter = left + width < 82;
    label.textContent = isShown ? text : start > 100 ? `${text} →` : `← ${text}`;
    label.style.left = label.style.right = "";
    const isInside = isShown && !isAfter && left < 18;
    label.classList.toggle("is-inside", isInside);
    if (!isShown) label.style[start > 100 ? "right" : "left"] = "4px";
    else if (isInside) label.style.right = "6px";
    else if (isAfter) label.style.left = `calc(${left + width}% + 6px)`;
    else label.style.right = `calc(${100 - left}% + 6px)`;
  }
}

export function make<K extends keyof HTMLElementTagNameMap>(tag: K, className: string): HTMLElementTagNameMap[K];
export function make(tag: string, className: string): HTMLElement;
export function make(tag: string, className: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}
