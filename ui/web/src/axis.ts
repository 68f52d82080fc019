// The value axis of a chart: its ends and the words at its ticks, for every finite double.
import { withUnit } from "./units";

/**
 * Values that differ by a smaller share than this are one line: an axis over their difference would need ticks with more
 * digits than doubles have.
 */
const FLAT = 1e-10;
/** Words with more digits than this say nothing that a double has. */
const MAX_EXTRA_DIGITS = 14;

/**
 * What values are divided by before they are drawn: 1, or a power of the unit's base when the largest lies where ticks
 * cannot be computed. uPlot steps from tick to tick by addition, which stands still from 2^53 on, and takes no step of
 * more than 17 digits.
 */
export function divisor(values: Iterable<number | null>, unit: string): number {
  let largest = 0;
  for (const value of values) if (value !== null) largest = Math.max(largest, Math.abs(value));
  if (largest === 0 || (largest >= 1e-3 && largest < 1e15)) return 1;
  if (unit.startsWith("By") && largest >= 1) return 1024 ** Math.floor(Math.log2(largest) / 10);
  // The smallest power of ten that is a double would be 1e-323.
  return Math.max(10 ** Math.floor(Math.log10(largest)), Number.MIN_VALUE);
}

/** The ends of an axis over `low` to `high`, which shows the lowest of `marks`, and others when values come near them. */
export function ends(low: number | null, high: number | null, marks: number[], fromZero: boolean): [number, number] {
  if (low === null || high === null) return [0, 1];
  let [bottom, top] = [low, high];
  const isFlat = high - low <= FLAT * Math.max(Math.abs(low), Math.abs(high));
  if (fromZero || isFlat || (bottom > 0 && bottom < top * 0.6)) bottom = Math.min(bottom, 0);
  if (isFlat) top = Math.max(top, 0);
  for (const [i, value] of [...marks].sort((a, b) => a - b).entries()) if (i === 0 || value < top * 1.6) top = Math.max(top, value);
  if (top === bottom) return [0, 1];
  const room = (top - bottom) * 0.07;
  return [bottom === 0 ? 0 : bottom - room, top === 0 ? 0 : top + room];
}

/** `values` in words that tell each from the others; nothing for one that no double holds or no digits tell apart. */
export function tickWords(values: number[], unit: string): string[] {
  let words: string[] = [];
  for (let extra = 0; extra <= MAX_EXTRA_DIGITS; extra += 1) {
    words = values.map((value) => (Number.isFinite(value) ? withUnit(value, unit, extra) : ""));
    const said = words.filter((it) => it !== "");
    if (new Set(said).size === said.length) return words;
  }
  return words.map((it, i) => (words.indexOf(it) === i ? it : ""));
}
