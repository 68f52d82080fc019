// Single-key shortcuts. They act only when no field has the focus, are listed by `?`, and can be switched off.
import { readSetting, writeSetting } from "./settings";

const PAGES: Record<string, string> = { h: "/", t: "/traces", l: "/logs", m: "/metrics", o: "/slos", a: "/alerts", s: "/sql", i: "/ingest", c: "/connect" };
const SEQUENCE_MILLISECONDS = 1200;

let afterG = 0;

export function startKeys(): void {
  document.querySelector("[data-open-help]")?.addEventListener("click", openHelp);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isEditing(event.target)) return;
    if (readSetting("keys") === "off" || document.querySelector<HTMLDialogElement>("#help")?.open) return;
    if (act(event.key)) event.preventDefault();
  });
}

/** The list of shortcuts is a hundred elements that most pages are never asked for. */
function openHelp(): void {
  const known = document.querySelector<HTMLDialogElement>("#help");
  if (known !== null) return known.showModal();
  const template = document.querySelector<HTMLTemplateElement>("#help-of-keys");
  if (template === null) return;
  document.body.append(template.content.cloneNode(true));
  const help = document.querySelector<HTMLDialogElement>("#help");
  help?.addEventListener("click", (event) => { if (event.target === help) help.close(); });
  const off = help?.querySelector<HTMLInputElement>("[data-keys-off]");
  if (off) {
    off.checked = readSetting("keys") === "off";
    off.addEventListener("change", () => writeSetting("keys", off.checked ? "off" : ""));
  }
  help?.showModal();
}

export function isEditing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

function act(key: string): boolean {
  if (performance.now() - afterG < SEQUENCE_MILLISECONDS && afterG > 0) {
    afterG = 0;
    const page = PAGES[key];
    if (page === undefined) return false;
    // The link in the navigation keeps the time range.
    const link = [...document.querySelectorAll<HTMLAnchorElement>(".rail-link")].find((it) => it.pathname === page);
    location.assign(link?.href ?? page);
    return true;
  }
  if (key === "g") {
    afterG = performance.now();
    return true;
  }
  if (key === "?") {
    openHelp();
    return true;
  }
  if (key === "j" || key === "k") return moveRow(key === "j" ? 1 : -1);
  const field = document.querySelector<HTMLElement>(`[data-focus-key="${CSS.escape(key)}"]`);
  if (field !== null) {
    const menu = field.parentElement;
    if (menu instanceof HTMLDetailsElement) menu.open = true;
    field.focus();
    if (field instanceof HTMLInputElement) field.select();
    return true;
  }
  const steps = [...document.querySelectorAll<HTMLElement>(`[data-step-key="${CSS.escape(key)}"]`)];
  if (steps.length > 0) {
    // The next one, from the first again after the last.
    const next = steps[(steps.findIndex((it) => it === document.activeElement) + 1) % steps.length];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
    return true;
  }
  const link = document.querySelector<HTMLAnchorElement>(`a[data-key="${CSS.escape(key)}"]`);
  if (link !== null) {
    location.assign(link.href);
    return true;
  }
  return false;
}

/** Moves the focus to the next or previous row of the page's first list. */
function moveRow(step: 1 | -1): boolean {
  const list = document.querySelector("[data-rows]");
  if (list === null) return false;
  const rows = [...list.querySelectorAll<HTMLElement>("[data-row-link], details.log > summary")];
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1);
  rows[next]?.focus();
  rows[next]?.scrollIntoView({ block: "nearest" });
  return rows.length > 0;
}
