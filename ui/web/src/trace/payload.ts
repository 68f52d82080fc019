// Reads the columns of a trace as `ui/src/waterfall/payload.rs` writes them. The columns stay in the bytes received.

export interface Header {
  trace_id: string; start: string; duration: number;
  services: { name: string; slot: number }[];
  texts: string[];
  gaps: [number, number][]; gap_length: number;
  is_cut: boolean;
  columns: [name: string, type: "u8" | "u32" | "f64", length: number][];
}

export interface Columns {
  kind: Uint8Array; up: Uint32Array; id: Uint8Array; offset: Float64Array; length: Float64Array;
  service: Uint32Array; name: Uint32Array; spanKind: Uint8Array; flags: Uint8Array;
  skewRow: Uint32Array; skewBy: Float64Array; linkFrom: Uint32Array; linkTo: Uint32Array;
  pathRow: Uint32Array; pathOffset: Float64Array; pathLength: Float64Array;
  markRow: Uint32Array; markOffset: Float64Array; markLevel: Uint8Array;
  repeatRow: Uint32Array; repeatText: Uint32Array;
  /** Links to other traces: 16 bytes of each trace, 8 of each span. */
  outRow: Uint32Array; outTrace: Uint8Array; outSpan: Uint8Array;
}

const PREFIX = 16;
const TYPES = { u8: Uint8Array, u32: Uint32Array, f64: Float64Array };

export function decode(buffer: ArrayBuffer): { header: Header; columns: Columns } {
  const text = new TextDecoder();
  if (buffer.byteLength < PREFIX || text.decode(new Uint8Array(buffer, 0, 8)) !== "haechi  ") throw new Error("the answer holds no trace");
  const size = Number(new DataView(buffer).getBigUint64(8, true));
  const header = JSON.parse(text.decode(new Uint8Array(buffer, PREFIX, size))) as Header;
  const columns: Record<string, Uint8Array | Uint32Array | Float64Array> = {};
  let at = PREFIX + size;
  for (const [name, type, length] of header.columns) {
    const column = new TYPES[type](buffer, at, length);
    columns[name] = column;
    at += Math.ceil(column.byteLength / 8) * 8;
  }
  return { header, columns: columns as unknown as Columns };
}
