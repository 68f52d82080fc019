// What was sent and what came back: differences in words, and pairs of items that belong together.
import { NumberText, parse } from "./json.mjs";

/** The differences between a value of a manifest, `{type: value}`, and one that the box shows. */
export function valueDifferences(sent, shown, path) {
  const [[type, value]] = Object.entries(sent);
  const differ = () => [`${path}: sent ${type} ${JSON.stringify(value)}, shown ${show(shown)}`];
  switch (type) {
    case "empty":
      return shown === null ? [] : differ();
    case "string":
    case "bytes":
    case "bool":
      return shown === value ? [] : differ();
    case "int":
      return shown instanceof NumberText && shown.text === value ? [] : differ();
    case "double":
      // JSON has no infinities: the box shows them, and what is no number, as text.
      if (["NaN", "Infinity", "-Infinity"].includes(value)) return shown === value ? [] : differ();
      return shown instanceof NumberText && Object.is(Number(shown.text), Number(value)) ? [] : differ();
    case "array":
      if (!Array.isArray(shown) || shown.length !== value.length) return differ();
      return value.flatMap((it, index) => valueDifferences(it, shown[index], `${path}[${index}]`));
    case "map":
      return shown instanceof Map ? attributeDifferences(value, shown, path) : differ();
    default:
      return [`${path}: a manifest has no type ${type}`];
  }
}

/** The same of attributes: every key, and no other. */
export function attributeDifferences(sent, shown, path) {
  const missing = Object.keys(sent).filter((key) => !shown.has(key));
  const more = [...shown.keys()].filter((key) => !(key in sent));
  const values = Object.entries(sent).filter(([key]) => shown.has(key));
  return [
    ...missing.map((key) => `${path}: ${key} is missing`),
    ...more.map((key) => `${path}: ${key} was not sent`),
    ...values.flatMap(([key, value]) => valueDifferences(value, shown.get(key), `${path}.${key}`)),
  ];
}

/** The same of attributes that the box shows as the text of a JSON object. */
export function attributeTextDifferences(sent, text, path) {
  return attributeDifferences(sent, parse(text), path);
}

/** The difference of two plain values, numbers and words. */
export function plainDifferences(sent, shown, path) {
  return Object.is(sent, shown) ? [] : [`${path}: sent ${JSON.stringify(sent)}, shown ${JSON.stringify(shown)}`];
}

/** Pairs each of `sent` with one of `shown` that has the same key and no difference; what is left on either side is a failure. */
export function pairs({ sent, shown, keyOfSent, keyOfShown, differences, what }) {
  const left = Map.groupBy ? Map.groupBy(shown, keyOfShown) : groupBy(shown, keyOfShown);
  const failures = [];
  for (const item of sent) {
    const key = keyOfSent(item);
    const candidates = left.get(key) ?? [];
    const compared = candidates.map((it) => differences(item, it));
    const best = compared.reduce((best, it, index) => (best < 0 || it.length < compared[best].length ? index : best), -1);
    if (best < 0) {
      failures.push(`${what} ${key} is missing`);
      continue;
    }
    failures.push(...compared[best].map((difference) => `${what} ${key}: ${difference}`));
    candidates.splice(best, 1);
  }
  for (const [key, rest] of left) rest.forEach(() => failures.push(`${what} ${key} was not sent, or is there twice`));
  return failures;
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** A time of the box, RFC 3339 with up to nine digits, as nanoseconds since the epoch in decimal digits; null stays null. */
export function nanos(time) {
  if (time === null) return null;
  const [, seconds, fraction = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(time);
  return String(BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0")));
}

function show(shown) {
  if (shown instanceof NumberText) return `number ${shown.text}`;
  if (shown instanceof Map) return JSON.stringify(Object.fromEntries(shown));
  return JSON.stringify(shown);
}
