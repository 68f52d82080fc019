// The rows of the waterfall: as many elements as fit the window, whatever the number of spans.
import { duration, number } from "../units";
import { FOLD, LANE, MISSING, SPAN, type TraceModel } from "./model";

export const ROW_HEIGHT = 26;
export const INDENT = 14;
/** Marks drawn in one row: of more, those that are nearest are one. */
const MAX_MARKS = 24;
/** So near to each other marks are one. */
const MARK_PERCENT = 1;
/** Shorter stretches are not drawn: they would be dots that look like marks. */
const LEAST_PERCENT = 0.25;
/** Room for a triangle, as the style sheet has it. */
const TOGGLE_PIXELS = 18;
const KINDS = ["", "internal", "server", "client", "producer", "consumer"];
const LEVELS = ["info", "warn", "error", "exception"];
const EXCEPTION = 3;

export interface State { focus: number; selected: number; path: boolean }

/** From which depth on rows are indented, up to which, and by how much a level. */
export interface Indent { from: number; to: number; pixels: number }

export class Row {
  readonly element = make("div", "wf-row");
  row = -1;
  private version = -1;
  private indent = 0;
  private readonly service = make("bdi", "service");
  private readonly operation = make("bdi", "wf-operation");
  private readonly nameCell = make("div", "wf-cell wf-name-cell");
  private readonly timeCell = make("div", "wf-cell wf-time-cell");

  constructor() {
    this.element.setAttribute("role", "row");
    this.nameCell.setAttribute("role", "gridcell");
    this.timeCell.setAttribute("role", "gridcell");
    this.element.append(this.nameCell, this.timeCell);
  }

  hide(): void {
    this.row = -1;
    this.version = -1;
    this.element.hidden = true;
    this.element.removeAttribute("id");
  }

  /** Whether a click was on the triangle, which is drawn but no element. */
  isToggle(event: MouseEvent): boolean {
    if (event.target !== this.nameCell) return false;
    const x = event.clientX - this.nameCell.getBoundingClientRect().left - this.indent;
    return 0 <= x && x < TOGGLE_PIXELS;
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
    this.indent = 6 + (Math.min(Math.max(depth, indent.from), indent.to) - indent.from) * indent.pixels;
    this.nameCell.style.paddingInlineStart = `${this.indent}px`;
    this.showName(model, row, collapsed);
    this.showTime(model, row, state.path);
  }

  private showName(model: TraceModel, row: number, collapsed: boolean): void {
    const kind = model.kind(row);
    const below = model.below[row] ?? 0;
    const { name, slot } = model.service(row);
    this.service.className = `service s${slot}`;
    this.service.textContent = name;
    this.operation.textContent = kind === FOLD ? `${below} × ${model.name(row)}` : kind === MISSING ? `span ${model.hex(row)}` : model.name(row);
    this.nameCell.replaceChildren(...(kind === MISSING ? [] : [this.service]), this.operation, ...this.notes(model, row, collapsed));
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
    if (model.isTwin(row)) add("id twice", "Another span of this trace has the same id. Spans that name it as their parent are below one of the two.", "warn");
    if (model.isCut(row)) add("circle", "Its parents form a circle, which was cut here", "warn");
    return notes;
  }

  private showTime(model: TraceModel, row: number, path: boolean): void {
    const { columns, scale } = model;
    const { timeCell } = this;
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
    timeCell.className = `wf-cell wf-time-cell s${model.service(row).slot}${isShown ? " is-shown" : ""}${isError ? " is-error" : ""}${kind === FOLD ? " is-fold" : kind === MISSING || kind === LANE ? " is-missing" : ""}`;
    // The last pixels are kept for what lies at the very end.
    timeCell.style.setProperty("--left", `min(${left}%, 100% - 2px)`);
    timeCell.style.setProperty("--width", `${width}%`);
    const stretches = path ? [...this.stretches(model, row, (window / 100) * LEAST_PERCENT)] : [];
    timeCell.style.setProperty("--path", line(stretches.sort((a, b) => a[0] - b[0]).map(([at, long]) => [percent(at), percent(at + long)])));
    const queues: HTMLElement[] = [];
    for (const i of model.links.of(row)) {
      const sent = columns.linkTo[i] ?? 0;
      const at = (columns.offset[sent] ?? 0) + (columns.length[sent] ?? 0);
      const [from, to] = [Math.max(percent(at), 0), Math.min(percent(offset), 100)];
      if (to - from < LEAST_PERCENT || queues.length === MAX_MARKS) continue;
      const queue = mark("wf-queue", from, `waited ${duration(offset - at)} for its turn, from the end of what it links to`);
      queue.style.width = `${to - from}%`;
      queues.push(queue);
    }
    const shown = this.placeWords(kind === MISSING ? "" : text, isShown, start, left, width, queues.length > 0);
    timeCell.replaceChildren(shown, ...queues, ...this.marks(model, row, percent));
    const share = number((length / Math.max(model.header.duration, 1)) * 100);
    const told = [KINDS[columns.spanKind[row] ?? 0] ?? "", `starts at ${duration(offset)}`, `lasts ${text}`, `${share} % of the trace`];
    if (model.path.has(row)) told.push("on the critical path");
    if (isError) told.push("error");
    timeCell.setAttribute("aria-label", told.join(", "));
  }

  /** The log records and exceptions of a row. Those that would lie on each other are one mark, as bad as the worst of them. */
  private marks(model: TraceModel, row: number, percent: (time: number) => number): HTMLElement[] {
    const { markOffset, markLevel } = model.columns;
    const inSight = (i: number): boolean => { const at = percent(markOffset[i] ?? 0); return at >= 0 && at <= 100; };
    const all = [...model.marks.of(row)].filter(inSight).sort((a, b) => (markOffset[a] ?? 0) - (markOffset[b] ?? 0));
    const join = (near: number): number[][] => {
      const groups: number[][] = [];
      let begin = -Infinity;
      for (const i of all) {
        const at = percent(markOffset[i] ?? 0);
        if (at - begin < near) groups[groups.length - 1]?.push(i);
        else { groups.push([i]); begin = at; }
      }
      return groups;
    };
    let groups = join(MARK_PERCENT);
    if (groups.length > MAX_MARKS) groups = join(100 / (MAX_MARKS - 1));
    return groups.map((group) => {
      const level = Math.max(...group.map((i) => markLevel[i] ?? 0));
      const [first, last] = [markOffset[group[0] ?? 0] ?? 0, markOffset[group[group.length - 1] ?? 0] ?? 0];
      const name = LEVELS[level] ?? "info";
      const nExceptions = group.filter((i) => markLevel[i] === EXCEPTION).length;
      const nRecords = group.length - nExceptions;
      const some = (n: number, one: string): string => (n === 1 ? one : `${n} ${one}s`);
      const what = [nExceptions > 0 ? some(nExceptions, "exception") : "", nRecords > 0 ? some(nRecords, "log record") : ""].filter((it) => it !== "").join(" and ");
      const worst = nExceptions > 0 ? "" : group.length === 1 ? `, ${name},` : `, at worst ${name},`;
      const when = first === last ? `at ${duration(first)}` : `from ${duration(first)} to ${duration(last)}`;
      return mark(level === EXCEPTION ? "wf-exception" : `wf-log sev-${name}`, percent(first), `${what}${worst} ${when}`);
    });
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

  /** Puts the words of the bar where there is room, after it, before it, or on it, and gives them. */
  private placeWords(text: string, isShown: boolean, start: number, left: number, width: number, isCrowded: boolean): string {
    const { classList, style } = this.timeCell;
    const isAfter = isShown && left + width < 82;
    const isOn = isShown && !isAfter && (left < 18 || isCrowded);
    const isAtEnd = isShown ? !isAfter : start > 100;
    const room = !isShown ? "4px" : isOn ? "6px" : isAfter ? `calc(${left + width}% + 6px)` : `calc(${100 - left}% + 6px)`;
    classList.toggle("has-words-on", isOn);
    style.padding = isAtEnd ? `0 ${room} 0 0` : `0 0 0 ${room}`;
    style.textAlign = isAtEnd ? "right" : "left";
    // Where they are on the bar they have a ground, which is a little wider than they are.
    if (isOn) return `\u00a0${text}\u00a0`;
    return isShown ? text : start > 100 ? `${text} →` : `← ${text}`;
  }
}

/** Stretches of a line, in percent of its length and in their order, as a background. */
function line(stretches: [from: number, to: number][]): string {
  const stops: string[] = [];
  let last = 0;
  for (const [from, to] of stretches) {
    const [a, b] = [Math.max(from, 0), Math.min(to, 100)];
    if (b - a < LEAST_PERCENT) continue;
    stops.push(`transparent ${last}% ${a}%`, `var(--text) ${a}% ${b}%`);
    last = b;
  }
  return stops.length === 0 ? "none" : `linear-gradient(to right, ${stops.join(", ")}, transparent ${last}%)`;
}

function mark(className: string, at: number, title: string): HTMLElement {
  const element = make("span", className);
  element.title = title;
  element.style.left = `${at}%`;
  return element;
}

export function make<K extends keyof HTMLElementTagNameMap>(tag: K, className: string): HTMLElementTagNameMap[K];
export function make(tag: string, className: string): HTMLElement;
export function make(tag: string, className: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}
