// Dragging across a drawing of time makes the stretch the range of the page. The range menu does the same by typing.
import { goToRange } from "./range";

/** Shorter drags are clicks. */
const LEAST_PIXELS = 6;

export function startBrushes(): void {
  for (const element of document.querySelectorAll<HTMLElement>(".brush:not(.heatmap-brush)")) startBrush(element);
}

function startBrush(element: HTMLElement): void {
  const drawing = element.querySelector("svg");
  // Nanoseconds lose digits in a double; what is left is exact to a microsecond.
  const from = Number(element.dataset["from"]) / 1e6;
  const to = Number(element.dataset["to"]) / 1e6;
  if (drawing === null || !(to > from)) return;
  let begin: number | null = null;
  let mark: HTMLElement | null = null;
  const x = (event: PointerEvent): number => {
    const box = drawing.getBoundingClientRect();
    return Math.min(Math.max(event.clientX - box.left, 0), box.width);
  };
  drawing.addEventListener("pointerdown", (event) => {
    if (event.button === 0) begin = x(event);
  });
  drawing.addEventListener("dragstart", (event) => event.preventDefault());
  addEventListener("pointermove", (event) => {
    if (begin === null) return;
    const end = x(event);
    if (mark === null && Math.abs(end - begin) < LEAST_PIXELS) return;
    if (mark === null) {
      mark = document.createElement("div");
      mark.className = "brush-mark";
      element.append(mark);
    }
    const left = drawing.getBoundingClientRect().left - element.getBoundingClientRect().left;
    mark.style.left = `${left + Math.min(begin, end)}px`;
    mark.style.width = `${Math.abs(end - begin)}px`;
    mark.style.height = `${drawing.getBoundingClientRect().height}px`;
  });
  addEventListener("pointerup", (event) => {
    if (begin === null) return;
    const [start, end] = [begin, x(event)];
    begin = null;
    if (mark === null) return;
    mark.remove();
    mark = null;
    // The click that follows would open the bar under the pointer.
    addEventListener("click", (click) => { click.preventDefault(); click.stopPropagation(); }, { capture: true, once: true });
    const width = drawing.getBoundingClientRect().width;
    const time = (position: number): number => from + (position / width) * (to - from);
    goToRange(time(Math.min(start, end)), time(Math.max(start, end)));
  });
}
