// Draw faces whose attributes are known: the images of the bundled generator `faces`.
//
//   npm install @dicebear/core@9.4.3 @dicebear/collection@9.4.3 @resvg/resvg-js@2.6.2
//   node draw_faces.mjs faces 10000 64
//
// Writes faces/00000.png and on, 64 pixels a side, and faces/metadata.csv. The style is Open Peeps by Pablo Stanley,
// CC0 1.0. Image i depends on i and on these versions only.
import { mkdirSync, writeFileSync } from "node:fs";
import { createAvatar } from "@dicebear/core";
import { openPeeps } from "@dicebear/collection";
import { Resvg } from "@resvg/resvg-js";

const [folder, count, pixels] = process.argv.slice(2);
const attributes = ["skinColor", "head", "headContrastColor", "face", "facialHair", "accessories", "clothingColor"];
const options = {
  backgroundColor: ["ffffff"],
  accessoriesProbability: 40,
  facialHairProbability: 35,
  maskProbability: 0,
};

mkdirSync(folder, { recursive: true });
let table = `file_name,${attributes}\n`;
for (let i = 0; i < Number(count); i++) {
  const face = createAvatar(openPeeps, { ...options, seed: `face ${i}` });
  const name = `${String(i).padStart(5, "0")}.png`;
  const image = new Resvg(face.toString(), { fitTo: { mode: "width", value: Number(pixels) } }).render();
  writeFileSync(`${folder}/${name}`, image.asPng());
  const known = face.toJson().extra;
  table += `${name},${attributes.map((attribute) => known[attribute] ?? "none")}\n`;
}
writeFileSync(`${folder}/metadata.csv`, table);
