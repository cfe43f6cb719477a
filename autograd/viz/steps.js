// A slider over the steps of the two passes. The picture is complete; what a step does not know yet is taken away.
"use strict";
(() => {
  const root = document.querySelector(".SCOPE:not(.live)");
  if (!root) return;
  const steps = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
  const slider = root.querySelector("input"), items = root.querySelectorAll("li"), last = steps.length - 1;
  const nodes = [...root.querySelectorAll(".node")], wires = [...root.querySelectorAll("[data-from]")];
  const grads = new Map(nodes.map(node => [node, [...node.querySelectorAll(".grad")].map(text => text.textContent)]));
  const computed = new Map(steps.map((step, at) => [step.phase === "forward" ? step.node : "", at]));
  let timer = 0;

  function show(at) {
    slider.value = at;
    root.querySelector("output").textContent = `${at} of ${last}`;
    items.forEach((item, number) => item.classList.toggle("now", number === at));
    const told = new Map();
    steps.slice(0, at + 1).forEach(step => step.grads.forEach(([id, text]) => told.set(id, text)));
    nodes.forEach(node => {
      const id = node.dataset.node, texts = node.querySelectorAll(".grad"), known = at === last || told.get(id) === "";
      node.classList.toggle("later", at < (computed.get(id) ?? 0));
      node.classList.toggle("unknown", !known);
      node.classList.toggle("now", id === steps[at].node);
      texts.forEach((text, number) => {
        const waiting = number === texts.length - 1 ? told.get(id) || "–" : "";
        text.textContent = known ? grads.get(node)[number] : waiting;
      });
    });
    wires.forEach(wire => {
      const { from, to, slot } = wire.dataset;
      wire.classList.toggle("later", at < (computed.get(to) ?? 0));
      wire.classList.toggle("flows", steps[at].wires.some(([a, b, c]) => a === from && b === to && String(c) === slot));
    });
  }

  function go(step) {
    show(Math.min(Math.max(+slider.value + step, 0), last));
    const now = root.querySelector(".node.now"), room = root.querySelector(".picture");
    if (!now) return;
    const card = now.getBoundingClientRect(), seen = room.getBoundingClientRect();
    if (card.top < seen.top || card.bottom > seen.bottom) room.scrollTop += card.top - seen.top - seen.height / 2;
    if (card.left < seen.left || card.right > seen.right) room.scrollLeft += card.left - seen.left - seen.width / 2;
  }
  function play() {
    if (timer) { clearInterval(timer); timer = 0; return; }
    if (+slider.value === last) show(0);
    timer = setInterval(() => { go(1); if (+slider.value === last) play(); }, 900);
  }
  slider.addEventListener("input", () => show(+slider.value));
  root.querySelector(".back").onclick = () => go(-1);
  root.querySelector(".on").onclick = () => go(1);
  root.querySelector(".play").onclick = play;
  const keys = {
    ArrowLeft: () => go(-1), ArrowRight: () => go(1), Home: () => show(0), End: () => show(last), " ": play,
  };
  root.addEventListener("keydown", event => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.matches("button")) return;
    keys[event.key]();
    event.preventDefault();
    event.stopPropagation();
  });
  root.classList.add("live");
  show(last);
  if (document.body.children.length === 1) root.focus({ preventScroll: true });
})();
