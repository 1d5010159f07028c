// Additions to pages that work without scripts: times in the user's time zone, copy buttons, and searchable lists.
"use strict";

// Date formats depend on the country: "en" alone would give the American format.
const language = document.documentElement.lang;
const country = navigator.languages.find((one) => one.startsWith(`${language}-`)) ?? { en: "en-GB", fr: "fr-FR" }[language];
const local = new Intl.DateTimeFormat(country, { dateStyle: "medium", timeStyle: "medium" });

function enhance(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.textContent;
    time.textContent = local.format(at);
  }
  for (const field of root.querySelectorAll("input[data-utc]")) localize(field);
  for (const note of root.querySelectorAll("[data-utc-note]")) note.hidden = true;
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  for (const search of root.querySelectorAll("[data-search]")) search.hidden = false;
}

// Fields with data-utc hold a time in UTC. It is shown in the user's time zone, and sent in UTC. A field that the user has
// not changed is sent with its original value, since at the end of summer time an hour occurs twice.
const originals = new WeakMap();
function localize(field) {
  if (originals.has(field)) return;
  const utc = field.value;
  const at = new Date(`${utc}Z`);
  if (utc) field.value = fieldValue(new Date(at.getTime() - at.getTimezoneOffset() * 60_000));
  originals.set(field, { utc, shown: field.value });
}
// The value of such a field; with seconds only if they are not zero.
function fieldValue(at) {
  return at.toISOString().replace(/(:00)?\.\d+Z$/, "");
}
document.addEventListener("formdata", ({ target, formData }) => {
  for (const field of target.querySelectorAll("input[data-utc]")) {
    if (!formData.get(field.name)) continue;
    const { utc, shown } = originals.get(field) ?? {};
    formData.set(field.name, field.value === shown ? utc : fieldValue(new Date(field.value)));
  }
});

function normalize(text) {
  return text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();
}

document.addEventListener("click", async (click) => {
  const button = click.target.closest?.("[data-copy]");
  if (!button || !(await copy(document.getElementById(button.dataset.copy)))) return;
  const label = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = label), 1500);
});

// Copies the text of an element to the clipboard. If that fails, selects the text for the user to copy.
async function copy(from) {
  const text = from.value ?? from.textContent;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard is not available over plain HTTP, or in a frame without permission.
    const details = from.closest("details");
    if (details) details.open = true;
    getSelection().selectAllChildren(from);
    return document.execCommand("copy");
  }
}

// A field with data-search filters the entries of the list that it names.
document.addEventListener("input", (input) => {
  const list = input.target.dataset?.search && document.getElementById(input.target.dataset.search);
  if (!list) return;
  const words = normalize(input.target.value).split(/\s+/).filter(Boolean);
  for (const group of list.querySelectorAll("[data-group]")) {
    let isAnyShown = false;
    for (const entry of group.querySelectorAll("[data-entry]")) {
      const text = normalize(entry.textContent);
      entry.hidden = !words.every((word) => text.includes(word));
      isAnyShown ||= !entry.hidden;
    }
    group.hidden = !isAnyShown;
  }
});

// A checkbox with data-switches disables the part of the form that it names while it is checked.
function updateDisabled(box) {
  const part = document.getElementById(box.dataset.switches);
  if (part) part.disabled = box.checked;
}
document.addEventListener("change", (change) => {
  if (change.target.dataset?.switches) updateDisabled(change.target);
  if (change.target.dataset?.sends !== undefined) change.target.form.requestSubmit();
});

// When the user leaves the page, its event stream and requests are aborted without an error.
let stream;
document.addEventListener("htmx:sse:after:connection", ({ detail }) => (stream = detail.connection));
addEventListener("pagehide", () => {
  stream?.abortController.abort();
  for (const element of document.querySelectorAll(".htmx-request")) element.dispatchEvent(new Event("htmx:abort"));
});

document.addEventListener("htmx:after:swap", () => enhance(document));
for (const box of document.querySelectorAll("[data-switches]")) updateDisabled(box);
enhance(document);
