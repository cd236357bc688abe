// The buttons, the slider and the keys of a page that shows one step after the other. The page has before this: `show`,
// which shows a step, `position`, that which is shown, `last`, the last one, and MILLISECONDS_A_STEP.
let timer = null;

function go(step) {
  pause();
  show(step);
}

function pause() {
  clearInterval(timer);
  timer = null;
  byId("play").textContent = "Play";
}

function play() {
  show(position === last ? 0 : position + 1);
  if (position === last) return;
  byId("play").textContent = "Pause";
  timer = setInterval(() => {
    show(position + 1);
    if (position === last) pause();
  }, MILLISECONDS_A_STEP);
}

const actions = {
  first: () => go(0),
  previous: () => go(position - 1),
  play: () => (timer ? pause() : play()),
  next: () => go(position + 1),
  last: () => go(last),
};
const keys = { Home: "first", ArrowLeft: "previous", " ": "play", ArrowRight: "next", End: "last" };

for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
slider.addEventListener("input", () => go(Number(slider.value)));
document.addEventListener("keydown", (event) => {
  const pressesButton = event.key === " " && event.target.tagName === "BUTTON";
  if (!(event.key in keys) || pressesButton || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  actions[keys[event.key]]();
});
