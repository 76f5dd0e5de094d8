// Boxes, names and what counted, drawn over the picture.

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// From places in the photo to places on the canvas, where the picture stands in the middle.
function placed(canvas, answer, isMirrored) {
  const scale = Math.min(canvas.clientWidth / answer.width, canvas.clientHeight / answer.height);
  const left = (canvas.clientWidth - answer.width * scale) / 2;
  const top = (canvas.clientHeight - answer.height * scale) / 2;
  return ([x, y]) => [left + scale * (isMirrored ? answer.width - x : x), top + scale * y];
}

function edges(face, place) {
  const { left, top, right, bottom } = face.box;
  const [[x0, y0], [x1, y1]] = [place([left, top]), place([right, bottom])];
  return [Math.min(x0, x1), y0, Math.abs(x1 - x0), y1 - y0];
}

export function mark(canvas, answer, chosen, isMirrored) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  if (!answer) return;
  const context = canvas.getContext("2d");
  const place = placed(canvas, answer, isMirrored);
  context.scale(ratio, ratio);
  answer.faces.forEach((face) => face.explanation && heat(context, face.explanation, place));
  answer.faces.forEach((face, number) => box(context, face, edges(face, place), number === chosen, canvas));
}

function box(context, face, [x, y, width, height], isChosen, canvas) {
  const colour = isChosen ? style("--blue") : "rgb(255 255 255 / 85%)";
  context.lineWidth = isChosen ? 3 : 2;
  context.shadowColor = "rgb(0 0 0 / 45%)";
  context.shadowBlur = 6;
  context.strokeStyle = colour;
  context.beginPath();
  context.roundRect(x, y, width, height, 10);
  context.stroke();
  context.shadowBlur = 0;

  const words = `${face.expression} ${Math.round(100 * face.probabilities[face.expression])} %`;
  context.font = "600 14px system-ui, sans-serif";
  const wide = context.measureText(words).width + 18;
  const left = Math.min(Math.max(4, x), canvas.clientWidth - wide - 4);
  const above = Math.max(4, y - 32);
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(left, above, wide, 26, 8);
  context.fill();
  context.fillStyle = isChosen ? style("--on-blue") : "#16191d";
  context.textBaseline = "middle";
  context.fillText(words, left + 9, above + 13.5);
}

function heat(context, explanation, place) {
  const [[x, y], across, , down] = explanation.corners.map(place);
  context.save();
  context.transform((across[0] - x) / 48, (across[1] - y) / 48, (down[0] - x) / 48, (down[1] - y) / 48, x, y);
  context.imageSmoothingQuality = "high";
  context.drawImage(explanation.heat, 0, 0);
  context.restore();
}

// The face under the pointer; -1 where there is none.
export function faceAt(canvas, answer, isMirrored, event) {
  if (!answer) return -1;
  const place = placed(canvas, answer, isMirrored);
  return answer.faces.findIndex((face) => {
    const [x, y, width, height] = edges(face, place);
    return event.offsetX >= x && event.offsetX <= x + width && event.offsetY >= y && event.offsetY <= y + height;
  });
}
