import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeWordTokenizer } from '../checkpoint/fixtures/wordTokenizer.ts';
import { committedRoot } from './conformance/expectedFolders.ts';
import { main } from './main.ts';

// One thread for one operator: pools of several spin while others wait for the cores.
vi.mock(import('../runtime/backends/nodeBackend.ts'), async (original) => {
  const { createNodeBackend } = await original();
  return { createNodeBackend: () => createNodeBackend(1) };
});

let printed: string[] = [];
let complained: string[] = [];
let folder = '';
beforeEach(() => {
  printed = [];
  complained = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(...text.split('\n')));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void complained.push(text));
  folder = mkdtempSync(join(tmpdir(), 'patchbay-cli-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const modelOf = (name: string) => join(committedRoot, name, 'model');
const copyOf = (name: string): string => {
  const copy = join(folder, name);
  cpSync(join(committedRoot, name), copy, { recursive: true });
  return copy;
};

interface Placed {
  readonly data_offsets: readonly [number, number];
}

/** A safetensors file, and where a tensor lies in it: bytes `from` to `to`. */
function placeOf(path: string, name: string): { bytes: Buffer; from: number; to: number } {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header: Readonly<Record<string, Placed>> = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const [from, to] = header[name]?.data_offsets ?? [0, 0];
  return { bytes, from: 8 + length + from, to: 8 + length + to };
}

/** The int64 numbers of one tensor. */
function idsOf(path: string, name: string): readonly number[] {
  const { bytes, from, to } = placeOf(path, name);
  return Array.from({ length: (to - from) / 8 }, (_, at) => Number(bytes.readBigInt64LE(from + 8 * at)));
}

/** Overwrite the float32 numbers of one tensor of a safetensors file by what `change` makes of each. */
function changeTensor(path: string, name: string, change: (value: number) => number): void {
  const { bytes, from, to } = placeOf(path, name);
  for (let at = from; at < to; at += 4) bytes.writeFloatLE(change(bytes.readFloatLE(at)), at);
  writeFileSync(path, bytes);
}

describe('the command line', () => {
  test('it says what there is, and a command that does not exist is an error', async () => {
    expect(await main(['--help'])).toBe(0);
    expect(printed.join('\n')).toContain('patchbay conformance --fixtures DIR');
    expect(await main(['--version'])).toBe(0);
    expect(printed.at(-1)).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await main(['toString'])).toBe(2);
    expect(complained).toEqual([
      "There is no command 'toString'. Known: serve, components, predict, generate, trace, run, export, conformance, devices. patchbay --help says more.",
    ]);
  });

  test('every command says what it takes, wherever it is asked', async () => {
    for (const [name, option] of [
      ['serve', '--port N'],
      ['components', 'MODEL is tiny-atlas'],
      ['predict', '--count N'],
      ['trace', '--replacement "text"'],
      ['run', '--out DIR'],
      ['conformance', '--tolerance T'],
    ] as const) {
      printed = [];
      expect(await main([name, '--help'])).toBe(0);
      const help = printed.join('\n');
      expect(help).toContain(`patchbay ${name}`);
      expect(help).toContain(option);
      for (const words of [
        ['help', name],
        [name, 'x', '-h'],
      ]) {
        printed = [];
        expect(await main(words)).toBe(0);
        expect(printed.join('\n')).toBe(help);
      }
    }
    expect(complained).toEqual([]);
  });

  test('the page can be asked for no port or hub that does not exist', async () => {
    const cases = [
      [['--port', '70000'], "--port must be a whole number from 0 (any free one) to 65535; it is '70000'."],
      [['serve', '--port', ''], "it is ''."],
      [['serve', 'page'], 'Usage: patchbay serve [--port N] [--open] [--hub URL]'],
      [
        ['--hub', 'hub.example'],
        "--hub must be the address of a hub, such as https://hub.example; it is 'hub.example'.",
      ],
      [['--hub', 'file:///etc'], "it is 'file:///etc'."],
    ] as const;
    for (const [words, sentence] of cases) {
      expect(await main(words)).toBe(2);
      expect(complained.at(-1)).toContain(sentence);
    }
  });

  test('an option or a value that does not exist is an error of usage', async () => {
    const cases = [
      [['components'], 'Usage: patchbay components MODEL'],
      [['components', 'a', 'b'], 'Usage: patchbay components MODEL'],
      [['components', 'a', '--layers'], "Unknown option '--layers'"],
      [['predict', 'a'], 'Usage: patchbay predict MODEL "text"'],
      [['predict', 'a', 'b', '--count', '0'], "--count must be a whole number from 1 on; it is '0'."],
      [['predict', 'a', 'b', '--count', 'ten'], "it is 'ten'."],
      [['predict', 'a', 'b', '--threads', '0'], "--threads must be a whole number from 1 on; it is '0'."],
      [
        ['conformance', '--fixtures', committedRoot, '--backend', 'webgpu', '--threads', '2'],
        '--threads is for the backends node and wasm; on webgpu the graphics adapter computes. Leave it out.',
      ],
      [
        ['predict', 'a', 'b', '--backend', 'chromium'],
        "--backend must be one of node, wasm, webgpu; it is 'chromium'.",
      ],
      [['predict', 'a', 'b', '--device', '1'], '--device is for the backend webgpu; on node leave it out.'],
      [
        ['predict', 'a', 'b', '--backend', 'webgpu', '--device', 'first'],
        "--device must be a whole number from 1 on; it is 'first'.",
      ],
      [
        ['conformance', '--fixtures', committedRoot, '--limits', 'smallest'],
        '--limits is for the backend webgpu; on node leave it out.',
      ],
      [
        ['components', 'tiny-atlas', '--backend', 'webgpu'],
        "--backend is for a FILE.onnx; 'tiny-atlas' is none.",
      ],
      [['conformance'], 'Usage: patchbay conformance --fixtures DIR'],
      [['conformance', '--fixture', 'a'], "Unknown option '--fixture'. Did you mean '--fixtures'?"],
      [
        ['conformance', '--fixtures', 'a', '--backend', 'gpu'],
        "--backend must be one of node, wasm, webgpu, chromium; it is 'gpu'.",
      ],
    ] as const;
    for (const [words, sentence] of cases) {
      expect(await main(words)).toBe(2);
      expect(complained.at(-1)).toContain(sentence);
    }
    expect(printed).toEqual([]);
  });
});

describe('components', () => {
  test('every component is listed with its layers, its shape and what it feeds', async () => {
    expect(await main(['components', modelOf('llama-biases')])).toBe(0);
    expect(printed[0]).toContain('llama, 2 layers, 16 wide, 4 heads, 29 tokens, 40 positions');
    const rows = printed.map((line) => line.trim().split(/\s{2,}/));
    expect(rows).toContainEqual(['component', 'layers', 'shape', 'feeds']);
    expect(rows).toContainEqual(['head_query_output', '0-1', '[position, 4 heads, 6]', 'attention_scores']);
    expect(rows).toContainEqual(['key_output', '0-1', '[position, 12]', 'attention_scores']);
    expect(rows).toContainEqual([
      'attention_weight',
      '0-1',
      '[4 heads, position, position]',
      'attention_value_output',
    ]);
    expect(rows).toContainEqual(['mlp_activation', '0-1', '[position, 20]', 'mlp_output']);
    expect(rows).toContainEqual(['logits', 'once', '[position, 29]', '(the prediction)']);
  });

  test('a model that is not there, or is not supported, is an error', async () => {
    expect(await main(['components', join(folder, 'nothing')])).toBe(1);
    expect(complained.at(-1)).toContain(
      'is not a folder or file here, nor an id of the Hub (owner/name). Check the path.',
    );
    expect(await main(['components', folder])).toBe(1);
    const path = join(copyOf('gpt2-inner'), 'model', 'config.json');
    writeFileSync(
      path,
      JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), model_type: 'unheard-of' }),
    );
    expect(await main(['components', join(folder, 'gpt2-inner', 'model')])).toBe(1);
    expect(complained.at(-1)).toContain("Model type 'unheard-of' is not supported. Known: gpt2,");
    expect(complained.length).toBe(3);
  });
});

describe('predict', () => {
  test('the most probable next token is the one that PyTorch continues with', async () => {
    const copy = copyOf('gpt_neox-old-words');
    const tensors = join(copy, 'tensors.safetensors');
    const text = idsOf(tensors, 'generate.greedy');
    const prompt = text.slice(0, -6);
    writeWordTokenizer(join(copy, 'model'), 29);
    const words = prompt.map((id) => `w${id}`);
    for (const backend of ['node', 'wasm']) {
      printed = [];
      expect(await main(['predict', join(copy, 'model'), words.join(' '), '--backend', backend])).toBe(0);
      expect(printed[0]).toBe(`12 tokens: ${words.join(' | ')}`);
      const rows = printed.slice(2).map((line) => line.trim().split(/\s{2,}/));
      expect(rows[0]).toEqual(['token', 'probability', 'logit', 'id']);
      expect(rows.length).toBe(11);
      expect(rows[1]?.at(0)).toBe(`w${text[12]}`);
      expect(rows[1]?.at(-1)).toBe(String(text[12]));
      const percentages = rows.slice(1).map((row) => Number.parseFloat(row[1] ?? ''));
      expect(percentages).toEqual([...percentages].sort((a, b) => b - a));
    }
    expect(complained).toEqual([]);
  });

  test('ids beyond the tokenizer have no text; a prompt that is empty or too long is an error', async () => {
    const model = join(copyOf('gpt2-inner'), 'model');
    writeWordTokenizer(model, 3);
    expect(await main(['predict', model, 'w1 w2', '--count', '29'])).toBe(0);
    expect(printed.filter((line) => /^#\d+/.test(line)).length).toBe(26);
    expect(await main(['predict', model, ''])).toBe(2);
    expect(complained.at(-1)).toBe('The text has no tokens. Give at least one word.');
    expect(await main(['predict', model, 'w1 '.repeat(25)])).toBe(1);
    expect(complained.at(-1)).toBe('The prompt has 25 tokens, but this model has 24 positions. Shorten it.');
    writeWordTokenizer(model, 40);
    expect(await main(['predict', model, 'w35'])).toBe(1);
    expect(complained.at(-1)).toBe('Token 35 does not exist: the vocabulary has ids 0 to 28.');
  });

  test('a model without a tokenizer says which file is missing', async () => {
    expect(await main(['predict', modelOf('gpt2-inner'), 'Hello'])).toBe(1);
    expect(complained).toEqual([expect.stringContaining("'tokenizer.json' is missing")]);
    expect(printed).toEqual([]);
  });

  test('ids take the place of a text where there is no tokenizer', async () => {
    const model = join(copyOf('gpt2-inner'), 'model');
    expect(await main(['predict', model, '--ids', '5,17,3', '--count', '2'])).toBe(0);
    expect(printed[0]).toBe('3 tokens: #5 | #17 | #3');
    const shown = printed.slice(3);
    writeWordTokenizer(model, 29);
    expect(await main(['predict', model, 'w5 w17 w3', '--count', '2'])).toBe(0);
    // The same numbers, whatever the tokens are called.
    const numbers = (lines: readonly string[]) => lines.map((line) => line.trim().split(/\s+/).slice(1));
    expect(numbers(printed.slice(shown.length + 6))).toEqual(numbers(shown));
    expect(await main(['predict', model, '--ids', '5,x'])).toBe(2);
    expect(complained.at(-1)).toBe("--ids must be token ids such as 5,17,3; it is '5,x'.");
    expect(await main(['predict', model, 'w5', '--ids', '5'])).toBe(2);
    rmSync(join(model, 'tokenizer.json'));
    const trace = ['trace', model, '--ids', '5,17,3,8', '--samples', '2'];
    expect(await main([...trace, '--subject', '1:3'])).toBe(0);
    expect(printed.join('\n')).toContain('#17*');
    expect(await main([...trace, '--subject', 'w'])).toBe(2);
    expect(complained.at(-1)).toMatch(/the subject is a range of tokens, such as 1:3/);
  });

  test('an experiment file may begin with a byte order mark', async () => {
    const path = join(folder, 'marked.json');
    writeFileSync(path, `\uFEFF${JSON.stringify({ kind: 'trace', version: 99 })}`);
    expect(await main(['run', path, '--out', join(folder, 'out')])).toBe(1);
    expect(complained.at(-1)).toMatch(/version 99/);
  });

  test('a model that is not there is an error', async () => {
    expect(await main(['predict', join(folder, 'nothing.gguf'), 'Hello'])).toBe(1);
    expect(complained.length).toBe(1);
  });
});

describe('conformance', () => {
  const counts = () => printed.at(-1);

  test('a folder with cases gives a line for each case, then their number', async () => {
    expect(await main(['conformance', '--fixtures', join(committedRoot, 'llama-llama3')])).toBe(0);
    expect(printed.length).toBe(8);
    expect(printed[0]).toMatch(/^passed {2}llama-llama3: activations {2}abs \d\.\de-\d+ {2}rel \d\.\de-\d+$/);
    expect(printed[1]).toMatch(/^passed {2}llama-llama3: interchange \w+, layer 1 {2}abs/);
    expect(counts()).toBe('7 passed, 0 failed, 0 skipped');
  });

  test('a tolerance of the command holds in place of the backend’s', async () => {
    const words = ['conformance', '--fixtures', join(committedRoot, 'llama-llama3'), '--kind', 'activations'];
    expect(await main([...words, '--tolerance', '1e-9'])).toBe(1);
    expect(counts()).toBe('0 passed, 1 failed, 0 skipped');
    expect(await main([...words, '--tolerance', '1e-3'])).toBe(0);
    expect(await main([...words, '--tolerance', '2'])).toBe(2);
  });

  test('a folder of such folders is taken whole, or by family, or by kind', async () => {
    for (const name of ['gpt2-inner', 'gpt2-unscaled', 'llama-biases']) copyOf(name);
    const words = ['conformance', '--fixtures', folder];
    expect(await main([...words, '--kind', 'generate'])).toBe(0);
    expect(counts()).toBe('3 passed, 0 failed, 0 skipped');
    expect(await main([...words, '--kind', 'generate', '--family', 'gpt2'])).toBe(0);
    expect(counts()).toBe('2 passed, 0 failed, 0 skipped');
    expect(
      await main([...words, '--kind', 'interchange', '--family', 'llama-biases', '--backend', 'wasm']),
    ).toBe(0);
    expect(counts()).toBe('3 passed, 0 failed, 0 skipped');
    expect(await main([...words, '--family', 'opt'])).toBe(2);
    expect(complained.at(-1)).toContain(
      "has no folder of family 'opt'. Its folders: gpt2-inner, gpt2-unscaled, llama-biases.",
    );
  });

  test('a result that differs fails its case alone, and the command', async () => {
    const copy = copyOf('gpt2-inner');
    const words = ['conformance', '--fixtures', copy, '--kind', 'activations'];
    const tensors = join(copy, 'tensors.safetensors');
    changeTensor(tensors, 'base.act.1.mlp_output', (value) => value * 1.00005);
    expect(await main(words)).toBe(0);
    changeTensor(tensors, 'base.act.1.mlp_output', (value) => value + 1e-3);
    expect(await main(words)).toBe(1);
    expect(printed.at(-2)).toMatch(/^failed {2}gpt2-inner: activations {2}abs 1\.\de-3/);
    expect(await main(words.slice(0, 3))).toBe(1);
    expect(counts()).toBe('6 passed, 1 failed, 0 skipped');
  });

  test('a weight that differs is found', async () => {
    const copy = copyOf('mistral-window');
    const weights = join(copy, 'model', 'model.safetensors');
    changeTensor(weights, 'model.layers.2.mlp.down_proj.weight', (value) => value * 1.01);
    expect(await main(['conformance', '--fixtures', copy, '--kind', 'interchange'])).toBe(1);
    expect(counts()).toBe('0 passed, 3 failed, 0 skipped');
  });

  test('cases and families that are not supported are skipped with the reason', async () => {
    const copy = copyOf('gpt2-unscaled');
    const cases = join(copy, 'cases.json');
    const known = JSON.parse(readFileSync(cases, 'utf8'));
    known.cases.push({ kind: 'telepathy', label: 'first' });
    writeFileSync(cases, JSON.stringify(known));
    expect(await main(['conformance', '--fixtures', copy])).toBe(0);
    expect(printed.at(-2)).toBe(
      "skipped gpt2-unscaled: telepathy first  (cases of kind 'telepathy' are not supported yet)",
    );
    expect(counts()).toBe('5 passed, 0 failed, 1 skipped');

    writeFileSync(join(copy, 'model', 'config.json'), JSON.stringify({ model_type: 'unheard-of' }));
    expect(await main(['conformance', '--fixtures', copy])).toBe(0);
    expect(printed.at(-2)).toContain("(Model type 'unheard-of' is not supported. Known: gpt2,");
    expect(counts()).toBe('0 passed, 0 failed, 6 skipped');
  });

  test('a damaged model of a supported family fails every case', async () => {
    const copy = copyOf('gpt2-inner');
    const config = join(copy, 'model', 'config.json');
    writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), n_inner: 21 }));
    expect(await main(['conformance', '--fixtures', copy])).toBe(1);
    expect(printed[0]).toContain('has shape [12, 20]; the configuration asks for [12, 21]');
    expect(counts()).toBe('0 passed, 7 failed, 0 skipped');
    writeFileSync(join(copy, 'model', 'model.safetensors'), 'nothing');
    expect(await main(['conformance', '--fixtures', copy])).toBe(1);
    expect(counts()).toBe('0 passed, 7 failed, 0 skipped');
  });

  test('results without a model need one to be named', async () => {
    const copy = copyOf('llama-old-linear');
    rmSync(join(copy, 'model'), { recursive: true });
    expect(await main(['conformance', '--fixtures', copy])).toBe(0);
    expect(printed[0]).toContain('(the folder brings no model; name one with --model)');
    expect(counts()).toBe('0 passed, 0 failed, 5 skipped');
    const model = modelOf('llama-old-linear');
    expect(await main(['conformance', '--fixtures', copy, '--model', model])).toBe(0);
    expect(counts()).toBe('5 passed, 0 failed, 0 skipped');
  });

  test('a folder that is missing, empty, or holds no JSON is an error', async () => {
    const words = (path: string) => ['conformance', '--fixtures', path];
    expect(await main(words(join(folder, 'nothing')))).toBe(2);
    expect(complained.at(-1)).toBe(`There is no folder '${join(folder, 'nothing')}'.`);
    expect(await main(words(folder))).toBe(2);
    expect(complained.at(-1)).toBe(`'${folder}' holds no cases.json, nor does a folder in it.`);
    const bare = join(folder, 'bare');
    mkdirSync(bare);
    writeFileSync(join(bare, 'cases.json'), '{"cases": []}');
    expect(await main([...words(bare), '--model', modelOf('gpt2-inner')])).toBe(2);
    expect(complained.at(-1)).toBe(`'${bare}' has cases.json but no tensors.safetensors.`);
    const copy = copyOf('gpt2-inner');
    writeFileSync(join(copy, 'cases.json'), '{');
    expect(await main(words(copy))).toBe(1);
    expect(complained.at(-1)).toContain('cases.json of gpt2-inner is not JSON');
    writeFileSync(join(copy, 'cases.json'), '{"cases": [{}]}');
    expect(await main(words(copy))).toBe(1);
    expect(complained.at(-1)).toBe('cases.json of gpt2-inner lists no cases with a kind each.');
  });
});
