// `patchbay export FILE.onnx --sites A,B --out hooked.onnx`: the model with hooks, for any ONNX runtime.

import { tensorsNamed } from '../../imported/describe.ts';
import { siteMask, siteValue } from '../../imported/exportHooked.ts';
import { UsageError } from '../arguments.ts';
import { type Arguments, type Command, usageOf } from '../command.ts';
import { fixOption, inputOption, isOnnxFile, readFixed, readInputs, withOnnx } from '../onnxModel.ts';
import { writeWhole } from '../writeWhole.ts';

async function run(args: Arguments): Promise<number> {
  const [path, ...rest] = args.positionals;
  const [sites, out] = [args.text('sites'), args.text('out')];
  if (path === undefined || rest.length > 0 || sites === undefined || out === undefined)
    throw new UsageError(usageOf(command));
  if (!isOnnxFile(path))
    throw new UsageError(`'${path}' is no .onnx file; models of a family have hooks already.`);
  return withOnnx(
    path,
    'node',
    { fixed: readFixed(args), example: await readInputs(args) },
    async (model) => {
      const names = sites
        .split(',')
        .map((text) => text.trim())
        .filter((text) => text !== '')
        .flatMap((text) => tensorsNamed(model, text));
      if (names.length === 0) throw new UsageError('--sites names no tensor.');
      const bytes = await model.exportHooked(names);
      writeWhole(out, bytes);
      console.log(`${out}: ${bytes.length} bytes`);
      for (const name of new Set(names))
        console.log(`${name}: output; inputs ${siteValue(name)}, ${siteMask(name)}`);
      return 0;
    },
  );
}

export const command: Command = {
  name: 'export',
  about: 'write an ONNX file again with hooks: sites as outputs that can be overridden',
  positionals: 'FILE.onnx',
  options: {
    sites: {
      value: 'A,B',
      about: 'tensors, or components of layers: block_output:3; block_output alone means every layer',
      isRequired: true,
    },
    out: { value: 'FILE', about: 'where the model is written', isRequired: true },
    fix: fixOption,
    input: inputOption,
  },
  notes: [
    'Each site is an output of its name. Where the input SITE.mask is true, the input SITE.value stands in its place; both broadcast, so a mask of false with one entry along every axis leaves the tensor as it is.',
  ],
  run,
};
