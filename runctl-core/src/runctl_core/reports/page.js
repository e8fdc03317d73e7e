"use strict";
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const value = (row, at) => row.cells[at].dataset.value;
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // what nobody knows comes last
    const numbers = [Number(a), Number(b)];
    return numbers.some(Number.isNaN) ? a.localeCompare(b) : numbers[0] - numbers[1];
  };
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!event.target.closest("button")) return;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows];
    rows.sort((a, b) => {
      const [x, y] = [value(a, head.cellIndex), value(b, head.cellIndex)];
      return down && x !== "" && y !== "" ? -compare(x, y) : compare(x, y);
    });
    body.append(...rows);
  });
}
const filter = document.querySelector("input[type=search]");
filter.hidden = false;
filter.addEventListener("input", () => {
  const wanted = filter.value.toLowerCase();
  for (const row of document.querySelectorAll("#resources tbody tr")) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }
});
