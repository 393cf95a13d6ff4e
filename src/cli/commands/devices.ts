// `patchbay devices`: the graphics adapters that `--backend webgpu` can compute on.

import { formatTable } from '../../figures/textTable.ts';
import { graphicsDevices, noDriver } from '../../runtime/backends/dawn.ts';
import { UsageError } from '../arguments.ts';
import { type Arguments, type Command, usageOf } from '../command.ts';

async function run(args: Arguments): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError(usageOf(command));
  const devices = await graphicsDevices();
  if (devices.length === 0) throw noDriver();
  const rows = devices.map(({ number, name, api, isSoftware }) => [
    String(number),
    name,
    api,
    isSoftware ? 'software: slower than --backend wasm' : '',
  ]);
  console.log(formatTable([['device', 'adapter', 'by', ''], ...rows], new Set([0])));
  return 0;
}

export const command: Command = {
  name: 'devices',
  about: 'the graphics adapters that --backend webgpu can compute on',
  positionals: '',
  options: {},
  notes: [
    'Needs the npm package webgpu (npm install webgpu) and a driver: Vulkan on Linux, Metal on macOS, Direct3D 12 on Windows.',
  ],
  run,
};
