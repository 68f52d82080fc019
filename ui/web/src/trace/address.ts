// What the address says of the waterfall, and changes of it that the tabs of the page follow.

/** Parameters that a change of the view keeps. */
const KEPT = ["span", "q", "win", "fold", "gaps", "path", "clocks", "only", "hide", "with"];

export function read(name: string): string {
  return new URL(location.href).searchParams.get(name) ?? "";
}

/** Sets a parameter, or takes it away when `value` is empty. */
export function write(name: string, value: string): void {
  const url = new URL(location.href);
  if (value === "") url.searchParams.delete(name);
  else url.searchParams.set(name, value);
  if (url.href === location.href) return;
  history.replaceState(history.state, "", url);
  for (const tab of document.querySelectorAll<HTMLAnchorElement>("nav.tabs a")) {
    const there = new URL(tab.href);
    for (const key of KEPT) {
      const kept = url.searchParams.get(key);
      if (kept === null) there.searchParams.delete(key);
      else there.searchParams.set(key, kept);
    }
    tab.href = there.href;
  }
}
