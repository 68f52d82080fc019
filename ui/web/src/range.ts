/** Goes to this page with the time range from `start` to `end`, in milliseconds since the epoch. */
export function goToRange(start: number, end: number): void {
  const url = new URL(location.href);
  url.searchParams.set("from", new Date(start).toISOString());
  url.searchParams.set("to", new Date(end).toISOString());
  url.searchParams.delete("before");
  location.assign(url);
}
