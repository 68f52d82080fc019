import { readCookie, writeCookie } from "./settings";

/** Sent on `document` when colours change, for what is painted on a canvas. */
export const THEME_CHANGED = "haechi-theme";

export function startTheme(): void {
  const buttons = document.querySelectorAll<HTMLButtonElement>("[data-theme-choice]");
  const mark = (): void => {
    const chosen = readCookie("theme");
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset["themeChoice"] === chosen));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const choice = button.dataset["themeChoice"] ?? "";
      writeCookie("theme", choice);
      if (choice === "") delete document.documentElement.dataset["theme"];
      else document.documentElement.dataset["theme"] = choice;
      mark();
      document.dispatchEvent(new Event(THEME_CHANGED));
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event(THEME_CHANGED)));
  mark();
}

/** The colour of a custom property as the browser computes it now, for a canvas. */
export function colour(property: string, within: Element = document.documentElement): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  probe.hidden = true;
  within.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
