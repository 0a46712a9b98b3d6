// Tables of class `sortable` are sorted by a click on, or Enter in, the header of a column.
"use strict";
(() => {
  const collator = new Intl.Collator("en", { numeric: true });

  // A cell's own key, which is text or a number; null where there is none.
  function keyOf(row, column) {
    const cell = row.cells[column];
    if (cell.dataset.key === undefined) return null;
    return cell.classList.contains("number") ? Number(cell.dataset.key) : cell.dataset.key;
  }

  function compare(a, b) {
    return typeof a === "number" ? a - b : collator.compare(a, b);
  }

  // What is missing is last in either direction; equals stay in their order.
  function sort(table, header) {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => ({ row, key: keyOf(row, header.cellIndex) }));
    rows.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      return descending ? compare(b.key, a.key) : compare(a.key, b.key);
    });
    body.append(...rows.map(({ row }) => row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header));
      header.append(button);
    }
  }
})();
