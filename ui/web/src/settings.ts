// The reader's choices. The theme is a cookie, so that the server writes it into the page and nothing flashes.

export function readCookie(name: string): string {
  const pair = document.cookie.split("; ").find((entry) => entry.startsWith(`${name}=`));
  return pair === undefined ? "" : pair.slice(name.length + 1);
}

export function writeCookie(name: string, value: string): void {
  const age = value === "" ? 0 : 365 * 24 * 3600;
  document.cookie = `${name}=${value}; path=/; max-age=${age}; samesite=lax`;
}

export function readSetting(name: string): string {
  try {
    return localStorage.getItem(`haechi.${name}`) ?? "";
  } catch {
    return ""; // storage is switched off
  }
}

export function writeSetting(name: string, value: string): void {
  try {
    if (value === "") localStorage.removeItem(`haechi.${name}`);
    else localStorage.setItem(`haechi.${name}`, value);
  } catch {
    // Storage is switched off: the choice lasts for this page.
  }
}
