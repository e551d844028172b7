import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const files = globSync('{agent,system,packaging,webui,test}/**/*.{ts,tsx}').filter((file) => !file.includes('/dist/'));
const isTest = (file: string): boolean => file.startsWith('test/') || /\.test\.tsx?$/.test(file);
const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));

/** `FILE NAME` of everything that a file imports by name, `FILE *` where it takes the whole module. */
function importsOf(file: string, text: string): string[] {
  const found = [...text.matchAll(/(?:import|export)\s+(?:type\s+)?([^;'"]*?)\s*from\s+'(\.[^']+)'/g)];
  const named = found.flatMap(([, names = '', path = '']) => {
    const target = join(dirname(file), path);
    const list = /\{([^}]*)\}/.exec(names)?.[1];
    const words = list?.split(',').map((name) => /^(?:type )?(\w+)/.exec(name.trim())?.[1] ?? '');
    return (words ?? ['*']).map((name) => `${target} ${name}`);
  });
  const whole = [...text.matchAll(/import\(\s*'(\.[^']+)'/g)].map(([, path = '']) => `${join(dirname(file), path)} *`);
  return [...named, ...whole];
}
const imported = new Set([...texts].flatMap(([file, text]) => importsOf(file, text)));

function exportsOf(text: string): string[] {
  const declared = /^export\s+(?:async\s+|abstract\s+)?(?:function\*?|class|const|let|interface|type)\s+(\w+)/gm;
  return [...text.matchAll(declared)].map(([, name = '']) => name);
}

test('every export is imported somewhere', () => {
  const product = [...texts].filter(([file]) => !isTest(file));
  expect(product.length).toBeGreaterThan(1_000);
  const unused = product
    // The build of the page imports the Chinese texts of features.
    .filter(([file]) => !imported.has(`${file} *`) && !/^webui\/features\/[\w-]+\/words\/zh-cn\.ts$/.test(file))
    .flatMap(([file, text]) => exportsOf(text).map((name) => `${file} ${name}`))
    .filter((one) => !imported.has(one));
  expect(unused).toEqual([]);
});
