import { expect, test } from 'vitest';
import { pythonModel } from './pythonModel.ts';

test.each([
  ['owner/name@main', 'name = "owner/name"', 'name'],
  ['owner/name@v1.0', 'name = "owner/name"', 'name, revision="v1.0"'],
  ['owner/name@main/a/b-Q4_K.gguf', 'name = "owner/name"', 'name, gguf_file="a/b-Q4_K.gguf"'],
  ['owner/name:b.gguf', 'name = "owner/name"', 'name, gguf_file="b.gguf"'],
  ['owner/name', 'name = "owner/name"', 'name'],
  ['/models/tiny', 'name = "/models/tiny"', 'name'],
  ['C:\\models\\tiny', 'name = "C:\\\\models\\\\tiny"', 'name'],
  ['/models/tiny.gguf', 'name = "/models"', 'name, gguf_file="tiny.gguf"'],
  ['/tiny.gguf', 'name = "/"', 'name, gguf_file="tiny.gguf"'],
  // A page knows the name of a folder or a file, and not where it is.
  ['tiny-atlas', 'name = "tiny-atlas"  # the path of the model\'s folder', 'name'],
  ['tiny.gguf', 'name = "."  # the path of the folder of tiny.gguf', 'name, gguf_file="tiny.gguf"'],
])('%s is opened by transformers as its repository, revision, folder or file', (model, line, source) => {
  expect(pythonModel(model)).toEqual({ lines: [line], source });
});
