"use strict";
// Figures, redrawn where light changes to dark; a table that sorts and filters; buttons that copy.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const { specs, themes } = JSON.parse(document.getElementById("data").textContent);
const HEAVY = 40000; // characters of a figure's data above which a canvas is lighter than an SVG
const views = new Map();
let drawing = 0;

async function draw(target) {
  const spec = specs[target.dataset.figure];
  const theme = dark.matches ? "dark" : "light";
  const renderer = JSON.stringify(spec).length > HEAVY ? "canvas" : "svg";
  const options = { mode: "vega-lite", ast: true, actions: false, renderer, config: themes[theme], tooltip: { theme } };
  const drawn = await vegaEmbed(target, spec, options);
  views.get(target)?.finalize();
  views.set(target, drawn);
}

// One after the other, so that the page answers meanwhile.
async function drawAll() {
  const turn = ++drawing;
  delete document.documentElement.dataset.drawn;
  for (const target of document.querySelectorAll("[data-figure]")) {
    if (turn !== drawing) return;
    try {
      await draw(target);
    } catch (error) {
      target.textContent = "This figure could not be drawn.";
      console.error(target.dataset.figure, error);
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  document.documentElement.dataset.drawn = dark.matches ? "dark" : "light";
}

dark.addEventListener("change", drawAll);
drawAll();

const table = document.getElementById("trials");

// Numbers by their key, those without one last; else by text.
function compare(column, number, sign) {
  const key = (row) => (number ? row.cells[column].dataset.key : row.cells[column].textContent);
  return (a, b) => {
    const [one, other] = [key(a), key(b)];
    if (one === "" || other === "") return (one === "") - (other === "");
    return sign * (number ? one - other : one.localeCompare(other));
  };
}

function sort(heading) {
  const column = heading.cellIndex;
  const up = heading.getAttribute("aria-sort") !== "ascending";
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows].sort(compare(column, heading.classList.contains("number"), up ? 1 : -1));
  table.tBodies[0].append(...rows);
}

function filter() {
  const words = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const state = document.getElementById("state").value;
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = (state && row.dataset.state !== state) || !words.every((word) => text.includes(word));
  }
  document.getElementById("shown").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
}

if (table) {
  table.tHead.addEventListener("click", (event) => event.target.closest("th") && sort(event.target.closest("th")));
  document.getElementById("filter").addEventListener("input", filter);
  document.getElementById("state").addEventListener("input", filter);
}

// A file that is opened from disk may lack the clipboard: then the text is selected.
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    window.getSelection().selectAllChildren(source);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", () => copy(button));
