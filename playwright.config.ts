import { defineConfig } from '@playwright/test';
import { pageTestExecutable } from './scripts/chromium.mjs';

/** Another port lets two copies of the page be tested at once. */
const port = Number(process.env.PATCHBAY_E2E_PORT ?? 4173);

export default defineConfig({
  testDir: 'e2e',
  timeout: 240_000,
  // The tests wait for what must come, on whatever machine this is; how soon it comes is for the benches.
  expect: { timeout: 20_000 },
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list'], ['json', { outputFile: '.cache/playwright.json' }]],
  use: {
    baseURL: `http://localhost:${port}/`,
    launchOptions: {
      executablePath: pageTestExecutable() ?? '',
      args: ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
    },
  },
  webServer: {
    // What an installed Patchbay serves; where the port is taken, Playwright says so before.
    command: `node bin/patchbay.mjs serve --port ${port}`,
    port,
    reuseExistingServer: false,
  },
});
