// Parts that keep themselves up to date: [data-refresh] is the address of a fragment of the page.
import { showTimes } from "./zone";

const EVERY_MILLISECONDS = 3000;

export function startRefresh(): void {
  for (const part of document.querySelectorAll<HTMLElement>("[data-refresh]")) {
    const target = part.querySelector<HTMLElement>("[data-refresh-target]");
    const address = part.dataset["refresh"];
    if (target === null || address === undefined) continue;
    const state = part.querySelector<HTMLElement>("[data-refresh-state]");
    const words = state?.textContent ?? "";
    let last = Date.now();
    const refresh = async (): Promise<void> => {
      // What the reader works in is left alone.
      if (document.hidden || target.contains(document.activeElement)) return;
      try {
        const answer = await fetch(address);
        if (!answer.ok) throw new Error(String(answer.status));
        target.innerHTML = await answer.text();
        showTimes(target);
        last = Date.now();
        if (state !== null) state.textContent = words;
      } catch {
        if (state !== null) state.textContent = `not updated for ${Math.round((Date.now() - last) / 1000)} s`;
      }
    };
    setInterval(() => void refresh(), EVERY_MILLISECONDS);
  }
}
