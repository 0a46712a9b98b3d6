// Tables of class `sortable` are sorted by a click on, or Enter in, the header of a column. A long
// table shows its first rows, and has a search.
"use strict";
const lists = (() => {
  const LONG = 20; // rows that need no search
  const TOP = 12; // of a longer table

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

  function button(words, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.append(...words);
    made.addEventListener("click", act);
    return made;
  }

  // Shows the first rows of a long table, or of those whose names have the words of its search.
  // Returns what does so anew.
  function shorten(table) {
    const rows = table.tBodies[0].rows;
    if (rows.length <= LONG) return () => {};
    const search = document.createElement("input");
    search.type = "search";
    search.placeholder = `Search ${rows.length} names`;
    search.setAttribute("aria-label", search.placeholder);
    let top = TOP;
    const more = button([], () => {
      top = top === TOP ? Infinity : TOP;
      show();
    });
    function show() {
      const words = search.value.trim().toLowerCase();
      let found = 0;
      for (const row of rows) {
        const named = row.querySelector("th").textContent.toLowerCase();
        row.hidden = !named.includes(words) || ++found > top;
      }
      more.hidden = found <= TOP;
      more.textContent = top === TOP ? `List all ${found}` : `List the first ${TOP}`;
    }
    search.addEventListener("input", show);
    const line = document.createElement("p");
    line.className = "buttons";
    line.append(search, more);
    table.parentElement.before(line);
    show();
    return show;
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const show = shorten(table);
    for (const header of table.tHead.rows[0].cells) {
      const act = () => {
        sort(table, header);
        show();
      };
      header.append(button(header.childNodes, act));
    }
  }

  return { shorten };
})();
