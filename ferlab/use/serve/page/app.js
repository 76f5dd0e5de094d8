// The page: one picture at a time, from the camera or a file, and what the server says of it.
import { ask as posted, health, models } from "./ask.js";
import { Camera, trouble } from "./camera.js";
import { drawable } from "./heat.js";
import { faceAt, mark } from "./marks.js";
import { name, show, showExplanation } from "./reading.js";

const $ = (id) => document.getElementById(id);
const [video, photo, file, message, speed] = ["video", "photo", "file", "message", "speed"].map($);
const camera = new Camera(video);
let answer = null; // of the picture that is shown
let chosen = 0; // which of its faces
let picture = null; // the photo's file; null for the camera
let spoken = { words: "", at: 0 };

const options = () => ({
  model: $("model").value,
  face: $("whole").checked ? "whole" : "found",
  explain: $("explain").checked && !$("explain").disabled,
});

const ask = async (image) => drawable(await posted(image, options()));

function render() {
  chosen = Math.min(chosen, Math.max(0, (answer?.faces.length ?? 0) - 1));
  const face = answer?.faces[chosen];
  mark($("marks"), answer, chosen, camera.isOn);
  show(answer, chosen, (number) => { chosen = number; render(); });
  showExplanation(face);
  say(face, answer?.faces.length ?? 0);
}

// Screen readers hear a change, and of the camera no more than one in two seconds.
function say(face, count) {
  const words = face ? `${face.expression}${count > 1 ? `, face ${chosen + 1} of ${count}` : ""}` : "no face";
  if (!answer || words === spoken.words || (camera.isOn && performance.now() - spoken.at < 2000)) return;
  spoken = { words, at: performance.now() };
  $("spoken").textContent = words;
}

async function live() {
  let pace = 0;
  let before = performance.now();
  const turn = camera.turn; // another start or stop ends this loop
  while (camera.isOn && camera.turn === turn) {
    try {
      const frame = await camera.frame();
      const found = await ask(frame);
      if (camera.turn !== turn) return;
      answer = found;
      message.textContent = found.faces.length ? "" : "No face is found; come closer, or into the light.";
    } catch (error) {
      if (camera.turn !== turn) return;
      message.textContent = error.message;
      await new Promise((done) => setTimeout(done, error.wait ?? 1000));
    }
    const now = performance.now();
    pace = pace ? 0.85 * pace + 0.15 * (now - before) : now - before;
    before = now;
    speed.textContent = `${(1000 / pace).toFixed(pace > 100 ? 1 : 0)} frames/s`;
    speed.hidden = false;
    render();
    await new Promise(requestAnimationFrame);
  }
}

async function start() {
  forget();
  message.textContent = "The camera is asked for …";
  try {
    await camera.start();
  } catch (error) {
    message.textContent = trouble(error);
    return;
  }
  message.textContent = "";
  video.hidden = false;
  $("invitation").hidden = true;
  pressed(true);
  live();
}

function stop() {
  camera.stop();
  pressed(false);
}

function pressed(isOn) {
  $("camera").setAttribute("aria-pressed", isOn);
  $("camera").textContent = isOn ? "Stop camera" : "Start camera";
}

function forget() {
  stop();
  picture = answer = null;
  chosen = 0;
  URL.revokeObjectURL(photo.src);
  photo.removeAttribute("src");
  video.hidden = photo.hidden = speed.hidden = true;
  $("invitation").hidden = false;
  render();
}

async function open(chosenFile) {
  forget();
  picture = chosenFile;
  photo.src = URL.createObjectURL(chosenFile);
  photo.hidden = false;
  $("invitation").hidden = true;
  await read();
}

// The photo once more, as after another choice of model.
async function read() {
  const mine = picture;
  if (!mine) return;
  message.textContent = "…";
  try {
    const found = await ask(mine);
    if (mine !== picture) return;
    answer = found;
    message.textContent = found.faces.length ? "" : "No face is found; if the picture is one, say so by the switch.";
  } catch (error) {
    if (mine !== picture) return;
    answer = null;
    message.textContent = error.message;
  }
  render();
}

function allowExplaining(listed) {
  const chosenModel = listed.find((one) => one.name === $("model").value);
  $("explain").disabled = !(chosenModel?.explains ?? true);
}

async function fill() {
  const kinds = { started: "Started with", registered: "Registered", study: "Best of a study", run: "Runs" };
  let [listed, classes] = [[], []];
  try {
    [listed, { classes }] = await Promise.all([models(), health()]);
  } catch (error) {
    message.textContent = error.message;
  }
  name(classes);
  for (const [kind, label] of Object.entries(kinds)) {
    const group = Object.assign(document.createElement("optgroup"), { label });
    for (const one of listed.filter((each) => each.kind === kind)) {
      const score = one.accuracy === null ? "" : ` · ${(100 * one.accuracy).toFixed(1)} %`;
      const short = one.kind === "run" ? one.name.slice(0, 8) : one.name;
      group.append(new Option(`${short} · ${one.what}${score}`, one.name));
    }
    if (group.children.length) $("model").append(group);
  }
  allowExplaining(listed);
  $("model").addEventListener("change", () => { allowExplaining(listed); read(); });
}

$("camera").addEventListener("click", () => (camera.isOn ? forget() : start()));
$("choose").addEventListener("click", () => file.click());
file.addEventListener("change", () => { if (file.files[0]) open(file.files[0]); file.value = ""; });
for (const id of ["explain", "whole"]) $(id).addEventListener("change", read);
document.addEventListener("dragover", (event) => { event.preventDefault(); $("stage").classList.add("over"); });
document.addEventListener("dragleave", () => $("stage").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("stage").classList.remove("over");
  const dropped = event.dataTransfer.files[0];
  if (dropped) open(dropped);
});
photo.addEventListener("error", () => {
  // HEIC and TIFF are read by the server, but not shown by every browser.
  if (picture) photo.hidden = true;
});
photo.addEventListener("load", render);
$("marks").addEventListener("click", (event) => {
  const at = faceAt($("marks"), answer, camera.isOn, event);
  if (at >= 0) { chosen = at; render(); }
});
new ResizeObserver(render).observe($("stage"));

if (!["127.0.0.1", "localhost", "[::1]"].includes(location.hostname)) {
  $("privacy").textContent =
    `Frames and photos go to ${location.hostname}, which serves this page, and no further: they are read in memory, and not kept.`;
}
fill();
render();
