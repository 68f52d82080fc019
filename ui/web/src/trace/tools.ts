// The line above the waterfall: the search within the trace, and what can be switched.
import { make } from "./rows";

export interface Acts {
  search(text: string): void;
  found(direction: 1 | -1): void;
  leave(): void;
  error(): void;
  path(): void;
  fold(): void;
  gaps(): void;
  clocks(): void;
  collapse(collapsed: boolean): void;
  only(): void;
  hide(): void;
  all(): void;
  alone(): void;
  zoom(): void;
  whole(): void;
}

const TYPING_MILLISECONDS = 180;

export class Tools {
  readonly element = make("div", "wf-tools");
  readonly field = make("input", "");
  private readonly count = make("span", "wf-count");
  private readonly toggles = new Map<string, HTMLButtonElement>();
  private readonly whole: HTMLButtonElement;
  private readonly all: HTMLButtonElement;
  private readonly guesses = make("p", "wf-guesses warn-text small");
  private timer = 0;

  constructor(acts: Acts, has: { errors: boolean; gaps: boolean; folds: boolean; skew: boolean; lanes: boolean; rows: boolean }) {
    const { field } = this;
    field.type = "search";
    field.placeholder = "Find in this trace";
    field.spellcheck = false;
    field.autocomplete = "off";
    field.title = "Words, names of services, ids, or the search language: duration > 20ms and status=error";
    field.setAttribute("aria-label", "Find spans in this trace");
    field.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => acts.search(field.value), TYPING_MILLISECONDS);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); acts.found(event.shiftKey ? -1 : 1); }
      if (event.key === "Escape") { clearTimeout(this.timer); field.value = ""; acts.search(""); acts.leave(); }
    });
    this.count.setAttribute("aria-live", "polite");
    const button = (words: string, title: string, act: () => void): HTMLButtonElement => {
      const element = make("button", "button small");
      element.type = "button";
      element.textContent = words;
      element.title = title;
      element.addEventListener("click", () => { act(); acts.leave(); });
      return element;
    };
    const toggle = (name: string, words: string, title: string, act: () => void): HTMLButtonElement => {
      const element = button(words, title, act);
      this.toggles.set(name, element);
      return element;
    };
    this.whole = button("Whole trace", "Show the whole time (0)", acts.whole);
    this.all = button("Show all", "Show the spans again that were left out (V)", acts.all);
    this.element.append(field, this.count, make("span", "wf-gap"));
    if (has.errors) this.element.append(button("Next error", "Next span with an error (e)", acts.error));
    this.element.append(toggle("path", "Critical path", "What the trace waited for (c)", acts.path));
    if (has.folds && has.rows) this.element.append(toggle("fold", "Fold", "Equal siblings in one row", acts.fold));
    if (has.gaps) this.element.append(toggle("gaps", "Shorten gaps", "Draw long stretches in which nothing ran short", acts.gaps));
    if (has.skew) this.element.append(toggle("clocks", "Align clocks", "Move spans that start before their parent into it", acts.clocks));
    if (has.rows) this.element.append(button("Only this", "The span and what is below it, alone (v)", acts.only), button("Hide", "Leave the span out, and what is below it (x)", acts.hide), this.all);
    if (has.rows) this.element.append(button("Collapse", "Collapse all (])", () => acts.collapse(true)), button("Expand", "Expand all ([)", () => acts.collapse(false)));
    if (has.lanes) this.element.append(button("This trace alone", "Without the linked traces below it", acts.alone));
    this.element.append(button("Zoom to span", "Show the time of the span (z)", acts.zoom), this.whole, this.guesses);
    this.guesses.textContent = "Clocks are aligned: where spans that started before their parent are drawn is a guess.";
    this.showGuesses(false);
    this.showPruned(false);
  }

  press(name: string, on: boolean): void {
    this.toggles.get(name)?.setAttribute("aria-pressed", String(on));
  }

  showZoom(isWhole: boolean): void {
    this.whole.hidden = isWhole;
  }

  /** Says that times are not those that were sent. */
  showGuesses(aligned: boolean): void {
    this.guesses.hidden = !aligned;
  }

  showPruned(isPruned: boolean): void {
    this.all.hidden = !isPruned;
  }

  /** Tells how many were found, or why nothing could be. */
  tell(words: string, isProblem = false): void {
    this.count.textContent = words;
    this.count.classList.toggle("error-text", isProblem);
  }
}
