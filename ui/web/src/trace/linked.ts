// Linked traces below a trace, in one waterfall: their rows follow its own, each trace below a row that stands for it, and
// all times are after the start of the first.
import { read } from "./address";
import { type Columns, decode, type Header } from "./payload";

export interface Loaded { header: Header; columns: Columns }

/** A trace of several: its rows, from the first on, come before those of the next; a row that stands for it is not among them. */
export interface Lane { trace: string; first: number; end: number }

/** Linked traces at once. */
const MAX_LINKED = 4;
const LANE = 3;
const ID = 8;
const TRACE_ID = 16;
/** How long a stretch in which nothing ran is, as a multiple of what it is drawn as, before it is drawn short. */
const LONG = 3;

/** Linked traces that the address wants below this one, as far as they can be read. */
export function linkedIds(): string[] {
  return [...new Set(read("with").split(","))].filter((id) => /^[0-9a-f]{1,32}$/i.test(id)).slice(0, MAX_LINKED);
}

export async function load(source: string): Promise<Loaded> {
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(await answer.text());
  return decode(await answer.arrayBuffer());
}

/** The traces `parts` as one, the first without a row of its own; with links between them. */
export function together(parts: [Loaded, ...Loaded[]]): Loaded & { lanes: Lane[] } {
  const [main] = parts;
  if (parts.length === 1) return { ...main, lanes: [{ trace: main.header.trace_id, first: 0, end: main.columns.offset.length }] };
  const starts = parts.map(({ header }) => BigInt(header.start));
  const begin = starts.reduce((a, b) => (b < a ? b : a));
  const shifts = starts.map((start) => Number(start - begin));
  let at = 0;
  const lanes = parts.map(({ header, columns }, i) => {
    const first = at + (i > 0 ? 1 : 0);
    at = first + columns.offset.length;
    return { trace: header.trace_id, first, end: at };
  });
  const services: Header["services"] = [];
  const texts: string[] = [];
  const base = parts.map(({ header }) => {
    const here = { services: services.length, texts: texts.length };
    services.push(...header.services);
    // One by one: a trace may have more texts than a call has room for arguments.
    for (const text of header.texts) texts.push(text);
    return here;
  });
  const columns = {} as Columns;
  const rowsOf = <K extends "up" | "service" | "name">(name: K, each: (value: number, part: number) => number, lane: (part: number) => number): void => {
    const column = new Uint32Array(at);
    parts.forEach((part, i) => {
      const { first } = lanes[i] ?? { first: 0 };
      if (i > 0) column[first - 1] = lane(i);
      part.columns[name].forEach((value, row) => { column[first + row] = name === "up" && value === 0 && i > 0 ? row + 1 : each(value, i); });
    });
    columns[name] = column;
  };
  rowsOf("up", (value) => value, () => 0);
  rowsOf("service", (value, i) => value + (base[i]?.services ?? 0), (i) => (base[i]?.services ?? 0) + (parts[i]?.columns.service[0] ?? 0));
  rowsOf("name", (value, i) => value + (base[i]?.texts ?? 0), (i) => (base[i]?.texts ?? 0) + (parts[i]?.columns.name[0] ?? 0));
  const bytes = (name: "kind" | "spanKind" | "flags" | "id", width: number, lane: number): void => {
    const column = new Uint8Array(at * width);
    parts.forEach((part, i) => {
      const { first } = lanes[i] ?? { first: 0 };
      if (i > 0) column[(first - 1) * width] = lane;
      column.set(part.columns[name], first * width);
    });
    columns[name] = column;
  };
  bytes("kind", 1, LANE);
  bytes("spanKind", 1, 0);
  bytes("flags", 1, 0);
  bytes("id", ID, 0);
  columns.offset = new Float64Array(at);
  columns.length = new Float64Array(at);
  parts.forEach((part, i) => {
    const { first } = lanes[i] ?? { first: 0 };
    const shift = shifts[i] ?? 0;
    if (i > 0) [columns.offset[first - 1], columns.length[first - 1]] = [shift, part.header.duration];
    part.columns.offset.forEach((offset, row) => { columns.offset[first + row] = offset + shift; });
    columns.length.set(part.columns.length, first);
  });
  const listed = <T extends Uint8Array | Uint32Array | Float64Array>(name: keyof Columns, make: new (values: number[]) => T, each: (value: number, part: number) => number): void => {
    const all: number[] = [];
    parts.forEach((part, i) => (part.columns[name] as T).forEach((value) => all.push(each(value, i))));
    (columns as unknown as Record<string, T>)[name] = new make(all);
  };
  const row = (value: number, i: number): number => value + (lanes[i]?.first ?? 0);
  const time = (value: number, i: number): number => value + (shifts[i] ?? 0);
  const same = (value: number): number => value;
  for (const name of ["skewRow", "pathRow", "markRow", "repeatRow", "outRow"] as const) listed(name, Uint32Array, row);
  for (const name of ["pathOffset", "markOffset"] as const) listed(name, Float64Array, time);
  for (const name of ["skewBy", "pathLength"] as const) listed(name, Float64Array, same);
  for (const name of ["markLevel", "outTrace", "outSpan"] as const) listed(name, Uint8Array, same);
  listed("repeatText", Uint32Array, (value, i) => value + (base[i]?.texts ?? 0));
  listed("linkFrom", Uint32Array, row);
  listed("linkTo", Uint32Array, row);
  join(columns, lanes);
  const end = Math.max(...parts.map(({ header }, i) => (shifts[i] ?? 0) + header.duration));
  const gapLength = Math.max(...parts.map(({ header }) => header.gap_length));
  const header = { ...main.header, start: String(begin), duration: end, services, texts, gap_length: gapLength, gaps: gaps(parts, shifts, gapLength * LONG) };
  return { header, columns, lanes };
}

/** Adds the links from one of the traces to another to those within them. */
function join(columns: Columns, lanes: Lane[]): void {
  const [from, to] = [[...columns.linkFrom], [...columns.linkTo]];
  for (let i = 0; i < columns.outRow.length; i += 1) {
    const trace = hex(columns.outTrace.subarray(i * TRACE_ID, (i + 1) * TRACE_ID));
    const lane = lanes.find((it) => it.trace === trace);
    if (lane === undefined) continue;
    const wanted = columns.outSpan.subarray(i * ID, (i + 1) * ID);
    for (let row = lane.first; row < lane.end; row += 1) {
      if (columns.kind[row] !== 0 || !wanted.every((byte, n) => columns.id[row * ID + n] === byte)) continue;
      from.push(columns.outRow[i] ?? 0);
      to.push(row);
      break;
    }
  }
  columns.linkFrom = new Uint32Array(from);
  columns.linkTo = new Uint32Array(to);
}

/** The stretches longer than `least` in which none of the traces ran. */
function gaps(parts: Loaded[], shifts: number[], least: number): [number, number][] {
  const busy: [number, number][] = parts.flatMap(({ header }, i) => {
    const shift = shifts[i] ?? 0;
    const ends = [0, ...header.gaps.flat(), header.duration].map((time) => time + shift);
    return Array.from({ length: ends.length / 2 }, (_, n): [number, number] => [ends[2 * n] ?? 0, ends[2 * n + 1] ?? 0]);
  });
  busy.sort((a, b) => a[0] - b[0]);
  const idle: [number, number][] = [];
  let until = 0;
  for (const [from, to] of busy) {
    if (from - until > least && least > 0) idle.push([until, from]);
    until = Math.max(until, to);
  }
  return idle;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
