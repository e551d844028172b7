import { readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Of an address: which new instance of the modules it names (`freshModules` in fresh-modules.ts). */
const FRESH = /[?&]fresh=\d+/;
const shared = globalThis as { loadsComponents?: boolean };
const require = createRequire(import.meta.url);

/** Node strips types, but does not know JSX: esbuild, which builds the page, translates components. */
function componentOf(file: string): string {
  const { transformSync } = require('esbuild') as typeof import('esbuild');
  return transformSync(readFileSync(file, 'utf8'), {
    loader: 'tsx',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    sourcemap: 'inline',
    sourcefile: file,
  }).code;
}

/** Node itself loads the modules of suites, as it does those of the product; this adds what it lacks. */
export function loadComponents(): void {
  if (shared.loadsComponents) {
    return;
  }
  shared.loadsComponents = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      const fresh = FRESH.exec(context.parentURL ?? '')?.[0];
      const isOurs = resolved.url.startsWith('file:') && !resolved.url.includes('/node_modules/');
      return fresh && isOurs && !FRESH.test(resolved.url)
        ? { ...resolved, url: `${resolved.url}?${fresh.slice(1)}` }
        : resolved;
    },
    load(url, context, nextLoad) {
      const [file = ''] = url.split('?');
      return file.endsWith('.tsx')
        ? { format: 'module', source: componentOf(fileURLToPath(file)), shortCircuit: true }
        : nextLoad(url, context);
    },
  });
}
