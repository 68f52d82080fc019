// The ladder of the Connect page: [data-ladder] is told of news by server-sent events from there, and asks now and then
// where those do not get through. Only the steps that changed are replaced, so that only they are read aloud.
const ASK_MILLISECONDS = 3000;

export function startLadder(): void {
  const part = document.querySelector<HTMLElement>("[data-ladder]");
  const target = part?.querySelector<HTMLElement>("[data-ladder-target]") ?? null;
  if (part === null || target === null) return;
  const { ladder: events = "", ladderAsk: ask = "" } = part.dataset;
  const state = part.querySelector<HTMLElement>("[data-ladder-state]");
  const say = (words: string): void => { if (state !== null && state.textContent !== words) state.textContent = words; };
  let isLive = false;

  const source = new EventSource(events);
  source.addEventListener("ladder", (event) => {
    isLive = true;
    say("live");
    show(target, String(event.data));
  });
  source.addEventListener("error", () => { isLive = false; });
  window.addEventListener("pagehide", () => source.close());

  setInterval(() => {
    if (isLive || document.hidden) return;
    void fetch(ask).then(async (answer) => {
      if (!answer.ok) throw new Error(String(answer.status));
      show(target, await answer.text());
      say("updated every few seconds");
    }).catch(() => say("not updated, trying again"));
  }, ASK_MILLISECONDS);
}

/** Replaces the children of `target`, and of its lists, that differ from those of `html`. */
function show(target: HTMLElement, html: string): void {
  const template = document.createElement("template");
  template.innerHTML = html;
  const next = template.content.querySelector("ol");
  const current = target.querySelector("ol");
  if (next === null || current === null || next.children.length !== current.children.length) {
    target.replaceChildren(template.content);
    return;
  }
  [...next.children].forEach((step, index) => {
    const before = current.children[index];
    if (before !== undefined && before.outerHTML !== step.outerHTML && !before.contains(document.activeElement)) before.replaceWith(step.cloneNode(true));
  });
  for (const place of [".rejected-head", ".rejected"]) {
    const before = target.querySelector(place);
    const after = template.content.querySelector(place);
    if (before === null && after !== null) target.append(after);
    else if (before !== null && after === null) before.remove();
    else if (before !== null && after !== null && before.outerHTML !== after.outerHTML) before.replaceWith(after);
  }
}
