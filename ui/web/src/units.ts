// Numbers in words, as `ui/src/format.rs` writes them. `extra` asks for more than three digits, where values lie so
// close that three do not tell them apart.

function digits(value: number, extra: number): string {
  const size = Math.abs(value);
  const places = (size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2) + extra;
  const text = value.toFixed(places);
  return places === 0 ? text : text.replace(/\.?0+$/, "");
}

function exponential(value: number, places: number): string {
  return value.toExponential(places).replace("e+", "e");
}

/** A length of time given in nanoseconds. */
export function duration(nanos: number, extra = 0): string {
  const size = Math.abs(nanos);
  if (size !== 0 && size < 1) return `${number(nanos, extra)} ns`;
  if (size < 1e3) return extra === 0 ? `${Math.round(nanos)} ns` : `${digits(nanos, extra)} ns`;
  if (size < 1e6) return `${digits(nanos / 1e3, extra)} µs`;
  if (size < 1e9) return `${digits(nanos / 1e6, extra)} ms`;
  if (size < 60e9 || (extra > 0 && size < 1e15)) return `${digits(nanos / 1e9, extra)} s`;
  // Beyond what 64 bits hold of nanoseconds, hours say nothing.
  if (extra > 0 || size > 9e18) return `${number(nanos / 86400e9, extra)} d`;
  const pair = (large: number, largeName: string, small: number, smallName: string): string => {
    const rest = Math.floor((size % large) / small);
    const whole = `${nanos < 0 ? "−" : ""}${Math.floor(size / large)} ${largeName}`;
    return rest === 0 ? whole : `${whole} ${rest} ${smallName}`;
  };
  if (size < 3600e9) return pair(60e9, "m", 1e9, "s");
  if (size < 86400e9) return pair(3600e9, "h", 60e9, "m");
  return pair(86400e9, "d", 3600e9, "h");
}

export function number(value: number, extra = 0): string {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size < 0.01) return exponential(value, 1 + extra);
  if (size < 999.5) return digits(value, extra);
  if (size < 999_500) return `${digits(value / 1e3, extra)}k`;
  if (size < 999_500_000) return `${digits(value / 1e6, extra)}M`;
  if (size < 999_500_000_000) return `${digits(value / 1e9, extra)}G`;
  if (size < 1e15) return `${digits(value / 1e12, extra)}T`;
  return exponential(value, 2 + extra);
}

function bytes(value: number, extra: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = 0;
  let size = value;
  while (Math.abs(size) >= 1023.5 && unit + 1 < units.length) {
    size /= 1024;
    unit += 1;
  }
  return `${Math.abs(size) < 0.01 || Math.abs(size) >= 1e4 ? number(size, extra) : digits(size, extra)} ${units[unit]}`;
}

/** `value` with the unit as UCUM writes it, which is what OpenTelemetry metrics carry. */
export function withUnit(value: number, unit: string, extra = 0): string {
  const time = (nanos: number): string =>
    Number.isFinite(value * nanos) ? duration(value * nanos, extra) : `${number(value / (86400e9 / nanos), extra)} d`;
  switch (unit) {
    case "": case "1": return number(value, extra);
    case "s": return time(1e9);
    case "ms": return time(1e6);
    case "us": return time(1e3);
    case "ns": return time(1);
    case "By": return bytes(value, extra);
    case "By/s": return `${bytes(value, extra)}/s`;
    case "%": return `${number(value, extra)} %`;
    case "×": return `${number(value, extra)}×`;
    default: if (unit.startsWith("/")) return `${number(value, extra)}${unit}`;
      return `${number(value, extra)} ${unit.replace(/^\{(.*)\}(?=$|\/)/, "$1")}`;
  }
}
