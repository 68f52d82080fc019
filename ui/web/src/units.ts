// Numbers in words, as `ui/src/format.rs` writes them.

function digits(value: number): string {
  const size = Math.abs(value);
  const places = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  const text = value.toFixed(places);
  return places === 0 ? text : text.replace(/\.?0+$/, "");
}

/** A length of time given in nanoseconds. */
export function duration(nanos: number): string {
  const size = Math.abs(nanos);
  if (size < 1e3) return `${Math.round(nanos)} ns`;
  if (size < 1e6) return `${digits(nanos / 1e3)} µs`;
  if (size < 1e9) return `${digits(nanos / 1e6)} ms`;
  if (size < 60e9) return `${digits(nanos / 1e9)} s`;
  const pair = (large: number, largeName: string, small: number, smallName: string): string => {
    const rest = Math.floor((size % large) / small);
    const whole = `${nanos < 0 ? "−" : ""}${Math.floor(size / large)} ${largeName}`;
    return rest === 0 ? whole : `${whole} ${rest} ${smallName}`;
  };
  if (size < 3600e9) return pair(60e9, "m", 1e9, "s");
  if (size < 86400e9) return pair(3600e9, "h", 60e9, "m");
  return pair(86400e9, "d", 3600e9, "h");
}

export function number(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size < 0.01) return value.toExponential(1);
  if (size < 999.5) return digits(value);
  if (size < 999_500) return `${digits(value / 1e3)}k`;
  if (size < 999_500_000) return `${digits(value / 1e6)}M`;
  if (size < 1e15) return `${digits(value / 1e9)}G`;
  return value.toExponential(2);
}

function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let size = value;
  while (Math.abs(size) >= 1023.5 && unit + 1 < units.length) {
    size /= 1024;
    unit += 1;
  }
  return `${digits(size)} ${units[unit]}`;
}

/** `value` with the unit as UCUM writes it, which is what OpenTelemetry metrics carry. */
export function withUnit(value: number, unit: string): string {
  switch (unit) {
    case "": case "1": return number(value);
    case "s": return duration(value * 1e9);
    case "ms": return duration(value * 1e6);
    case "us": return duration(value * 1e3);
    case "ns": return duration(value);
    case "By": return bytes(value);
    case "By/s": return `${bytes(value)}/s`;
    case "%": return `${number(value)} %`;
    case "×": return `${number(value)}×`;
    default: if (unit.startsWith("/")) return `${number(value)}${unit}`;
      return `${number(value)} ${unit.replace(/^\{(.*)\}(?=$|\/)/, "$1")}`;
  }
}
