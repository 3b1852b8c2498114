// Keys and filtering while typing, on pages that work without either.
"use strict";

const rows = () => [...document.querySelectorAll("[data-row]")];
const current = () => document.querySelector("[data-row].current");

function choose(row) {
  if (!row) return;
  current()?.classList.remove("current");
  row.classList.add("current");
  row.querySelector("th a, a")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const list = rows().filter((row) => row.tagName === "TR");
  if (list.length === 0) return follow(by > 0 ? "a[rel=next]" : "a[rel=prev]");
  const at = list.indexOf(current());
  if (at + by >= list.length) return follow("a[rel=next]");
  if (at >= 0 && at + by < 0) return follow("a[rel=prev]");
  choose(list[at < 0 ? 0 : at + by]);
}

function follow(selector) {
  document.querySelector(selector)?.click();
}

// A decision without leaving the page: the form is sent as it stands, and its part of the page is replaced.
async function decide(form, button) {
  const values = new URLSearchParams(new FormData(form, button));
  const place = rows().indexOf(form.closest("[data-row]"));
  const answer = await fetch(form.action, { method: "POST", body: values });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = [...page.querySelectorAll("[data-row]")];
  if (!answer.ok || fresh.length !== rows().length) return void location.reload();
  const row = document.importNode(fresh[place], true);
  rows()[place].replaceWith(row);
  choose(row);
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches(".decide") || !event.submitter) return;
  event.preventDefault();
  decide(event.target, event.submitter);
});

const KEYS = {
  j: () => step(1),
  ArrowDown: () => step(1),
  k: () => step(-1),
  ArrowUp: () => step(-1),
  n: () => follow("a[rel=next]"),
  p: () => follow("a[rel=prev]"),
  ArrowRight: () => follow("a[rel=next]"),
  ArrowLeft: () => follow("a[rel=prev]"),
  u: () => follow("a.up"),
  a: () => current()?.querySelector("button.accept")?.click(),
  x: () => current()?.querySelector("button.refuse")?.click(),
  w: () => current()?.querySelector("button.withdraw")?.click(),
  "/": () => document.querySelector("input[type=search]")?.select(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const arrows = event.key === "ArrowDown" || event.key === "ArrowUp";
  if (!(event.key in KEYS) || (arrows && rows().every((row) => row.tagName !== "TR"))) return;
  event.preventDefault();
  KEYS[event.key]();
});

// Filtering while typing: the same address is asked for that the form would go to; a later answer ends an earlier one.
let asking = new AbortController();
let waiting = 0;

async function filter(form) {
  asking.abort();
  asking = new AbortController();
  const values = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...values]) if (value === "") values.delete(name);
  const address = form.getAttribute("action") + (values.size ? "?" + values : "");
  document.getElementById("results").classList.add("waiting");
  try {
    const answer = await fetch(address, { signal: asking.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("results");
    if (!fresh) return void location.assign(address);
    document.getElementById("results").replaceWith(document.importNode(fresh, true));
    replaceChips(form, page);
    history.replaceState(null, "", address);
    showSnippets();
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

function replaceChips(form, page) {
  form.querySelector(".chips")?.remove();
  const chips = page.querySelector("form[data-live] .chips");
  if (chips) form.append(document.importNode(chips, true));
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-live]");
  if (!form) return;
  clearTimeout(waiting);
  waiting = setTimeout(filter, event.target.matches("select") ? 0 : 120, form);
});

// Lines from the texts: these are read row by row, so they come after the list, into the rows that are there.
async function showSnippets() {
  const link = document.querySelector("#snippets a");
  if (!link) return;
  try {
    const answer = await fetch(link.href, { signal: asking.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("results");
    const chosen = rows().indexOf(current());
    if (!answer.ok || !fresh || !link.isConnected) return;
    document.getElementById("results").replaceWith(document.importNode(fresh, true));
    if (chosen >= 0) choose(rows()[chosen]);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

// How far the indexes are: told each second, and what is seen is asked for anew when there is more to see.
async function watch() {
  const note = document.getElementById("preparing");
  if (!note?.dataset.made) return;
  const state = await fetch("/state").then((answer) => answer.json(), () => null); // null: the server has gone
  if (!state) return;
  if (state.made === note.dataset.made) {
    note.textContent = state.told;
  } else if (note.dataset.made === "table" || new URLSearchParams(location.search).get("text")) {
    if (!document.activeElement.matches("input, select")) return void location.reload();
    note.textContent = state.told;
    note.dataset.made = state.made;
    if (document.activeElement.form?.matches("[data-live]")) filter(document.activeElement.form);
  } else {
    note.remove();
  }
  setTimeout(watch, 1000);
}

showSnippets();
watch();
