// A click on the head of a column sorts the table by it; another one the other way.
document.addEventListener("click", (event) => {
  const head = event.target.closest(".md-typeset thead th");
  if (!head) return;
  const body = head.closest("table").tBodies[0];
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const text = (row) => row.cells[head.cellIndex]?.textContent.trim().replace(/(\d),(?=\d{3})/g, "$1") ?? "";
  const order = new Intl.Collator("en", { numeric: true });
  const rows = [...body.rows].sort((a, b) => order.compare(text(a), text(b)) * (up ? 1 : -1));
  body.append(...rows);
});
