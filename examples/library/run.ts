// npx tsx --conditions=patchbay-source examples/library/run.ts
// The three examples on the embedded model, with their figures as text.

import { loadModel } from 'patchbay';
import { activationAddition } from './activationAddition.ts';
import { base, nestedIntervention, source } from './nestedIntervention.ts';
import { subspacePartition } from './subspacePartition.ts';

const words = [' Paris', ' Madrid'];
const loaded = await loadModel('models/tiny-atlas');
const percent = (x: number | undefined) => `${(100 * (x ?? 0)).toFixed(1)} %`.padStart(8);
const print = (title: string, grid: readonly (readonly (readonly number[])[])[]) => {
  console.log(`\n${title}: probability of${words[1]}, a row for each layer, a column for each token`);
  for (const [layer, cells] of grid.entries())
    console.log(`${String(layer).padStart(3)} ${cells.map((cell) => percent(cell[1])).join('')}`);
};

console.log(`${base} <- ${source}, on ${loaded.device}`);
print('What head 0 gathered', await nestedIntervention(loaded, 'head_attention_value_output', words));
print('The values of head 0', await nestedIntervention(loaded, 'head_value_output', words));
print('Half of a rotated MLP', await subspacePartition(loaded, words));
const [paris, madrid] = await activationAddition(loaded, ' Madrid', words);
console.log(
  `\nThe embedding of Madrid added to every MLP: Paris ${percent(paris)}, Madrid ${percent(madrid)}`,
);
await loaded.dispose();
