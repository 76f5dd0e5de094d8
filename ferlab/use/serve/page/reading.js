// What a face expresses: the word, the bars of all classes, and what counted.

const $ = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

export function show(answer, chosen, choose) {
  const face = answer?.faces[chosen];
  $("expression").textContent = face?.expression ?? (answer ? "No face found" : "No picture yet");
  $("expression").classList.toggle("none", !face);
  $("sure").textContent = face ? `${percent(face.probabilities[face.expression])} probable` : "";
  if (answer) name(answer.classes);
  bars(face?.probabilities ?? {}, face?.expression);
  faces(answer?.faces ?? [], chosen, choose);
}

// A bar for each class, unless they are there already.
export function name(classes) {
  const list = $("bars");
  if (list.dataset.names === classes.join()) return;
  list.dataset.names = classes.join();
  list.replaceChildren(...classes.map(row));
}

function bars(probabilities, first) {
  for (const item of $("bars").children) {
    const share = probabilities[item.dataset.name] ?? 0;
    item.classList.toggle("first", item.dataset.name === first);
    item.querySelector(".fill").style.width = `${100 * share}%`;
    item.querySelector(".value").textContent = first ? percent(share) : "";
  }
}

function row(name) {
  const item = document.createElement("li");
  item.dataset.name = name;
  const parts = ["name", "track", "value"].map((part) => Object.assign(document.createElement("span"), { className: part }));
  parts[0].textContent = name;
  parts[1].append(Object.assign(document.createElement("div"), { className: "fill" }));
  item.append(...parts);
  return item;
}

function faces(found, chosen, choose) {
  const group = $("faces");
  group.hidden = found.length < 2;
  if (group.children.length !== found.length) {
    group.replaceChildren(...found.map((_, number) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: `Face ${number + 1}` });
      button.addEventListener("click", () => choose(number));
      return button;
    }));
  }
  [...group.children].forEach((button, number) => button.setAttribute("aria-pressed", number === chosen));
}

export function showExplanation(face) {
  const explanation = face?.explanation;
  $("counted").hidden = !explanation;
  if (!explanation) return;
  $("for").textContent = face.expression;
  const [seen, map] = ["seen", "map"].map((id) => $(id).getContext("2d"));
  for (const context of [seen, map]) context.drawImage(explanation.seenImage, 0, 0);
  map.drawImage(explanation.heat, 0, 0);
}
