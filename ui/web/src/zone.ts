// The server writes times in UTC; here they are shown in the reader's zone, whose name the range menu tells.
import { readSetting, writeSetting } from "./settings";

/** Sent on `document` when the zone changes. */
export const ZONE_CHANGED = "haechi-zone";

type Shown = "clock" | "millis" | "full";

export function zone(): string {
  return readSetting("zone") === "utc" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  let known = formatters.get(timeZone);
  if (known === undefined) {
    known = new Intl.DateTimeFormat("en-GB", {
      timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    });
    formatters.set(timeZone, known);
  }
  return known;
}

/** `milliseconds` since the epoch in the reader's zone. */
export function formatTime(milliseconds: number, shown: Shown): string {
  const parts: Record<string, string> = {};
  for (const { type, value } of formatter(zone()).formatToParts(milliseconds)) parts[type] = value;
  const clock = `${parts["hour"]}:${parts["minute"]}:${parts["second"]}`;
  if (shown === "clock") return clock;
  if (shown === "millis") return `${clock}.${String(((milliseconds % 1000) + 1000) % 1000 | 0).padStart(3, "0")}`;
  return `${parts["year"]}-${parts["month"]}-${parts["day"]} ${clock}`;
}

/** Rewrites the times in `root`. */
export function showTimes(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[data-shown]")) {
    const milliseconds = Date.parse(element.dateTime);
    if (Number.isNaN(milliseconds)) continue;
    element.textContent = formatTime(milliseconds, element.dataset["shown"] as Shown);
    element.title = `${formatTime(milliseconds, "full")} ${zone()} · ${element.dateTime}`;
  }
}

export function startZone(): void {
  const buttons = document.querySelectorAll<HTMLButtonElement>("[data-zone-choice]");
  const show = (): void => {
    showTimes(document);
    for (const name of document.querySelectorAll("[data-zone-name]")) name.textContent = zone();
    const chosen = readSetting("zone") === "utc" ? "utc" : "local";
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset["zoneChoice"] === chosen));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      writeSetting("zone", button.dataset["zoneChoice"] === "utc" ? "utc" : "");
      show();
      document.dispatchEvent(new Event(ZONE_CHANGED));
    });
  }
  show();
}
