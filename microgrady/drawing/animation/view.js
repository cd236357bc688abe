// What is seen of the picture: zoom and pan by wheel, fingers, mouse, buttons and keys. The page has before this:
// `graph`, the picture, which fills `stage`, the element around it.
const LEGIBLE = 0.8; // pixels a point, at which texts of 14 points can be read; smaller pictures are seen whole
const CLOSEST = 6;
const STEP_OF_ZOOM = 1.4;
const MARGIN = 24; // pixels around what is brought into view
const SLIDE = 300; // milliseconds

const { x: left, y: upper, width, height } = graph.viewBox.baseVal;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let view = { x: 0, y: 0, scale: 1 }; // the middle, in points, and pixels a point
let target = view; // where it slides to
let seesWhole = true;
let sliding = 0;

// A frame that is not shown yet has no size.
const wholeScale = () => Math.max(0.01, Math.min(stage.clientWidth / width, stage.clientHeight / height, 2.5));
const whole = () => ({ x: left + width / 2, y: upper + height / 2, scale: wholeScale() });

// Nothing but the picture is seen, where it is large enough to fill its place.
function limited({ x, y, scale }) {
  scale = Math.max(wholeScale(), Math.min(Math.max(CLOSEST, wholeScale()), scale));
  const within = (middle, start, length, seen) =>
    seen >= length ? start + length / 2 : Math.max(start + seen / 2, Math.min(start + length - seen / 2, middle));
  return {
    x: within(x, left, width, stage.clientWidth / scale),
    y: within(y, upper, height, stage.clientHeight / scale),
    scale,
  };
}

function look(at) {
  view = at;
  const [wide, tall] = [stage.clientWidth / view.scale, stage.clientHeight / view.scale];
  graph.setAttribute("viewBox", `${view.x - wide / 2} ${view.y - tall / 2} ${wide} ${tall}`);
}

function moveTo(place, slides = true) {
  target = limited(place);
  cancelAnimationFrame(sliding);
  seesWhole = target.scale <= wholeScale() * 1.001;
  stage.classList.toggle("close", !seesWhole);
  byId("out").disabled = byId("whole").disabled = seesWhole;
  byId("in").disabled = target.scale >= CLOSEST;
  if (!slides || calm.matches) return look(target);
  const [start, begin] = [view, performance.now()];
  const slide = (now) => {
    const share = Math.max(0, Math.min(1, (now - begin) / SLIDE)) ** 0.5;
    const between = (key) => start[key] + share * (target[key] - start[key]);
    look({ x: between("x"), y: between("y"), scale: between("scale") });
    if (share < 1) sliding = requestAnimationFrame(slide);
  };
  sliding = requestAnimationFrame(slide);
}

// Zoom so that what is at a point of the window stays there.
function zoom(factor, clientX, clientY, slides = true) {
  const place = stage.getBoundingClientRect();
  const dx = (clientX ?? place.left + place.width / 2) - place.left - place.width / 2;
  const dy = (clientY ?? place.top + place.height / 2) - place.top - place.height / 2;
  const { scale } = limited({ ...target, scale: target.scale * factor });
  const shift = 1 / target.scale - 1 / scale;
  moveTo({ x: target.x + dx * shift, y: target.y + dy * shift, scale }, slides);
}

const pan = (dx, dy, slides = true) =>
  moveTo({ ...target, x: target.x + dx / target.scale, y: target.y + dy / target.scale }, slides);

// The rectangle around some parts, in points.
function around(parts) {
  const place = stage.getBoundingClientRect();
  const boxes = parts.map((part) => part.getBoundingClientRect());
  const least = (key) => Math.min(...boxes.map((box) => box[key]));
  const most = (key) => Math.max(...boxes.map((box) => box[key]));
  const x = (pixel) => view.x + (pixel - place.left - place.width / 2) / view.scale;
  const y = (pixel) => view.y + (pixel - place.top - place.height / 2) / view.scale;
  return { left: x(least("left")), right: x(most("right")), top: y(least("top")), bottom: y(most("bottom")) };
}

// Move no more than is needed to see some parts, and of these the last ones at any rate.
function bringIntoView(parts, scale = target.scale) {
  let [x, y] = [target.x, target.y];
  for (const some of [parts, parts.slice(-1)]) {
    const box = around(some);
    const needed = (middle, start, end, seen) => {
      const margin = Math.min(MARGIN / scale, (seen - end + start) / 2);
      if (margin < 0) return (start + end) / 2;
      return Math.max(end + margin - seen / 2, Math.min(start - margin + seen / 2, middle));
    };
    x = needed(x, box.left, box.right, stage.clientWidth / scale);
    y = needed(y, box.top, box.bottom, stage.clientHeight / scale);
  }
  moveTo({ x, y, scale });
}

let follows = false;

function follow(wanted) {
  follows = wanted;
  byId("follow").setAttribute("aria-pressed", wanted);
}

// What moves the view by hand ends the following.
const byHand = (move) => (...parameters) => {
  follow(false);
  move(...parameters);
};

const views = {
  in: byHand(() => zoom(STEP_OF_ZOOM)),
  out: byHand(() => zoom(1 / STEP_OF_ZOOM)),
  whole: byHand(() => moveTo(whole())),
  follow: () => {
    follow(!follows);
    followStep();
  },
  left: byHand(() => pan(-stage.clientWidth / 4, 0)),
  right: byHand(() => pan(stage.clientWidth / 4, 0)),
  up: byHand(() => pan(0, -stage.clientHeight / 4)),
  down: byHand(() => pan(0, stage.clientHeight / 4)),
};
const viewKeys = { "+": "in", "=": "in", "-": "out", 0: "whole", f: "follow", F: "follow" };
const shiftKeys = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

for (const id of ["in", "out", "whole", "follow"]) byId(id).addEventListener("click", views[id]);
document.addEventListener("keydown", (event) => {
  const view = event.shiftKey ? shiftKeys[event.key] ?? viewKeys[event.key] : viewKeys[event.key];
  if (!view || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  views[view]();
});

// In a notebook the wheel scrolls the notebook, until the page has been clicked.
stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && window !== parent && !document.hasFocus()) return;
  if (seesWhole && event.deltaY > 0) return;
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode ? 16 : 1) * (event.ctrlKey ? 6 : 1); // fingers on a pad: small ones
  byHand(zoom)(2 ** (-Math.max(-200, Math.min(200, pixels)) / 200), event.clientX, event.clientY, false);
}, { passive: false });
stage.addEventListener("dblclick", (event) => byHand(zoom)(event.shiftKey ? 0.5 : 2, event.clientX, event.clientY));

const fingers = new Map();

function middleOfFingers() {
  const [a, b = a] = fingers.values();
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, spread: Math.hypot(a.x - b.x, a.y - b.y) };
}

stage.addEventListener("pointerdown", (event) => {
  if (event.button === 0 && !event.target.closest("button")) fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
});
stage.addEventListener("pointermove", (event) => {
  if (!fingers.has(event.pointerId)) return;
  const before = middleOfFingers();
  const start = fingers.get(event.pointerId);
  const here = { x: event.clientX, y: event.clientY };
  // A click may tremble a little.
  if (!stage.hasPointerCapture(event.pointerId)) {
    if (fingers.size === 1 && Math.hypot(here.x - start.x, here.y - start.y) < 4) return;
    stage.setPointerCapture(event.pointerId);
  }
  fingers.set(event.pointerId, here);
  const now = middleOfFingers();
  if (before.spread && now.spread) byHand(zoom)(now.spread / before.spread, before.x, before.y, false);
  byHand(pan)(before.x - now.x, before.y - now.y, false);
});
for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
