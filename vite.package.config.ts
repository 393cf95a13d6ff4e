// Builds what the package holds besides the page: the library for browsers, and for Node the library and the command line
// together. `node scripts/build.mjs` runs it twice. All that is used of other packages is built in, with their licences
// beside it: an installation brings onnxruntime-node along and nothing else.

import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { defaultClientConditions, defaultServerConditions, defineConfig, type Plugin } from 'vite';

const isNode = process.env.PATCHBAY_PACKAGE === 'node';
const outDir = `dist/${isNode ? 'node' : 'browser'}`;
const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));

/** onnxruntime's programs for WASM lie beside the page; the library takes the builds without a copy of their own. */
const browserConditions = ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions];

/** What an installation has or may have, and what only a checkout asks for (src/cli/browser). */
const outside = [
  ...Object.keys(optionalDependencies),
  ...['vite', '@playwright/test'],
  ...builtinModules,
  ...builtinModules.map((name) => `node:${name}`),
];

/**
 * The files of onnxruntime that the built page has, as seen from the library beside it: they are most of the package, and
 * need not be in it twice. Their addresses are put in last, in the form that bundlers know, so that this build does not
 * take the files for its own.
 */
const filesOfPage: Plugin = {
  name: 'files-of-page',
  enforce: 'pre',
  load(id) {
    const [module = ''] = /(?<=\/src\/runtime\/backends\/)ortFiles(OnNode)?\.ts$/.exec(id) ?? [];
    if (module === '') return undefined;
    const assets = readdirSync('dist/page/assets');
    const addressOf = (program: string, ending: string): string => {
      const named = new RegExp(`^${program.replaceAll('.', '\\.')}-[\\w-]{8}\\.${ending}$`);
      const found = assets.find((name) => named.test(name));
      if (found === undefined) throw new Error(`The built page has no ${program}.${ending}.`);
      return `__FILE_OF_PAGE__('${found}')`;
    };
    const files = (program: string) =>
      `{ mjs: ${addressOf(program, 'mjs')}, wasm: ${addressOf(program, 'wasm')} }`;
    const wasm = files('ort-wasm-simd-threaded');
    const webgpu = files('ort-wasm-simd-threaded.asyncify');
    const suffix = module === 'ortFilesOnNode.ts' ? 'OnNode' : '';
    return `export const wasmFiles${suffix} = ${wasm};\nexport const webgpuFiles${suffix} = ${webgpu};`;
  },
  renderChunk: {
    order: 'post',
    handler: (code) =>
      code.replace(
        /__FILE_OF_PAGE__\(["']([^"']+)["']\)/g,
        `new URL('../page/assets/$1', import.meta.url).href`,
      ),
  },
};

export default defineConfig({
  base: './',
  publicDir: false,
  plugins: [filesOfPage],
  resolve: {
    conditions: ['patchbay-source', ...(isNode ? defaultServerConditions : browserConditions)],
  },
  ssr: {
    noExternal: true,
    resolve: { conditions: ['patchbay-source', ...defaultServerConditions] },
  },
  build: {
    target: 'es2022',
    ssr: isNode,
    // Else Vite wraps dynamic imports in a function of its own, which a consumer's Vite does once more.
    lib: isNode ? false : { entry: { library: 'src/library/patchbay.ts' }, formats: ['es'] },
    minify: false,
    outDir,
    license: { fileName: 'licences.md' },
    rolldownOptions: {
      ...(isNode ? { input: { library: 'src/library/patchbay.ts', cli: 'src/cli/main.ts' } } : {}),
      preserveEntrySignatures: 'strict',
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: '[name].js',
        assetFileNames: '[name][extname]',
      },
      external: (name) => outside.some((each) => name === each || name.startsWith(`${each}/`)),
    },
  },
});
