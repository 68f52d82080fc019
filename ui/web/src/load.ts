// Parts of a page that take longer than the rest: [data-load] is the address of what belongs there. Without a script a link
// leads to the same.
import { showTimes } from "./zone";

export function startLoading(): void {
  document.querySelectorAll<HTMLElement>("[data-load]").forEach((part) => void load(part));
}

async function load(part: HTMLElement): Promise<void> {
  const target = part.querySelector<HTMLElement>("[data-load-target]");
  const address = part.dataset["load"];
  if (target === null || address === undefined) return;
  const before = target.innerHTML;
  const state = document.createElement("p");
  state.className = "load-state muted";
  state.setAttribute("role", "status");
  state.textContent = "Comparing…";
  target.append(state);
  part.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`the box answered ${answer.status}`);
    target.innerHTML = await answer.text();
    showTimes(target);
  } catch (error) {
    target.innerHTML = before;
    state.textContent = `Not compared: ${error instanceof Error ? error.message : "the box does not answer"}. `;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button small";
    again.textContent = "Try again";
    again.addEventListener("click", () => void load(part));
    state.append(again);
    target.append(state);
  } finally {
    part.removeAttribute("aria-busy");
  }
}
