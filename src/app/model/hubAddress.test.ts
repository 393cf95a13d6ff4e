import { expect, test } from 'vitest';
import { readHubAddress } from './hubAddress.ts';

const read = (repository: string, revision = '', hubUrl = '', file = '') => {
  const result = readHubAddress({ repository, revision, hubUrl, file });
  return result.ok ? result.address : result.message;
};

test('an id gets the usual revision and Hub', () => {
  expect(read(' openai-community/gpt2 ')).toEqual({
    repository: 'openai-community/gpt2',
    revision: 'main',
    hubUrl: 'https://huggingface.co',
  });
  expect(read('gpt2', 'v1.0', 'https://hub.example/')).toEqual({
    repository: 'gpt2',
    revision: 'v1.0',
    hubUrl: 'https://hub.example',
  });
});

test('the address of a model page is taken apart', () => {
  expect(read('https://hub.example/owner/name/tree/refs%2Fpr%2F1')).toEqual({
    repository: 'owner/name',
    revision: 'refs/pr/1',
    hubUrl: 'https://hub.example',
  });
});

test('a GGUF file is named in its field or by the address of its page, and nothing else is taken for one', () => {
  expect(read('owner/name', '', '', ' model-q4.gguf ')).toMatchObject({ file: 'model-q4.gguf' });
  expect(read('https://hub.example/owner/name/blob/main/sub/model-q4.gguf')).toEqual({
    repository: 'owner/name',
    revision: 'main',
    hubUrl: 'https://hub.example',
    file: 'sub/model-q4.gguf',
  });
  expect(read('owner/name', '', '', 'model.bin')).toContain("'model.bin' is not a .gguf or .onnx file.");
});

test('an ONNX file is named in its field, by the address of its page, or behind the id', () => {
  expect(read('owner/name', '', '', 'onnx/model.onnx')).toMatchObject({ file: 'onnx/model.onnx' });
  expect(read('https://hub.example/owner/name/blob/main/onnx/model.onnx')).toMatchObject({
    repository: 'owner/name',
    file: 'onnx/model.onnx',
  });
  expect(read('owner/name:onnx/model.onnx', 'v1')).toEqual({
    repository: 'owner/name',
    revision: 'v1',
    hubUrl: 'https://huggingface.co',
    file: 'onnx/model.onnx',
  });
});

test('what is not an id, a revision or an address is refused by name', () => {
  expect(read('')).toContain('Write the id of a model');
  expect(read('../../etc/passwd')).toContain("'../../etc/passwd' is not the id of a model.");
  expect(read('../name')).toContain("'../name' is not the id of a model.");
  expect(read('owner/na me')).toContain("'owner/na me' is not the id of a model.");
  expect(read('owner/name', 'my branch')).toContain("'my branch' is not a revision.");
  expect(read('owner/name', 'main', 'ftp://hub')).toContain("'ftp://hub' is not a web address.");
});
