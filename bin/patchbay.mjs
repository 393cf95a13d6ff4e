#!/usr/bin/env node
// The headless runner. The sources are TypeScript; tsx reads them as they are.
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../src/cli/main.ts');
process.exitCode = await main(process.argv.slice(2));
