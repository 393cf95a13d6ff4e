import { expect, test } from 'vitest';
import { modelFilesIn } from './modelFiles.ts';

const found = (...paths: readonly string[]) =>
  paths.map((path) => ({ path, file: new File([], path.split('/').at(-1) ?? '') }));

const chosen = (...paths: readonly string[]) => {
  const result = modelFilesIn(found(...paths));
  return result.ok ? { label: result.label, files: result.files.map(({ name }) => name) } : result.message;
};

test('one GGUF file is a model', () => {
  expect(chosen('smol.gguf')).toEqual({ label: 'smol.gguf', files: ['smol.gguf'] });
});

test('a folder is a model by the files beside its weights, not by those of a folder inside', () => {
  expect(
    chosen(
      'gpt2/onnx/config.json',
      'gpt2/config.json',
      'gpt2/model.safetensors',
      'gpt2/tokenizer.json',
      'gpt2/README.md',
    ),
  ).toEqual({ label: 'gpt2', files: ['config.json', 'model.safetensors', 'tokenizer.json'] });
});

test('loose weights with both their companions are a model', () => {
  expect(chosen('config.json', 'model.safetensors', 'tokenizer.json')).toMatchObject({
    label: 'model.safetensors',
  });
});

test('a folder of the oldest kind has its tokenizer in two files', () => {
  expect(
    chosen('m/config.json', 'm/model.safetensors', 'm/vocab.json', 'm/merges.txt', 'm/notes.txt'),
  ).toEqual({
    label: 'm',
    files: ['config.json', 'model.safetensors', 'vocab.json', 'merges.txt'],
  });
});

test('what is missing beside the weights is named', () => {
  expect(chosen('model.safetensors', 'config.json')).toBe(
    "tokenizer.json is not beside 'model.safetensors'. " +
      'Choose the weights, config.json and tokenizer.json together, or the folder that holds them.',
  );
  expect(chosen('model.safetensors')).toContain('config.json and tokenizer.json are not beside');
});

test('several GGUF files, other formats and an empty folder are refused with what to do', () => {
  expect(chosen('m/q4.gguf', 'm/q8.gguf')).toBe(
    'There are 2 GGUF files (q4.gguf, q8.gguf). Choose one of them.',
  );
  expect(chosen('pytorch_model.bin')).toContain(
    "'pytorch_model.bin' is not a .gguf, .safetensors or .onnx file",
  );
  expect(chosen('a.txt', 'b.txt')).toContain('None of the 2 files is a .gguf, .safetensors or .onnx file.');
  expect(chosen()).toContain('The folder has no files.');
});

test('an ONNX file is a model with its weights beside it, and its tokenizer beside or above it', () => {
  expect(chosen('model.onnx', 'model.onnx_data', 'tokenizer.json', 'notes.md')).toEqual({
    label: 'model.onnx',
    files: ['model.onnx', 'model.onnx_data', 'tokenizer.json', 'notes.md'],
  });
  expect(chosen('m/config.json', 'm/tokenizer.json', 'm/onnx/model.onnx')).toMatchObject({
    files: ['model.onnx', 'config.json', 'tokenizer.json'],
  });
  expect(chosen('m/other/config.json', 'm/config.json', 'm/net/model.onnx')).toMatchObject({
    files: ['model.onnx'],
  });
  expect(chosen('model.onnx', 'config.json', 'preprocessor_config.json')).toMatchObject({
    files: ['model.onnx', 'config.json', 'preprocessor_config.json'],
  });
  expect(chosen('a.onnx', 'b.onnx', 'tokenizer.json')).toContain('There are 2 ONNX files (a.onnx, b.onnx)');
  expect(chosen('a/model.onnx', 'b/model.onnx')).toContain('2 ONNX files (a/model.onnx, b/model.onnx)');
});

test('the weights of an ONNX file may be called anything, and lie in a folder of their own', () => {
  expect(
    chosen('m/model.onnx', 'm/encoder', 'm/weights/part', 'm/weights/config.json', 'n/part', 'part'),
  ).toMatchObject({ files: ['model.onnx', 'encoder', 'part'] });
  expect(chosen('model.onnx', 'weights/part')).toMatchObject({ files: ['model.onnx', 'part'] });
});

test('of what lies beside an ONNX file and above its folder, that beside it is taken', () => {
  const result = modelFilesIn([
    { path: 'm/config.json', file: new File(['above'], 'config.json') },
    { path: 'm/onnx/config.json', file: new File(['it'], 'config.json') },
    { path: 'm/onnx/model.onnx', file: new File([], 'model.onnx') },
  ]);
  expect(result.ok && result.files.map(({ name, size }) => [name, size])).toEqual([
    ['model.onnx', 0],
    ['config.json', 2],
  ]);
});
