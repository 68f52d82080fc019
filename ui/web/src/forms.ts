// Keeps addresses short: fields without a value are not sent. Ctrl-Enter submits from a text area.

export function startForms(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form:not([method])")) {
    form.addEventListener("formdata", ({ formData }) => {
      for (const [key, value] of [...formData.entries()]) if (value === "") formData.delete(key);
    });
  }
  for (const field of document.querySelectorAll<HTMLInputElement>("input[data-filter]")) startFilter(field);
  for (const area of document.querySelectorAll<HTMLTextAreaElement>("textarea[data-submit-keys]")) {
    area.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      area.form?.requestSubmit();
    });
  }
}

/** Shows of a list only the items whose text holds what is typed. */
function startFilter(field: HTMLInputElement): void {
  const items = document.querySelectorAll<HTMLElement>(`#${CSS.escape(field.dataset["filter"] ?? "")} [data-filter-text]`);
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    for (const item of items) {
      const text = (item.dataset["filterText"] ?? "").toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
  });
}
