// What counted in a face, from grey levels to colours that lie over it.

const SIDE = 48; // of what the network sees, in pixels
const FROM = [213, 94, 0]; // vermilion, where little counted
const TO = [255, 236, 110]; // yellow, where most did

// The answer, with an image `seenImage` and a canvas `heat` in each explanation.
export async function drawable(answer) {
  const explanations = answer.faces.map((face) => face.explanation).filter(Boolean);
  await Promise.all(explanations.map(async (explanation) => {
    explanation.seenImage = await decoded(explanation.seen);
    explanation.heat = coloured(await decoded(explanation.map));
  }));
  return answer;
}

async function decoded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

function coloured(map) {
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const context = canvas.getContext("2d");
  context.drawImage(map, 0, 0);
  const pixels = context.getImageData(0, 0, SIDE, SIDE);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const share = pixels.data[i] / 255;
    for (let k = 0; k < 3; k++) pixels.data[i + k] = FROM[k] + share * (TO[k] - FROM[k]);
    pixels.data[i + 3] = 200 * share ** 1.2;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
