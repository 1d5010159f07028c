// What scripts add to pages that work without them: times in the viewer's zone, copying, lists that are searched,
// and questions before what cannot be undone.
"use strict";

const language = document.documentElement.lang;
const local = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

function dress(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.textContent;
    time.textContent = local.format(at);
  }
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  for (const search of root.querySelectorAll("[data-search]")) search.hidden = false;
}

function plain(text) {
  return text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();
}

document.addEventListener("click", async (click) => {
  const button = click.target.closest?.("[data-copy]");
  if (!button) return;
  const from = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(from.value ?? from.textContent);
  const label = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = label), 1500);
});

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

document.addEventListener("htmx:after:swap", () => dress(document));
for (const box of document.querySelectorAll("[data-switches]")) switched(box);
dress(document);
