// Suggestions below a search box: fields for the word that is being typed, and values after `=`. A combobox as ARIA has it:
// the focus stays in the box, arrows move, Enter or Tab takes, Escape closes.

interface Item { text: string; insert: string; note: string; n_rows: number }
interface Answer { items: Item[]; complete: boolean }

/** The word under the cursor: where its last part starts, and what it is a part of. */
interface Word { start: number; field: string; prefix: string }

const PAUSE_MILLISECONDS = 120;
const FIELD = String.raw`(?:"(?:[^"\\]|\\.)*"|[\p{L}\p{N}_.\-/]+)`;
const VALUE = new RegExp(String.raw`(${FIELD})(?:=~|!~|!=|>=|<=|=|:|>|<)\s?("?)([^\s()"]*|[^"]*)$`, "u");
const NAME = /(?:^|[\s({-])([\p{L}\p{N}_.]*)$/u;

export function startCompletion(): void {
  document.querySelectorAll<HTMLInputElement>("input[data-complete]").forEach((box, i) => new Completion(box, `suggestions-${i}`).listen());
}

/** What is to be completed of `text`, which ends at the cursor. */
export function wordAt(text: string): Word | null {
  const value = VALUE.exec(text);
  if (value !== null) {
    const [, field = "", quote = "", prefix = ""] = value;
    if (quote !== "" || !/\s/.test(prefix)) return { start: text.length - prefix.length - quote.length, field: unquoted(field), prefix };
  }
  // An odd quote is a text that has begun.
  if ((text.replace(/\\./g, "").match(/"/g)?.length ?? 0) % 2 === 1) return null;
  const name = NAME.exec(text)?.[1];
  return name === undefined ? null : { start: text.length - name.length, field: "", prefix: name };
}

function unquoted(field: string): string {
  return field.startsWith('"') ? field.slice(1, -1).replace(/\\(.)/g, "$1") : field;
}

class Completion {
  private readonly list = document.createElement("ul");
  private items: Item[] = [];
  private at = -1;
  private word: Word | null = null;
  private timer = 0;
  private asked = 0;

  constructor(private readonly box: HTMLInputElement, id: string) {
    this.list.id = id;
    this.list.className = "suggestions";
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Suggestions");
  }

  listen(): void {
    const { box, list } = this;
    box.setAttribute("role", "combobox");
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-controls", list.id);
    box.setAttribute("aria-expanded", "false");
    box.parentElement?.append(list);
    box.addEventListener("input", () => this.soon());
    box.addEventListener("blur", () => this.close());
    box.addEventListener("keydown", (event) => {
      if (this.press(event)) event.preventDefault();
    });
    // Not click: the box would lose the focus first.
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = (event.target as HTMLElement).closest("li");
      if (option !== null) this.take([...list.children].indexOf(option));
    });
  }

  private soon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), PAUSE_MILLISECONDS);
  }

  private async ask(): Promise<void> {
    const { box } = this;
    const end = box.selectionStart ?? box.value.length;
    const word = wordAt(box.value.slice(0, end));
    if (word === null || document.activeElement !== box) return this.close();
    const number = ++this.asked;
    const url = new URL("/complete", location.href);
    const here = new URL(location.href).searchParams;
    for (const key of ["from", "to"]) if (here.has(key)) url.searchParams.set(key, here.get(key) ?? "");
    url.searchParams.set("signal", box.dataset["complete"] ?? "");
    url.searchParams.set("prefix", word.prefix);
    if (word.field !== "") url.searchParams.set("field", word.field);
    const answer = await fetch(url).then((it) => (it.ok ? (it.json() as Promise<Answer>) : null), () => null);
    // A later question has been asked meanwhile.
    if (number !== this.asked || document.activeElement !== box) return;
    this.word = word;
    this.items = answer?.items ?? [];
    if (this.items.length === 1 && this.items[0]?.text === word.prefix) this.items = [];
    this.show(answer);
  }

  private show(answer: Answer | null): void {
    if (this.items.length === 0 || answer === null) return this.close();
    const about = answer.complete ? "" : "≈ ";
    this.list.replaceChildren(...this.items.map((item, i) => {
      const option = document.createElement("li");
      option.id = `${this.list.id}-${i}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      const text = document.createElement("bdi");
      text.textContent = item.text;
      const note = document.createElement("span");
      note.className = "note";
      note.textContent = item.note;
      const count = document.createElement("span");
      count.className = "count";
      count.textContent = about + item.n_rows.toLocaleString("en");
      count.title = answer.complete ? "rows of the range" : "rows of the range, estimated from a part of them";
      option.append(text, note, count);
      return option;
    }));
    this.list.hidden = false;
    this.box.setAttribute("aria-expanded", "true");
    this.mark(-1);
  }

  private close(): void {
    this.asked += 1;
    this.items = [];
    this.list.hidden = true;
    this.box.setAttribute("aria-expanded", "false");
    this.box.removeAttribute("aria-activedescendant");
  }

  private mark(at: number): void {
    this.at = at;
    [...this.list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    const chosen = this.list.children[at];
    if (chosen === undefined) this.box.removeAttribute("aria-activedescendant");
    else {
      this.box.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    }
  }

  /** Whether the key was for the list. */
  private press(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (this.list.hidden) {
      if (event.key !== "ArrowDown") return false;
      void this.ask();
      return true;
    }
    const n = this.items.length;
    switch (event.key) {
      case "ArrowDown": this.mark((this.at + 1) % n); return true;
      case "ArrowUp": this.mark((this.at + n - (this.at < 0 ? 0 : 1)) % n); return true;
      case "Escape": this.close(); return true;
      case "Enter": case "Tab":
        if (this.at < 0) {
          this.close();
          return false;
        }
        this.take(this.at);
        return true;
      default: return false;
    }
  }

  private take(at: number): void {
    const { box, word } = this;
    const item = this.items[at];
    if (word === null || item === undefined) return;
    const end = box.selectionStart ?? box.value.length;
    // After a field comes what it is compared by, after a value the next condition.
    const inserted = item.insert + (word.field === "" ? "=" : " ");
    const rest = box.value.slice(end).replace(/^"/, "");
    box.value = box.value.slice(0, word.start) + inserted + rest;
    box.selectionStart = box.selectionEnd = word.start + inserted.length;
    this.close();
    if (word.field === "") this.soon();
  }
}
