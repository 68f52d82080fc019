// The panel of one span, which the server renders.
import { showTimes } from "../zone";
import { make } from "./rows";

export class Panel {
  readonly element: HTMLElement;
  private readonly body = make("div", "span-body");
  private request: AbortController | null = null;

  constructor(first: HTMLElement | null, private readonly address: (id: string) => string, private readonly select: (id: string) => void, close: () => void) {
    this.element = make("aside", "span-panel");
    this.element.setAttribute("aria-label", "Span");
    this.element.hidden = first === null;
    if (first !== null) {
      this.body.append(...first.childNodes);
      this.request = new AbortController();
      void this.fill(this.request.signal);
    }
    const button = make("button", "button quiet small square span-close");
    button.type = "button";
    button.textContent = "×";
    button.setAttribute("aria-label", "Close the panel");
    button.addEventListener("click", close);
    this.element.append(button, this.body);
    this.element.addEventListener("click", (event) => {
      const link = (event.target as Element).closest<HTMLElement>("[data-select-span]");
      const id = link?.dataset["selectSpan"];
      if (id === undefined || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.select(id);
    });
  }

  /** Shows the span `id`. What was asked for before is given up, so that a held key does not keep the server busy. */
  async show(id: string): Promise<void> {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    this.element.hidden = false;
    this.element.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(this.address(id) + location.search, { signal: request.signal });
      const text = await answer.text();
      if (request.signal.aborted) return;
      if (answer.ok) {
        // The server escaped everything that telemetry said.
        this.body.innerHTML = text;
        showTimes(this.body);
        void this.fill(request.signal);
      } else {
        this.fail(text);
      }
    } catch (error) {
      if (request.signal.aborted) return;
      this.fail(String(error));
    }
    this.element.scrollTop = 0;
    this.element.removeAttribute("aria-busy");
  }

  /** Loads the parts of the panel that take longer. One that cannot be loaded stays away. */
  private async fill(signal: AbortSignal): Promise<void> {
    for (const part of this.body.querySelectorAll<HTMLElement>("[data-load]")) {
      try {
        const answer = await fetch(part.dataset["load"] + location.search, { signal });
        const text = await answer.text();
        if (!answer.ok || signal.aborted) return;
        part.innerHTML = text;
        part.hidden = false;
        showTimes(part);
      } catch {
        return;
      }
    }
  }

  private fail(text: string): void {
    const notice = make("p", "error-text");
    notice.textContent = `The span could not be loaded: ${text}`;
    this.body.replaceChildren(notice);
  }

  /** Brings the panel into sight where it is below the spans, which is where there is no room beside them. */
  comeIntoSight(): void {
    if (matchMedia("(max-width: 1080px)").matches) this.element.scrollIntoView({ block: "start" });
  }

  /** Scrolls to the events and log records of the span. */
  showMoments(): void {
    this.body.querySelector(".span-moments")?.scrollIntoView({ block: "start" });
  }

  hide(): void {
    this.request?.abort();
    this.element.hidden = true;
  }
}
