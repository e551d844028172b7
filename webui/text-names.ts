import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const HERE = import.meta.dirname;
const SOURCES = /^(?!words\/(?!format|dates)|features\/[\w-]+\/words\/|dist|element|api\/)(?!.*\.test\.).*/;
const LIBRARIES = ['preact', 'preact/hooks', '@preact/signals', '@preact/signals-core'];
const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/.*/g;

/** Where texts come from: `words.value.`, `t.` */
export const TEXTS = String.raw`\b(?:t|words|live|\w+Words)(?:\.value|\.peek\(\))?`;

/** The page's sources without texts and comments. */
export function pageSources(): string {
  const files = globSync('**/*.{ts,tsx}', { cwd: HERE }).filter((file) => SOURCES.test(file));
  return files.map((file) => readFileSync(join(HERE, file), 'utf8').replace(COMMENTS, ' ')).join('\n');
}

/**
 * Names of texts that the page and its libraries use for nothing else, each time as a member of the texts. The build
 * shortens them.
 */
export function onlyTextNames(): readonly string[] {
  const libraries = LIBRARIES.map((name) => readFileSync(new URL(import.meta.resolve(name)), 'utf8'));
  const sources = [pageSources(), ...libraries].join('\n');
  const texts = globSync(['words/en/**/*.ts', 'features/*/words/en.ts'], { cwd: HERE }).map((file) =>
    readFileSync(join(HERE, file), 'utf8'),
  );
  const names = new Set([...texts.join('\n').matchAll(/^ {2}(\w+):/gm)].map(([, name = '']) => name));
  const uses = counts(sources.matchAll(/[\w$]+/g), 0);
  const members = counts(sources.matchAll(new RegExp(String.raw`${TEXTS}\??\.(\w+)`, 'g')), 1);
  return [...names].filter((name) => members.has(name) && members.get(name) === uses.get(name));
}

function counts(found: Iterable<RegExpExecArray>, group: number): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { [group]: name = '' } of found) {
    numbers.set(name, (numbers.get(name) ?? 0) + 1);
  }
  return numbers;
}
