// The page of a drawing: pan, zoom, search, and groups that open and close. Every state was laid out when the page was
// written; here one is only put in place of another. Without this script the page shows the first state.
"use strict";
(() => {
  const figure = document.querySelector("figure.viewer"), svg = figure.querySelector("svg");
  const { states, cards, wires } = JSON.parse(document.getElementById("states").textContent);
  const search = document.getElementById("search"), about = document.getElementById("about");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let state = "", size = [0, 0], window_ = null, chosen = "", hits = [], hit = -1;

  // looking: the part of the drawing that is seen is the svg's viewBox

  const box = () => figure.getBoundingClientRect();
  const look = (x, y, w, h) => { window_ = [x, y, w, h]; svg.setAttribute("viewBox", window_.join(" ")); };
  const scale = () => box().width / window_[2];

  function fit() {
    const { width, height } = box(), zoom = Math.min(width / size[0], height / size[1], 1.25);
    look(size[0] / 2 - width / zoom / 2, size[1] / 2 - height / zoom / 2, width / zoom, height / zoom);
  }

  function zoom(factor, x = 0.5, y = 0.5) {
    const [left, top, w, h] = window_, next = Math.min(Math.max(scale() * factor, 0.03), 6) / scale();
    look(left + w * x * (1 - 1 / next), top + h * y * (1 - 1 / next), w / next, h / next);
  }

  const pan = (x, y) => look(window_[0] + x, window_[1] + y, window_[2], window_[3]);

  function center(card) {
    const { width, height } = box(), s = Math.max(scale(), 0.8), [x, y] = place(card), b = card.getBBox();
    look(x + b.width / 2 - width / s / 2, y + b.height / 2 - height / s / 2, width / s, height / s);
  }

  // states

  const card = id => svg.querySelector(`.node[data-node="${id}"]`);
  const place = element => element.getAttribute("transform").match(/-?[\d.]+/g).map(Number);

  function show(name, around = null) {
    const next = states[name], before = {};
    svg.querySelectorAll(".node").forEach(node => { before[node.dataset.node] = place(node); });
    const keep = [...svg.children].filter(child => child.matches("style, .page"));
    const page = svg.querySelector(".page"), old = around && anchor(around);
    page.setAttribute("width", next.size[0]);
    page.setAttribute("height", next.size[1]);
    const drawn = [...next.frames];
    next.wires.forEach(([at, d, tip]) => drawn.push(wires[at].replace("\u0001", d).replace("\u0002", tip)));
    next.cards.forEach(([at, x, y]) => drawn.push(cards[at].replace("\u0001", `${x},${y}`)));
    svg.innerHTML = "";
    svg.append(...keep);
    svg.insertAdjacentHTML("beforeend", drawn.join("") + next.labels.join(""));
    size = next.size;
    state = name;
    prepare();
    const now = around && anchor(around);
    if (old && now) pan(now[0] - old[0], now[1] - old[1]); else fit();
    if (!still) {
      svg.querySelectorAll(".node").forEach(node => {
        const [x, y] = place(node), from = before[node.dataset.node];
        const start = from ? { transform: `translate(${from[0]}px,${from[1]}px)` } : { opacity: 0 };
        node.animate([start, from ? { transform: `translate(${x}px,${y}px)` } : { opacity: 1 }], { duration: 220, easing: "ease-out" });
      });
      svg.querySelectorAll("[data-from],.box").forEach(wire => wire.animate([{ opacity: 0 }, { opacity: 1 }], 260));
    }
    choose(card(chosen) ? chosen : "");
    mark();
  }

  function anchor(id) {  // the upper left corner of a group, open or closed
    const frame = svg.querySelector(`.box[data-group="${id}"] rect`), closed = card(id);
    return frame ? [+frame.getAttribute("x"), +frame.getAttribute("y")] : closed ? place(closed) : null;
  }

  function prepare() {
    svg.querySelectorAll(".node").forEach(node => {
      node.tabIndex = 0;
      node.classList.toggle("opens", node.dataset.node in states);
    });
    svg.querySelectorAll(".box").forEach(frame => {
      if (target(frame.dataset.group) === null) return;
      frame.tabIndex = 0;
      frame.classList.add("opens");
      svg.querySelector(`.title[data-group="${frame.dataset.group}"]`).classList.add("opens");
    });
  }

  // An open group closes into the state without it: the first state, or for a group that is open there its own.
  function target(group) {
    if (card(group)) return group in states && states[group].open.includes(group) ? group : "";
    if (states[""].open.includes(group)) return group in states ? group : null;
    const outer = states[state].parents[group];
    return outer && outer in states && states[outer].open.includes(outer) ? outer : "";
  }

  function toggle(group) {
    const next = target(group);
    if (next !== null) show(next, group);
  }

  // choosing a card: its edges stand out, and everything that is known of it is told

  function choose(id) {
    chosen = id;
    svg.querySelectorAll(".chosen,.near").forEach(element => element.classList.remove("chosen", "near"));
    svg.classList.toggle("choosing", Boolean(id));
    about.hidden = !id;
    if (!id) return;
    const node = card(id);
    node.classList.add("chosen");
    svg.querySelectorAll(`[data-from="${id}"],[data-to="${id}"]`).forEach(wire => {
      wire.classList.add("near");
      [wire.dataset.from, wire.dataset.to].forEach(end => card(end).classList.add("near"));
    });
    about.textContent = node.querySelector("title").textContent;
  }

  // searching: what is hidden in a closed group is found too

  function find() {
    const words = search.value.trim().toLowerCase();
    const seen = new Set();
    hits = [];
    hit = -1;
    const own = title => title.split("\n").filter(line => !/^(∂|the gradient)/.test(line)).join("\n").toLowerCase();
    if (words) [state, ...Object.keys(states)].forEach(name => states[name].cards.forEach(([at]) => {
      const id = cards[at].match(/data-node="(\w+)"/)[1], title = cards[at].match(/<title>([^<]*)/)[1];
      if (!seen.has(id) && own(title).includes(words)) { seen.add(id); hits.push([id, name]); }
    }));
    mark();
  }

  function mark() {
    const found = new Set(hits.map(([id]) => id));
    svg.querySelectorAll(".node").forEach(node => node.classList.toggle("hit", found.has(node.dataset.node)));
    svg.classList.toggle("searching", Boolean(search.value.trim()));
    document.getElementById("hits").textContent = search.value.trim() ? `${hit + 1 || "–"} of ${hits.length}` : "";
  }

  function next(step) {
    if (!hits.length) return;
    hit = (hit + step + hits.length) % hits.length;
    const [id, name] = hits[hit];
    if (!card(id)) show(name);
    center(card(id));
    choose(id);
    mark();
  }

  // hands

  let drag = null;
  svg.addEventListener("pointerdown", event => { drag = { x: event.clientX, y: event.clientY, far: false }; });
  addEventListener("pointermove", event => {
    if (!drag || !event.buttons) return;
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    if (!drag.far && Math.hypot(dx, dy) < 4) return;
    pan(-dx / scale(), -dy / scale());
    drag = { x: event.clientX, y: event.clientY, far: true };
  });
  svg.addEventListener("click", event => {
    if (drag && drag.far) return;
    const node = event.target.closest(".node");
    if (node && node.classList.contains("opens")) toggle(node.dataset.node);
    else if (node) choose(node.dataset.node === chosen ? "" : node.dataset.node);
    else if (event.target.matches(".title")) toggle(event.target.dataset.group);
    else choose("");
  });
  svg.addEventListener("dblclick", event => {
    const frame = event.target.closest(".box");
    if (frame) toggle(frame.dataset.group);
  });
  figure.addEventListener("wheel", event => {
    event.preventDefault();
    const { left, top, width, height } = box();
    zoom(Math.exp(-event.deltaY / 400), (event.clientX - left) / width, (event.clientY - top) / height);
  }, { passive: false });
  search.addEventListener("input", find);
  search.addEventListener("keydown", event => {
    if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") { search.value = ""; find(); search.blur(); }
    event.stopPropagation();
  });
  const keys = {
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": fit, "Escape": () => choose(""),
    "/": () => search.focus(), "ArrowLeft": () => pan(-60 / scale(), 0), "ArrowRight": () => pan(60 / scale(), 0),
    "ArrowUp": () => pan(0, -60 / scale()), "ArrowDown": () => pan(0, 60 / scale()),
  };
  addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = document.activeElement;
    if ((event.key === "Enter" || event.key === " ") && svg.contains(at)) {
      if (at.classList.contains("box")) toggle(at.dataset.group);
      else if (at.classList.contains("opens")) toggle(at.dataset.node);
      else choose(at.dataset.node);
    } else if (event.key in keys) keys[event.key]();
    else return;
    event.preventDefault();
  });
  document.getElementById("closer").onclick = () => zoom(1.25);
  document.getElementById("farther").onclick = () => zoom(0.8);
  document.getElementById("fit").onclick = fit;
  addEventListener("resize", fit);

  size = states[""].size;
  document.body.classList.add("live");
  prepare();
  fit();
})();
