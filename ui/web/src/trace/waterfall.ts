// The tree of rows with its axis: only the rows in sight are elements, and they are used again when others come in sight.
import { Axis } from "./axis";
import { Connectors } from "./connectors";
import { FOLD, type TraceModel } from "./model";
import { INDENT, type Indent, make, Row, ROW_HEIGHT, type State } from "./rows";

/** Rows beyond the window that are ready, so that scrolling shows no gap. */
const SPARE_ROWS = 1;
const TITLE = "Service and operation";
/** Less would not be seen as a step. */
const LEAST_INDENT = 4;
/** What a name is given of its cell before its row is indented less. */
const NAME_PIXELS = 170;

export class Waterfall {
  readonly element = make("div", "wf-list");
  private readonly scroller = make("div", "wf-scroll");
  private readonly space = make("div", "wf-space");
  private readonly head = make("div", "wf-head");
  private readonly title = make("div", "wf-head-name");
  private readonly axis = new Axis();
  private readonly connectors: Connectors;
  private rows: Row[] = [];
  private version = 0;
  private state: State = { focus: 0, selected: -1, path: true };
  private indent: Indent = { from: 0, to: 0, pixels: INDENT };
  private scheduled = false;

  constructor(private readonly model: TraceModel, acts: { choose(row: number): void; toggle(row: number): void }) {
    this.connectors = new Connectors(model);
    this.title.textContent = TITLE;
    this.head.append(this.title, this.axis.element);
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "treegrid");
    this.scroller.setAttribute("aria-label", "Spans of the trace");
    this.scroller.setAttribute("aria-colcount", "2");
    this.space.setAttribute("role", "rowgroup");
    this.space.append(this.axis.breaks, this.connectors.element);
    this.scroller.append(this.space);
    this.element.append(this.head, this.scroller);
    this.scroller.addEventListener("scroll", () => this.schedule(), { passive: true });
    this.scroller.addEventListener("click", (event) => {
      const target = event.target as Element;
      const element = target.closest<HTMLElement>(".wf-row");
      const clicked = this.rows.find((it) => it.element === element);
      const row = clicked?.row ?? -1;
      if (row < 0) return;
      if (clicked?.isToggle(event) && (model.below[row] ?? 0) > 0 && model.kind(row) !== FOLD) acts.toggle(row);
      else acts.choose(row);
    });
  }

  /** Rows on one page. */
  get page(): number {
    return Math.max(1, Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 1);
  }

  focus(): void {
    this.scroller.focus({ preventScroll: true });
  }

  holds(target: EventTarget | null): boolean {
    return target === this.scroller;
  }

  render(state: State): void {
    this.state = state;
    this.version += 1;
    this.space.style.height = `${this.model.visible.length * ROW_HEIGHT}px`;
    this.scroller.setAttribute("aria-rowcount", String(this.model.visible.length));
    this.axis.render(this.model);
    this.renderRows();
  }

  /** Scrolls so that `row`, which is visible, is in sight. */
  reveal(row: number): void {
    const top = this.model.place(row) * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top - ROW_HEIGHT;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.scroller.scrollTop = top + 2 * ROW_HEIGHT - clientHeight;
    this.renderRows();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => { this.scheduled = false; this.renderRows(); });
  }

  /** Where rows are too deep for their cell, the indent begins at the least deep of those in sight, and if need be is less a level. */
  private findIndent(first: number, last: number): void {
    const room = Math.max(this.title.clientWidth - NAME_PIXELS, 2 * INDENT);
    let [least, most] = [Infinity, 0];
    for (let place = first; place < last; place += 1) {
      const depth = this.model.depth[this.model.visible[place] ?? 0] ?? 0;
      [least, most] = [Math.min(least, depth), Math.max(most, depth)];
    }
    const from = most * INDENT <= room ? 0 : least;
    const pixels = Math.min(Math.max(Math.floor(room / Math.max(most - from, 1)), LEAST_INDENT), INDENT);
    const to = from + Math.floor(room / pixels);
    if (from === this.indent.from && to === this.indent.to) return;
    this.indent = { from, to, pixels };
    this.version += 1;
    this.title.textContent = from === 0 ? TITLE : `${TITLE}, from level ${from + 1}`;
  }

  private renderRows(): void {
    const { visible } = this.model;
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const needed = Math.min(Math.ceil(clientHeight / ROW_HEIGHT) + 1 + 2 * SPARE_ROWS, visible.length);
    while (this.rows.length < needed) {
      const row = new Row();
      this.rows.push(row);
      this.space.append(row.element);
    }
    this.findIndent(first, Math.min(first + needed, visible.length));
    // Each place has its element, so that scrolling by one row changes one.
    const pool = this.rows.length;
    const last = Math.min(first + pool, visible.length);
    let hasFocus = false;
    for (let place = first; place < first + pool; place += 1) {
      const element = this.rows[place % pool];
      const row = place < last ? visible[place] : undefined;
      if (row === undefined) element?.hide();
      else element?.show(this.model, row, place, this.state, this.indent, this.version);
      hasFocus ||= row === this.state.focus;
    }
    if (hasFocus) this.scroller.setAttribute("aria-activedescendant", `row-${this.state.focus}`);
    else this.scroller.removeAttribute("aria-activedescendant");
    if (this.model.columns.linkFrom.length === 0) return;
    const cell = this.rows[first % pool]?.element.lastElementChild as HTMLElement | null;
    if (cell !== null) this.connectors.paint(first, last, cell.offsetLeft, cell.clientWidth);
  }
}
