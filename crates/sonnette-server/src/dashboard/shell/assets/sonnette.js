// What scripts add to pages that work without them: times in the viewer's zone, copying, lists that are searched,
// and questions before what cannot be undone.
"use strict";

// A language without a country says little of how dates are written: "en" alone would be American.
const language = document.documentElement.lang;
const country = navigator.languages.find((one) => one.startsWith(`${language}-`)) ?? { en: "en-GB", fr: "fr-FR" }[language];
const local = new Intl.DateTimeFormat(country, { dateStyle: "medium", timeStyle: "medium" });

function dress(root) {
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

// Fields with data-utc hold a time in UTC: it is shown in the viewer's zone, and sent in UTC again. What nobody has
// touched is sent as it came: in autumn an hour comes twice.
const came = new WeakMap();
function localize(field) {
  if (came.has(field)) return;
  const utc = field.value;
  const at = new Date(`${utc}Z`);
  if (utc) field.value = written(new Date(at.getTime() - at.getTimezoneOffset() * 60_000));
  came.set(field, { utc, shown: field.value });
}
// As such a field has it; seconds only where there are any.
function written(at) {
  return at.toISOString().replace(/(:00)?\.\d+Z$/, "");
}
document.addEventListener("formdata", ({ target, formData }) => {
  for (const field of target.querySelectorAll("input[data-utc]")) {
    if (!formData.get(field.name)) continue;
    const { utc, shown } = came.get(field) ?? {};
    formData.set(field.name, field.value === shown ? utc : written(new Date(field.value)));
  }
});

function plain(text) {
  return text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();
}

document.addEventListener("click", async (click) => {
  const button = click.target.closest?.("[data-copy]");
  if (!button || !(await copied(document.getElementById(button.dataset.copy)))) return;
  const label = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = label), 1500);
});

// Whether what an element says is in the clipboard now; if not, it is selected, to be copied by hand.
async function copied(from) {
  const text = from.value ?? from.textContent;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // There is no such clipboard over plain HTTP, nor in a frame that was not given it.
    const folded = from.closest("details");
    if (folded) folded.open = true;
    getSelection().selectAllChildren(from);
    return document.execCommand("copy");
  }
}

// A field with data-search hides the entries of the list it names that lack what is typed.
document.addEventListener("input", (input) => {
  const list = input.target.dataset?.search && document.getElementById(input.target.dataset.search);
  if (!list) return;
  const wanted = plain(input.target.value).split(/\s+/).filter(Boolean);
  for (const group of list.querySelectorAll("[data-group]")) {
    let any = false;
    for (const entry of group.querySelectorAll("[data-entry]")) {
      const text = plain(entry.textContent);
      entry.hidden = !wanted.every((word) => text.includes(word));
      any ||= !entry.hidden;
    }
    group.hidden = !any;
  }
});

// A box with data-switches makes the part of the form it names inactive while it is ticked.
function switched(box) {
  const part = document.getElementById(box.dataset.switches);
  if (part) part.disabled = box.checked;
}
document.addEventListener("change", (change) => {
  if (change.target.dataset?.switches) switched(change.target);
  if (change.target.dataset?.sends !== undefined) change.target.form.requestSubmit();
});

// A stream of news ends with its page, and so does what was asked for: not with an error because the page went.
let stream;
document.addEventListener("htmx:sse:after:connection", ({ detail }) => (stream = detail.connection));
addEventListener("pagehide", () => {
  stream?.abortController.abort();
  for (const asking of document.querySelectorAll(".htmx-request")) asking.dispatchEvent(new Event("htmx:abort"));
});

document.addEventListener("htmx:after:swap", () => dress(document));
for (const box of document.querySelectorAll("[data-switches]")) switched(box);
dress(document);
