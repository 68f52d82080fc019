// <copy-text> puts a button beside the text of its element with [data-copy].

class CopyText extends HTMLElement {
  connectedCallback(): void {
    const source = this.querySelector<HTMLElement>("[data-copy]");
    if (source === null || this.querySelector("button") !== null) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button quiet small copy-button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy to the clipboard");
    button.addEventListener("click", () => void copy(source.textContent ?? "", button));
    (this.querySelector(".copy") ?? this).append(button);
  }
}

async function copy(text: string, button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed"; // no clipboard without a secure context
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

export function startCopying(): void {
  customElements.define("copy-text", CopyText);
}
