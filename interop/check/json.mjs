// JSON as the box writes attributes, read without loss: numbers stay the text that was written, so that an integer of 64 bits is
// whole, and a key that comes twice is an error.

/** A number as it was written. */
export class NumberText {
  constructor(text) {
    this.text = text;
  }
}

/** The document in `text`: numbers as NumberText, objects as Maps. */
export function parse(text) {
  let at = 0;
  const fail = (what) => {
    throw new Error(`${what} at ${at} of ${text.slice(0, 200)}`);
  };
  const space = () => {
    while (" \t\r\n".includes(text[at]) && at < text.length) at++;
  };
  const expect = (sign) => {
    space();
    if (text[at] !== sign) fail(`no ${sign}`);
    at++;
  };
  const sticky = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const string = () => JSON.parse(sticky(/"(?:[^"\\]|\\.)*"/y) ?? fail("no string"));
  /** Calls `item` for each part between `open` and `close`. */
  const list = (open, close, item) => {
    expect(open);
    space();
    if (text[at] === close) return void at++;
    for (;;) {
      space();
      item();
      space();
      if (text[at] === close) return void at++;
      expect(",");
    }
  };
  const value = () => {
    space();
    if (text[at] === "{") {
      const object = new Map();
      list("{", "}", () => {
        const key = string();
        if (object.has(key)) fail(`key ${key} is there twice`);
        expect(":");
        object.set(key, value());
      });
      return object;
    }
    if (text[at] === "[") {
      const array = [];
      list("[", "]", () => array.push(value()));
      return array;
    }
    if (text[at] === '"') return string();
    const word = sticky(/true|false|null/y);
    if (word !== undefined) return JSON.parse(word);
    return new NumberText(sticky(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y) ?? fail("no value"));
  };
  const document = value();
  space();
  if (at !== text.length) fail("more than one value");
  return document;
}
