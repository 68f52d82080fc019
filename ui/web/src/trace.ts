// <haechi-trace>: the waterfall of a trace. It replaces the first rows that the page holds by all of them: collapsing,
// zooming, searching, the critical path, log marks, and the panel of a span, by mouse and by keyboard.
import { isEditing } from "./keys";
import { THEME_CHANGED } from "./theme";
import { duration } from "./units";
import { Minimap } from "./trace/minimap";
import { type Columns, TraceModel } from "./trace/model";
import { Panel } from "./trace/panel";
import { make, Row, ROW_HEIGHT } from "./trace/rows";

/** Rows beyond the window that are ready, so that scrolling shows no gap. */
const SPARE_ROWS = 6;
const TICKS = 5;

class HaechiTrace extends HTMLElement {
  private model!: TraceModel;
  private minimap!: Minimap;
  private panel!: Panel;
  private readonly scroller = make("div", "wf-scroll");
  private readonly space = make("div", "wf-space");
  private readonly axis = make("div", "wf-axis");
  private readonly count = make("span", "wf-count");
  private readonly field = make("input", "");
  private criticalButton!: HTMLButtonElement;
  private rows: Row[] = [];
  private focused = 0;
  private selected = -1;
  private critical = true;
  private found = new Set<number>();
  private scheduled = false;

  async connectedCallback(): Promise<void> {
    if (this.rows.length > 0 || this.model !== undefined) return;
    const source = this.dataset["src"];
    if (source === undefined) return;
    try {
      const answer = await fetch(source);
      if (!answer.ok) throw new Error(await answer.text());
      this.model = new TraceModel((await answer.json()) as Columns);
    } catch (error) {
      // The rows of the page stay.
      const notice = make("p", "wf-problem error-text");
      notice.textContent = `The rest of the trace could not be loaded: ${String(error)}`;
      this.prepend(notice);
      return;
    }
    this.build();
    const wanted = new URL(location.href).searchParams.get("span");
    const span = wanted === null ? -1 : this.model.find(wanted.padStart(16, "0"));
    if (span >= 0) {
      this.selected = span;
      this.focused = span;
      this.model.reveal(span);
    }
    this.minimap.paint();
    this.render();
    this.showFocused();
    this.dataset["ready"] = "true";
  }

  private build(): void {
    this.minimap = new Minimap(this.model, () => this.render());
    this.panel = new Panel(this.querySelector<HTMLElement>(".span-panel"), this.dataset["spans"] ?? "", (id) => this.selectId(id), () => this.close());
    const head = make("div", "wf-head");
    const title = make("div", "wf-head-name");
    title.textContent = "Service and operation";
    head.append(title, this.axis);
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "treegrid");
    this.scroller.setAttribute("aria-label", "Spans of the trace");
    this.scroller.setAttribute("aria-colcount", "2");
    this.space.setAttribute("role", "rowgroup");
    this.scroller.append(this.space);
    const list = make("div", "wf-list");
    list.append(head, this.scroller);
    const main = make("div", "wf-main");
    main.append(list, this.panel.element);
    this.replaceChildren(this.tools(), this.minimap.element, main);

    this.scroller.addEventListener("scroll", () => this.schedule(), { passive: true });
    this.scroller.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("keydown", (event) => this.pressed(event));
    document.addEventListener(THEME_CHANGED, () => this.minimap.paint());
    new ResizeObserver(() => { this.minimap.paint(); this.schedule(); }).observe(this.scroller);
  }

  private tools(): HTMLElement {
    const tools = make("div", "wf-tools");
    this.field.type = "search";
    this.field.placeholder = "Find in this trace";
    this.field.setAttribute("aria-label", "Find spans by name, service or id");
    this.field.addEventListener("input", () => this.search());
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); this.goTo((span) => this.found.has(span), event.shiftKey ? -1 : 1); }
      if (event.key === "Escape") { this.field.value = ""; this.search(); this.scroller.focus(); }
    });
    const button = (words: string, title: string, act: () => void): HTMLButtonElement => {
      const element = make("button", "button small");
      element.type = "button";
      element.textContent = words;
      element.title = title;
      element.addEventListener("click", () => { act(); this.scroller.focus({ preventScroll: true }); });
      return element;
    };
    this.count.setAttribute("aria-live", "polite");
    this.criticalButton = button("Critical path", "What the trace waited for (c)", () => this.toggleCritical());
    this.criticalButton.setAttribute("aria-pressed", "true");
    const gap = make("span", "wf-gap");
    tools.append(this.field, this.count, gap);
    const nErrors = this.model.columns.flags.reduce((sum, _, span) => sum + (this.model.isError(span) ? 1 : 0), 0);
    if (nErrors > 0) tools.append(button("Next error", "Next span with an error (e)", () => this.goTo((span) => this.model.isError(span), 1)));
    tools.append(
      this.criticalButton,
      button("Collapse", "Collapse all ([)", () => this.collapseAll(true)),
      button("Expand", "Expand all (])", () => this.collapseAll(false)),
      button("Whole trace", "Show the whole time (0)", () => this.zoom(0, this.model.whole)),
    );
    return tools;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => { this.scheduled = false; this.renderRows(); });
  }

  private render(): void {
    this.space.style.height = `${this.model.visible.length * ROW_HEIGHT}px`;
    this.scroller.setAttribute("aria-rowcount", String(this.model.visible.length));
    this.minimap.showWindow();
    this.renderAxis();
    this.renderRows();
  }

  private renderAxis(): void {
    const { from, to } = this.model;
    const ticks = Array.from({ length: TICKS }, (_, i) => {
      const tick = make("span", "wf-tick");
      tick.textContent = duration(Math.round(from + ((to - from) * i) / (TICKS - 1)));
      return tick;
    });
    this.axis.replaceChildren(...ticks);
  }

  private renderRows(): void {
    const { visible } = this.model;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const needed = Math.min(Math.ceil(this.scroller.clientHeight / ROW_HEIGHT) + 2 * SPARE_ROWS, visible.length - first);
    while (this.rows.length < needed) {
      const row = new Row();
      this.rows.push(row);
      this.space.append(row.element);
    }
    const state = { focus: this.focused, selected: this.selected, critical: this.critical, matches: this.found };
    this.rows.forEach((row, i) => {
      const span = i < needed ? visible[first + i] : undefined;
      row.element.hidden = span === undefined;
      if (span === undefined) { row.span = -1; row.element.removeAttribute("id"); }
      else row.show(this.model, span, first + i, state);
    });
    this.scroller.setAttribute("aria-activedescendant", `span-${this.focused}`);
  }

  private clicked(event: MouseEvent): void {
    const element = (event.target as Element).closest<HTMLElement>(".wf-row");
    const row = this.rows.find((it) => it.element === element);
    if (row === undefined || row.span < 0) return;
    this.focused = row.span;
    if ((event.target as Element).closest(".wf-toggle") !== null) this.toggle(row.span, this.model.collapsed[row.span] !== 1);
    else this.select(row.span);
  }

  private toggle(span: number, collapsed: boolean): void {
    this.model.setCollapsed(span, collapsed);
    this.render();
  }

  private collapseAll(collapsed: boolean): void {
    this.model.setAllCollapsed(collapsed);
    while (this.model.row(this.focused) < 0) this.focused = this.model.parent(this.focused);
    this.render();
    this.showFocused();
  }

  private toggleCritical(): void {
    this.critical = !this.critical;
    this.criticalButton.setAttribute("aria-pressed", String(this.critical));
    this.renderRows();
  }

  private zoom(from: number, to: number): void {
    [this.model.from, this.model.to] = [Math.max(from, 0), Math.max(to, from + 1)];
    this.render();
  }

  private select(span: number): void {
    this.selected = span;
    this.remember(this.model.id(span));
    this.renderRows();
    void this.panel.show(this.model.id(span));
  }

  private selectId(id: string): void {
    const span = this.model.find(id);
    if (span >= 0) this.goToSpan(span, true);
  }

  private close(): void {
    this.selected = -1;
    this.remember(null);
    this.panel.hide();
    this.renderRows();
    this.scroller.focus({ preventScroll: true });
  }

  private remember(id: string | null): void {
    const url = new URL(location.href);
    if (id === null) url.searchParams.delete("span");
    else url.searchParams.set("span", id);
    history.replaceState(null, "", url);
  }

  private search(): void {
    this.model.search(this.field.value);
    this.found = new Set(this.model.matches);
    const n = this.found.size;
    this.count.textContent = this.field.value.trim() === "" ? "" : n === 0 ? "no span" : `${n} ${n === 1 ? "span" : "spans"}`;
    const first = this.model.matches[0];
    if (first !== undefined) this.goToSpan(first, false);
    else this.renderRows();
  }

  private goTo(test: (span: number) => boolean, direction: 1 | -1): void {
    const span = this.model.next(this.focused, direction, test);
    if (span >= 0) this.goToSpan(span, this.selected >= 0);
  }

  /** Moves to `span`, and opens its panel when `open`. */
  private goToSpan(span: number, open: boolean): void {
    this.model.reveal(span);
    this.focused = span;
    this.render();
    this.showFocused();
    if (open) this.select(span);
  }

  private showFocused(): void {
    const top = this.model.row(this.focused) * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top - ROW_HEIGHT;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.scroller.scrollTop = top + 2 * ROW_HEIGHT - clientHeight;
    this.renderRows();
  }

  private move(by: number): void {
    const row = Math.min(Math.max(this.model.row(this.focused) + by, 0), this.model.visible.length - 1);
    const span = this.model.visible[row];
    if (span !== undefined) this.goToSpan(span, this.selected >= 0);
  }

  private pressed(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isEditing(event.target)) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const inTree = event.target === this.scroller || event.target === document.body;
    if (!inTree && event.key !== "Escape") return;
    const act = this.action(event.key);
    if (act === undefined) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }

  private action(key: string): (() => void) | undefined {
    const { model, focused } = this;
    const { columns } = model;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 1);
    switch (key) {
      case "ArrowDown": case "j": return () => this.move(1);
      case "ArrowUp": case "k": return () => this.move(-1);
      case "PageDown": return () => this.move(page);
      case "PageUp": return () => this.move(-page);
      case "Home": return () => this.move(-model.size);
      case "End": return () => this.move(model.size);
      case "ArrowRight": return () => {
        if (model.collapsed[focused] === 1) this.toggle(focused, false);
        else if ((columns.below[focused] ?? 0) > 0) this.move(1);
      };
      case "ArrowLeft": return () => {
        if ((columns.below[focused] ?? 0) > 0 && model.collapsed[focused] !== 1) this.toggle(focused, true);
        else if (model.parent(focused) >= 0) this.goToSpan(model.parent(focused), this.selected >= 0);
      };
      case "Enter": case " ": return () => this.select(focused);
      case "Escape": return this.selected >= 0 ? () => this.close() : undefined;
      case "u": return () => { if (model.parent(focused) >= 0) this.goToSpan(model.parent(focused), this.selected >= 0); };
      case "e": return () => this.goTo((span) => model.isError(span), 1);
      case "E": return () => this.goTo((span) => model.isError(span), -1);
      case "n": return () => this.goTo((span) => this.found.has(span), 1);
      case "N": return () => this.goTo((span) => this.found.has(span), -1);
      case "[": return () => this.collapseAll(true);
      case "]": return () => this.collapseAll(false);
      case "c": return () => this.toggleCritical();
      case "z": return () => {
        const [offset, length] = [columns.offset[focused] ?? 0, columns.length[focused] ?? 0];
        this.zoom(offset - length * 0.05, offset + Math.max(length * 1.05, 1));
      };
      case "0": return () => this.zoom(0, model.whole);
      default: return undefined;
    }
  }
}

customElements.define("haechi-trace", HaechiTrace);
