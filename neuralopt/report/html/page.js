// Draws the charts when they come near the screen; sorts and filters the tables.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  // Charts

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // What depends on light or dark; the rest is in each chart's data.
  function themed(layout) {
    layout.font.color = colour("--text");
    layout.paper_bgcolor = layout.plot_bgcolor = colour("--surface");
    Object.assign(layout.hoverlabel, {
      bgcolor: colour("--code"),
      bordercolor: colour("--line"),
      font: { color: colour("--text") },
    });
    layout.legend.bgcolor = "rgba(0,0,0,0)";
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(key)) {
        layout[key].gridcolor = colour("--grid");
        layout[key].linecolor = layout[key].zerolinecolor = colour("--line");
      }
    }
    return layout;
  }

  const NARROW = 560; // pixels, below which labels are cut and legends have a column
  const LABEL = 24; // characters

  // Black lines would not be seen on black.
  function visible(traces) {
    for (const trace of traces) {
      for (const part of [trace.line, trace.marker]) {
        const seen = (held) => (held === "#000000" ? colour("--text") : held);
        if (Array.isArray(part?.color)) part.color = part.color.map(seen);
        else if (part?.color) part.color = seen(part.color);
      }
    }
    return traces;
  }

  function fitted(traces, layout) {
    const words = [...new Set(traces.flatMap((trace) => (Array.isArray(trace.y) ? trace.y : [])))]
      .filter((value) => typeof value === "string");
    layout.yaxis.tickmode = words.length ? "array" : layout.yaxis.tickmode;
    layout.yaxis.tickvals = words.length ? words : undefined;
    layout.yaxis.ticktext = words.map((word) =>
      word.length > LABEL ? `${word.slice(0, LABEL - 1).replace(/&[^;]*$/, "")}…` : word,
    );
    const legends = traces.filter((trace) => trace.name && trace.showlegend !== false);
    if (layout.showlegend !== false) layout.height += 19 * Math.max(legends.length - 2, 0);
    return layout;
  }

  function draw(place) {
    const { data, layout } = JSON.parse(
      document.getElementById(`${place.id}-data`).textContent,
    );
    const first = !place.dataset.drawn;
    place.dataset.drawn = "yes";
    const options = {
      responsive: true, displaylogo: false, plotlyServerURL: "",
      // The last one would send the chart to plotly's server.
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "sendChartToCloud"],
    };
    layout.autosize = true;
    if (place.clientWidth < NARROW) fitted(data, layout);
    Plotly.react(place, visible(data), themed(layout), options).then(() => {
      if (!first) return;
      place.on("plotly_click", (event) => {
        const row = rowOf(event.points[0], place.dataset.run);
        if (row) reveal(row);
      });
    });
  }

  // The row of the best rules that a point's text, "#12 ...", is about.
  function rowOf(point, run) {
    const text = [point.text, point.customdata].find((held) => typeof held === "string");
    const number = /#(\d+)/.exec(text ?? "")?.[1];
    return number && document.getElementById(`rules-${run}-${number}`);
  }

  function reveal(row) {
    row.hidden = false;
    location.hash = row.id;
  }

  const charts = [...document.querySelectorAll(".chart")];
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) {
          watcher.unobserve(entry.target);
          draw(entry.target);
        }
      }
    },
    { rootMargin: "300px" },
  );
  charts.forEach((chart) => watcher.observe(chart));
  window.addEventListener("beforeprint", () => {
    for (const chart of charts) if (!chart.dataset.drawn) draw(chart);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const chart of charts) {
      if (chart.dataset.drawn) draw(chart);
    }
  });

  // Tables

  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const rows = [...body.rows].map((row) => [key(row.cells[place]), row]);
        rows.sort(([a], [b]) => compare(a, b, rising));
        body.append(...rows.map(([, row]) => row));
      });
    });
  }

  function key(cell) {
    const held = cell.dataset.sort;
    if (held === undefined) return cell.textContent.trim();
    return held === "" ? null : Number(held);
  }

  // Cells without a value come last in either direction.
  function compare(a, b, rising) {
    const missing = (value) => value === null || value === "";
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    const order = typeof a === "number" ? a - b : a.localeCompare(b);
    return rising ? order : -order;
  }

  function filterable(form) {
    const table = document.getElementById(form.dataset.for);
    const rows = [...table.tBodies[0].rows];
    const fields = [...form.querySelectorAll("[data-filter]")];
    const narrow = () => {
      let shown = 0;
      for (const row of rows) {
        row.hidden = !fields.every((field) => passes(field, row));
        shown += !row.hidden;
      }
      form.querySelector("output").textContent =
        shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
    };
    form.addEventListener("input", narrow);
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  function passes(field, row) {
    const wanted = field.value.trim();
    if (!wanted) return true;
    if (field.dataset.filter === "text") {
      return row.textContent.toLowerCase().includes(wanted.toLowerCase());
    }
    const cell = row.cells[field.dataset.column];
    if (field.dataset.filter === "choice") {
      return cell.textContent.split(",").some((part) => part.trim() === wanted);
    }
    return cell.dataset.sort !== "" && Number(cell.dataset.sort) <= Number(wanted);
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("form.filters").forEach(filterable);
})();
