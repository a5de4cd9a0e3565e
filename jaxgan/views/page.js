"use strict";
// Draws the curves of the page from the data in it, and moves through the images.
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const first = 0, last = Math.max(page.end, 1);
  const charts = [];
  const LEFT = 46, RIGHT = 10, TOP = 14, BOTTOM = 24;

  const number = (value) => {
    if (value === null || value === undefined) return "";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace("e+", "e");
    if (size >= 1000) return Math.round(value).toLocaleString("en");
    return String(Number(value.toPrecision(4)));
  };
  const short = (value) => {
    const size = Math.abs(value);
    if (size >= 1e6) return Number((value / 1e6).toPrecision(4)) + "M";
    if (size >= 1e4) return Number((value / 1e3).toPrecision(4)) + "k";
    if (size !== 0 && size < 1e-3) return value.toExponential(0).replace("e+", "e");
    return String(Number(value.toPrecision(4)));
  };
  const make = (name, attributes, parent, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const when = (step) =>
    `step ${step.toLocaleString("en")}` + (page.epoch ? `, epoch ${(step / page.epoch).toPrecision(3)}` : "");

  // The index of the point nearest to a step, in points that rise with the step.
  const nearest = (points, step) => {
    let low = 0, high = points.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < step) low = middle; else high = middle;
    }
    return high >= 0 && Math.abs(points[high][0] - step) < Math.abs(points[low][0] - step) ? high : low;
  };

  const ticks = (low, high, most) => {
    const rough = (high - low) / most, unit = 10 ** Math.floor(Math.log10(rough));
    const width = [1, 2, 2.5, 5, 10].map((x) => x * unit).find((x) => x >= rough * 0.999);
    const found = [];
    for (let i = Math.ceil(low / width - 1e-9); i * width <= high + width * 1e-9; i++) found.push(i * width);
    return found;
  };
  const logTicks = (low, high) => {
    const found = [], few = Math.log10(high / low) > 2.5;
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
      for (const m of few ? [1] : [1, 2, 5]) if (m * 10 ** e >= low * 0.999 && m * 10 ** e <= high * 1.001) found.push(m * 10 ** e);
    return found;
  };

  class Chart {
    constructor(figure) {
      this.spec = page.charts[Number(figure.dataset.chart)];
      this.log = this.spec.log;
      this.hidden = new Set();
      this.plot = figure.querySelector(".plot");
      this.read = figure.querySelector(".read");
      this.values = figure.querySelectorAll(".legend b");
      this.listenToLegend(figure);
      this.draw();
      new ResizeObserver(() => { if (this.plot.clientWidth !== this.width) this.draw(); }).observe(this.plot);
    }

    listenToLegend(figure) {
      figure.querySelectorAll(".legend button").forEach((button, i) => {
        button.onclick = () => {
          if (!this.hidden.delete(i)) this.hidden.add(i);
          button.setAttribute("aria-pressed", String(!this.hidden.has(i)));
          this.draw();
        };
      });
      const axis = figure.querySelector(".axis");
      if (!axis) return;
      axis.onclick = () => {
        this.log = !this.log;
        axis.setAttribute("aria-pressed", String(this.log));
        this.draw();
      };
    }

    // The range of the vertical axis: a fixed one, or around what is shown; from zero where that costs little.
    range() {
      if (this.spec.range) return this.spec.range;
      let low = Infinity, high = -Infinity;
      this.spec.series.forEach((line, i) => {
        if (this.hidden.has(i)) return;
        for (const point of line.points) for (const value of point.slice(1)) {
          if (value === null) continue;
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      });
      if (low > high) return this.log ? [1, 10] : [0, 1];
      if (this.log) return low === high ? [low / 2, high * 2] : [low / 1.1, high * 1.1];
      if (low > 0 && low < 0.75 * high) low = 0;
      if (low === high) [low, high] = [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2];
      const room = 0.05 * (high - low);
      return [low === 0 ? 0 : low - room, high + room];
    }

    draw() {
      this.width = this.plot.clientWidth;
      this.height = this.plot.clientHeight;
      const [low, high] = this.range(), scale = this.log ? Math.log : (x) => x;
      this.x = (step) => LEFT + (step - first) / (last - first) * (this.width - LEFT - RIGHT);
      this.y = (value) => this.height - BOTTOM - (scale(value) - scale(low)) / (scale(high) - scale(low)) * (this.height - TOP - BOTTOM);
      const focused = document.activeElement === this.svg;
      this.svg = make("svg", {
        viewBox: `0 0 ${this.width} ${this.height}`, preserveAspectRatio: "none", tabindex: 0, role: "img",
        "aria-label": `${this.spec.title} by step. Left and right arrow keys move the reading.`,
      });
      this.axes(low, high);
      this.under = make("g", {}, this.svg);
      this.spec.series.forEach((line, i) => { if (!this.hidden.has(i)) this.curve(line); });
      this.best();
      this.over = make("g", { "pointer-events": "none" }, this.svg);
      this.listen();
      this.plot.replaceChildren(this.svg);
      if (focused) this.svg.focus();
      this.show(cursor);
      this.showImage();
    }

    axes(low, high) {
      const bottom = this.height - BOTTOM, right = this.width - RIGHT;
      for (const value of this.log ? logTicks(low, high) : ticks(low, high, 4)) {
        const y = this.y(value);
        make("line", { x1: LEFT, x2: right, y1: y, y2: y, class: "rule" }, this.svg);
        make("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, this.svg, short(value));
      }
      for (const step of ticks(first, last, Math.max(3, Math.floor(this.width / 110)))) {
        if (step % 1) continue;
        const x = this.x(step), end = right - x < 16;
        make("text", { x: end ? right : x, y: bottom + 17, "text-anchor": end ? "end" : "middle" }, this.svg, step ? short(step) : "step 0");
      }
    }

    curve(line) {
      const colour = line.colour, kept = line.points.filter((point) => point[1] !== null);
      let edge = [], path = "", pen = "M";
      const band = () => {
        if (edge.length > 1) {
          const top = edge.map(([x, , y]) => `${x},${y}`), under = edge.map(([x, y]) => `${x},${y}`).reverse();
          make("polygon", { points: [...top, ...under].join(" "), class: `band f${colour}` }, this.under);
        }
        edge = [];
      };
      for (const [step, mean, low, high] of line.points) {
        if (mean === null) { pen = "M"; band(); continue; }
        path += `${pen}${this.x(step).toFixed(1)},${this.y(mean).toFixed(1)}`;
        pen = "L";
        edge.push([this.x(step).toFixed(1), this.y(low ?? mean).toFixed(1), this.y(high ?? mean).toFixed(1)]);
      }
      if (line.points.some((point) => point.length > 2)) band();
      make("path", { d: path, class: `curve c${colour}${line.dashed ? " dashed" : ""}` }, this.svg);
      if (!line.dashed && kept.length <= 30)
        for (const [step, mean] of kept) make("circle", { cx: this.x(step), cy: this.y(mean), r: kept.length > 1 ? 2 : 3.5, class: `f${colour}` }, this.svg);
      for (const step of line.bad)
        make("title", {}, make("line", { x1: this.x(step), x2: this.x(step), y1: TOP, y2: TOP + 8, class: "bad" }, this.svg), `${line.name}: no finite number at ${when(step)}`);
    }

    best() {
      if (!this.spec.marked || page.best === null) return;
      const x = this.x(page.best), end = x > this.width * 0.7;
      make("line", { x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM, class: "best" }, this.svg);
      make("text", { x: x + (end ? -5 : 5), y: TOP + 2, class: "besttext", "text-anchor": end ? "end" : "start" }, this.svg, "best");
    }

    listen() {
      const at = (event) => (event.clientX - this.svg.getBoundingClientRect().left - LEFT) / (this.width - LEFT - RIGHT) * (last - first) + first;
      this.svg.onpointermove = this.svg.onpointerdown = (event) => read(this.snap(at(event)));
      this.svg.onpointerleave = (event) => { if (event.pointerType === "mouse") read(null); };
      this.svg.onclick = (event) => showGrid(nearest(page.grids, this.snap(at(event))));
      this.svg.onblur = () => read(null);
      this.svg.onkeydown = (event) => {
        const points = this.longest();
        const here = cursor === null ? points.length - 1 : nearest(points, cursor);
        const there = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: points.length - 1 }[event.key];
        if (there === undefined || !points.length) return;
        event.preventDefault();
        read(points[Math.min(Math.max(there, 0), points.length - 1)][0]);
      };
    }

    longest() {
      return this.spec.series.reduce((most, line) => line.points.length > most.length ? line.points : most, []);
    }

    snap(step) {
      const points = this.longest();
      return points.length ? points[nearest(points, step)][0] : Math.round(step);
    }

    // Read all curves at a step, or at their ends.
    show(step) {
      this.over.replaceChildren();
      if (step !== null) make("line", { x1: this.x(step), x2: this.x(step), y1: TOP, y2: this.height - BOTTOM, class: "cursor" }, this.over);
      let place = null;
      this.spec.series.forEach((line, i) => {
        const point = line.points[step === null ? line.points.length - 1 : nearest(line.points, step)];
        this.values[i].textContent = point ? number(point[1]) : "";
        if (point && place === null) place = point[0];
        if (!point || point[1] === null || step === null || this.hidden.has(i)) return;
        make("circle", { cx: this.x(point[0]), cy: this.y(point[1]), r: 4, class: `dot f${line.colour}` }, this.over);
      });
      this.read.textContent = place === null ? "" : when(step === null ? place : step);
    }

    showImage() {
      if (this.image) this.image.remove();
      if (page.grids.length < 2) return;
      const x = this.x(page.grids[shown][0]);
      this.image = make("line", { x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM, class: "shown" }, this.under);
      make("title", {}, this.image, `images of ${when(page.grids[shown][0])}`);
    }
  }

  // ---- The step that all charts read at, and the image shown.
  let cursor = null, shown = Math.max(page.grids.length - 1, 0), timer = null;
  const read = (step) => {
    cursor = step;
    for (const chart of charts) chart.show(step);
  };
  const slider = document.getElementById("time"), play = document.getElementById("play");
  const showGrid = (index) => {
    if (!slider || index === shown || !(index in page.grids)) return;
    shown = index;
    const [step, uri] = page.grids[index];
    document.getElementById("grid").src = uri;
    document.getElementById("grid").alt = `Samples at step ${step.toLocaleString("en")}`;
    document.getElementById("shown").textContent = step.toLocaleString("en");
    slider.value = index;
    slider.setAttribute("aria-valuetext", when(step));
    for (const chart of charts) chart.showImage();
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    icon();
  };
  const icon = () => {
    play.setAttribute("aria-label", timer ? "Pause" : "Play");
    play.querySelector("path").setAttribute("d", timer ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 1.5v13l10-6.5z");
  };
  if (slider) {
    const most = page.grids.length - 1;
    slider.value = most; // a reloaded page would keep the old place
    slider.oninput = () => { stop(); showGrid(Number(slider.value)); };
    play.onclick = () => {
      if (timer) return stop();
      if (shown === most) showGrid(0);
      timer = setInterval(() => { if (shown < most) showGrid(shown + 1); else stop(); }, Math.max(150, 6000 / (most + 1)));
      icon();
    };
    icon();
  }
  for (const figure of document.querySelectorAll(".chart")) charts.push(new Chart(figure));
  addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details")) part.open = true; });
})();
