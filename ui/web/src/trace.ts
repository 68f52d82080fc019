// <haechi-trace>: the spans of a trace. It replaces the first rows that the page holds by all of them: collapsing,
// zooming, searching, the critical path, marks of log records, and the panel of a span, by mouse and by keyboard.
import { isEditing } from "./keys";
import { readSetting } from "./settings";
import { THEME_CHANGED } from "./theme";
import { read, write } from "./trace/address";
import { FOLD, SPAN, TraceModel } from "./trace/model";
import { Flame } from "./trace/flame";
import { linkedIds, load, together } from "./trace/linked";
import { Minimap } from "./trace/minimap";
import { Panel } from "./trace/panel";
import { Pruning } from "./trace/pruning";
import { make } from "./trace/rows";
import { search } from "./trace/search";
import { Tools } from "./trace/tools";
import { Waterfall } from "./trace/waterfall";

class HaechiTrace extends HTMLElement {
  private model!: TraceModel;
  private minimap!: Minimap;
  private panel!: Panel;
  private pruning!: Pruning;
  private tools!: Tools;
  private view!: Waterfall | Flame;
  private focused = 0;
  private selected = -1;
  private path = true;
  private folded = true;
  private compressed = true;
  private aligned = false;
  private searches = 0;
  /** Linked traces that could not be loaded. */
  private lost = 0;

  async connectedCallback(): Promise<void> {
    const source = this.dataset["src"];
    if (this.model !== undefined || source === undefined) return;
    try {
      const main = await load(source);
      const others = await Promise.allSettled(linkedIds().map((id) => load(`/traces/${id}/data`)));
      const there = others.flatMap((it) => (it.status === "fulfilled" ? [it.value] : []));
      const { header, columns, lanes } = together([main, ...there]);
      this.model = new TraceModel(header, columns, lanes);
      this.pruning = new Pruning(this.model);
      this.lost = others.length - there.length;
    } catch (error) {
      // The rows of the page stay.
      this.prepend(problem(`The rest of the trace could not be loaded: ${String(error)}`));
      return;
    }
    this.restore();
    this.build();
    this.render();
    this.view.reveal(this.focused);
    this.dataset["ready"] = "true";
    // The server knows only the spans of its own trace.
    if (this.selected >= 0 && this.panel.element.hidden) void this.panel.show(this.model.id(this.selected));
    requestAnimationFrame(() => this.minimap.paint());
    if (this.tools.field.value !== "") void this.search(this.tools.field.value, false);
  }

  /** Takes over what the address says. */
  private restore(): void {
    const { model } = this;
    this.path = read("path") !== "off";
    this.folded = read("fold") !== "off";
    this.compressed = read("gaps") !== "off";
    if (!this.folded || this.dataset["view"] === "flame") model.setFolded(false);
    if (!this.compressed) model.setCompressed(false);
    this.aligned = read("clocks") === "aligned" && model.skew.size > 0;
    if (this.aligned) model.setAligned(true);
    if (this.dataset["view"] !== "flame") this.pruning.restore();
    this.focused = model.visible[0] ?? 0;
    const window = /^(\d+)-(\d+)$/.exec(read("win"));
    if (window !== null) this.setWindow(model.scale.place(Number(window[1])), model.scale.place(Number(window[2])));
    const wanted = read("span");
    const row = wanted === "" ? -1 : model.find(wanted);
    if (row < 0) return;
    this.selected = this.focused = row;
    model.reveal(row);
    this.focused = model.shown(row);
  }

  private build(): void {
    const { model } = this;
    this.minimap = new Minimap(model, (from, to) => this.zoom(from, to));
    this.panel = new Panel(this.querySelector<HTMLElement>(".span-panel"), (id) => this.spanAddress(id), (id) => this.selectId(id), () => this.close());
    const isFlame = this.dataset["view"] === "flame";
    this.view = isFlame
      ? new Flame(model, { choose: (row) => this.choose(row), zoom: (row) => this.zoomTo(row) })
      : new Waterfall(model, { choose: (row) => this.choose(row), toggle: (row) => this.toggle(row, model.collapsed[row] !== 1) });
    this.tools = new Tools(
      {
        search: (text) => void this.search(text, true),
        found: (direction) => this.goTo((row) => model.found[row] === 1, direction),
        leave: () => this.view.focus(),
        error: () => this.goTo((row) => model.isError(row), 1),
        path: () => this.togglePath(),
        fold: () => this.toggleFolds(),
        gaps: () => this.toggleGaps(),
        clocks: () => this.toggleClocks(),
        only: () => this.showOnly(),
        hide: () => this.hideRow(),
        all: () => this.showAll(),
        alone: () => { write("with", ""); location.reload(); },
        collapse: (collapsed) => this.collapseAll(collapsed),
        zoom: () => this.zoomTo(this.focused),
        whole: () => this.zoom(0, model.whole),
      },
      { errors: model.nErrors > 0, gaps: model.header.gaps.length > 0, folds: model.columns.kind.includes(FOLD), skew: model.skew.size > 0, lanes: model.lanes.length > 1, rows: !isFlame },
    );
    this.tools.field.value = read("q");
    this.tools.press("path", this.path);
    this.tools.press("fold", this.folded);
    this.tools.press("gaps", this.compressed);
    this.tools.press("clocks", this.aligned);
    const main = make("div", "wf-main");
    main.append(this.view.element, this.panel.element);
    const lost = this.lost === 0 ? [] : [problem(`${this.lost} of the linked traces could not be loaded.`)];
    this.replaceChildren(...lost, this.tools.element, this.minimap.element, main);
    document.addEventListener("keydown", (event) => this.pressed(event));
    document.addEventListener(THEME_CHANGED, () => { this.minimap.repaint(); if (this.view instanceof Flame) this.view.recolour(); });
    new ResizeObserver(() => { this.minimap.paint(); this.render(); }).observe(this.view.element);
  }

  private render(): void {
    this.minimap.showWindow();
    this.tools.showGuesses(this.aligned);
    this.tools.showPruned(this.model.isPruned);
    this.tools.showZoom(this.model.from <= 0 && this.model.to >= this.model.whole);
    this.view.render({ focus: this.focused, selected: this.selected, path: this.path });
  }

  private toggle(row: number, collapsed: boolean): void {
    this.model.setCollapsed(row, collapsed);
    this.focused = this.model.shown(this.focused);
    this.render();
  }

  private collapseAll(collapsed: boolean): void {
    this.model.setAllCollapsed(collapsed);
    this.afterCollapse();
  }

  private step(collapse: boolean): void {
    this.model.step(collapse);
    this.afterCollapse();
  }

  private afterCollapse(): void {
    this.focused = this.model.shown(this.focused);
    this.render();
    this.view.reveal(this.focused);
  }

  private togglePath(): void {
    this.path = !this.path;
    this.tools.press("path", this.path);
    write("path", this.path ? "" : "off");
    this.render();
  }

  private toggleFolds(): void {
    this.folded = !this.folded;
    this.tools.press("fold", this.folded);
    write("fold", this.folded ? "" : "off");
    this.model.setFolded(this.folded);
    this.afterCollapse();
  }

  private toggleGaps(): void {
    this.compressed = !this.compressed;
    this.tools.press("gaps", this.compressed);
    write("gaps", this.compressed ? "" : "off");
    write("win", "");
    this.model.setCompressed(this.compressed);
    this.minimap.paint();
    this.render();
  }

  private toggleClocks(): void {
    this.aligned = !this.aligned;
    this.tools.press("clocks", this.aligned);
    write("clocks", this.aligned ? "aligned" : "");
    write("win", "");
    this.model.setAligned(this.aligned);
    this.minimap.paint();
    this.render();
  }

  /** Leaves out all but the focused span with what is below it, and zooms to it. */
  private showOnly(): void {
    if (this.view instanceof Flame || !this.pruning.only(this.focused)) return;
    this.afterCollapse();
    this.zoomTo(this.focused);
  }

  private hideRow(): void {
    const next = this.view instanceof Flame ? -1 : this.pruning.hide(this.focused);
    if (next < 0) return;
    this.focused = next;
    this.afterCollapse();
  }

  private showAll(): void {
    if (!this.pruning.none()) return;
    this.afterCollapse();
    this.zoom(0, this.model.whole);
  }

  private setWindow(from: number, to: number): void {
    const { model } = this;
    const whole = to - from < model.whole / 1e9;
    [model.from, model.to] = whole ? [0, model.whole] : [Math.max(from, 0), Math.min(to, model.whole)];
  }

  private zoom(from: number, to: number): void {
    this.setWindow(from, to);
    const { model } = this;
    const isWhole = model.from <= 0 && model.to >= model.whole;
    write("win", isWhole ? "" : `${Math.floor(model.scale.time(model.from))}-${Math.ceil(model.scale.time(model.to))}`);
    this.render();
  }

  private zoomTo(row: number): void {
    const { columns, scale } = this.model;
    const offset = columns.offset[row] ?? 0;
    const [from, to] = [scale.place(offset), scale.place(offset + (columns.length[row] ?? 0))];
    const margin = Math.max((to - from) * 0.05, 1);
    this.zoom(from - margin, to + margin);
  }

  /** What a click on a row does: a span opens its panel, what stands for spans opens itself. */
  private choose(row: number): void {
    this.focused = row;
    if (this.model.kind(row) === SPAN) this.select(row, () => this.panel.comeIntoSight());
    else this.toggle(row, this.model.collapsed[row] !== 1);
  }

  private select(row: number, then?: () => void): void {
    if (this.model.kind(row) !== SPAN) return;
    this.selected = row;
    const id = this.model.id(row);
    write("span", id);
    this.render();
    void this.panel.show(id).then(() => then?.());
  }

  private spanAddress(id: string): string {
    const [trace, span] = id.includes(":") ? id.split(":") : [this.model.lanes[0]?.trace, id];
    return `/traces/${trace}/spans/${span}`;
  }

  private selectId(id: string): void {
    const row = this.model.find(id);
    if (row >= 0) this.goToRow(row, true);
  }

  private close(): void {
    this.selected = -1;
    write("span", "");
    this.panel.hide();
    this.render();
    this.view.focus();
    this.tools.element.scrollIntoView({ block: "nearest" });
  }

  /** Finds `text`, and goes to the first match when `go`. Only the answer to the last question counts. */
  private async search(text: string, go: boolean): Promise<void> {
    this.searches += 1;
    const mine = this.searches;
    write("q", text.trim());
    const { model } = this;
    const outcome = await search(model.lanes, text);
    if (mine !== this.searches) return;
    model.setFound("problem" in outcome ? [] : outcome);
    if ("problem" in outcome) this.tools.tell(outcome.problem, true);
    else this.tellFound(text);
    if (go && model.nFound > 0 && model.found[this.focused] !== 1) this.goTo((row) => model.found[row] === 1, 1);
    else this.render();
  }

  private tellFound(text = this.tools.field.value): void {
    const { model } = this;
    if (text.trim() === "") this.tools.tell("");
    else if (model.nFound === 0) this.tools.tell("no span");
    else if (model.found[this.focused] === 1) this.tools.tell(`${model.foundUpTo(this.focused)} of ${model.nFound}`);
    else this.tools.tell(`${model.nFound} ${model.nFound === 1 ? "span" : "spans"}`);
  }

  private goTo(test: (row: number) => boolean, direction: 1 | -1): void {
    // What was left out is not gone to, unless nothing else is found.
    const shown = this.model.next(this.focused, direction, (it) => this.model.pruned[it] === 0 && test(it));
    const row = shown >= 0 ? shown : this.model.next(this.focused, direction, test);
    if (row >= 0) this.goToRow(row, this.selected >= 0);
  }

  /** Moves to `row`, and opens its panel when `open`. */
  private goToRow(row: number, open: boolean): void {
    const wasPruned = this.model.pruned[row] === 1;
    this.model.reveal(row);
    if (wasPruned) this.pruning.write();
    this.focused = row;
    this.render();
    this.view.reveal(row);
    if (this.model.nFound > 0) this.tellFound();
    if (open) this.select(row);
  }

  private move(by: number): void {
    const { visible } = this.model;
    const place = Math.min(Math.max(this.model.place(this.focused) + by, 0), visible.length - 1);
    const row = visible[place];
    if (row !== undefined) this.goToRow(row, this.selected >= 0);
  }

  private pressed(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isEditing(event.target)) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const inTree = this.view.holds(event.target) || event.target === document.body;
    if (!inTree && event.key !== "Escape") return;
    // Keys with a name work like in every tree; single letters can be switched off.
    const act = this.namedKey(event.key) ?? (readSetting("keys") === "off" ? undefined : this.letter(event.key));
    if (act === undefined) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }

  private namedKey(key: string): (() => void) | undefined {
    const { model, focused } = this;
    switch (key) {
      case "ArrowDown": return () => this.move(1);
      case "ArrowUp": return () => this.move(-1);
      case "PageDown": return () => this.move(this.view.page);
      case "PageUp": return () => this.move(-this.view.page);
      case "Home": return () => this.move(-model.size);
      case "End": return () => this.move(model.size);
      case "ArrowRight": return () => {
        if (model.collapsed[focused] === 1) this.toggle(focused, false);
        else if ((model.below[focused] ?? 0) > 0) this.move(1);
      };
      case "ArrowLeft": return () => {
        if ((model.below[focused] ?? 0) > 0 && model.collapsed[focused] !== 1) this.toggle(focused, true);
        else this.goToParent();
      };
      case "Enter": return () => this.choose(focused);
      case " ": return () => (this.selected === focused ? this.close() : this.choose(focused));
      case "Escape": return this.selected >= 0 ? () => this.close() : undefined;
      default: return undefined;
    }
  }

  private letter(key: string): (() => void) | undefined {
    const { model } = this;
    switch (key) {
      case "j": case "f": return () => this.move(1);
      case "k": case "b": return () => this.move(-1);
      case "u": return () => this.goToParent();
      case "e": return () => this.goTo((row) => model.isError(row), 1);
      case "E": return () => this.goTo((row) => model.isError(row), -1);
      case "n": return () => this.goTo((row) => model.found[row] === 1, 1);
      case "N": return () => this.goTo((row) => model.found[row] === 1, -1);
      case "]": return () => this.collapseAll(true);
      case "[": return () => this.collapseAll(false);
      case "p": return () => this.step(true);
      case "o": return () => this.step(false);
      case "c": return () => this.togglePath();
      case "v": return () => this.showOnly();
      case "x": return () => this.hideRow();
      case "V": return () => this.showAll();
      case "l": return () => this.select(this.focused, () => this.panel.showMoments());
      case "z": return () => this.zoomTo(this.focused);
      case "0": return () => this.zoom(0, model.whole);
      default: return undefined;
    }
  }

  private goToParent(): void {
    const parent = this.model.parent(this.focused);
    if (parent >= 0) this.goToRow(parent, this.selected >= 0);
  }
}

function problem(words: string): HTMLElement {
  const notice = make("p", "wf-problem error-text");
  notice.textContent = words;
  return notice;
}

customElements.define("haechi-trace", HaechiTrace);
