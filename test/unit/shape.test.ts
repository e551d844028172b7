import { globSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** The size of the product, which rises by a feature alone. `step`: how far a number falls before it is lowered here. */
const LIMITS: Readonly<Record<string, { readonly limit: number; readonly step: number }>> = {
  'imports of agent/app/app.ts': { limit: 13, step: 1 },
  'imports of agent/app/listeners/http-listeners.ts': { limit: 19, step: 1 },
  'lines of the product': { limit: 275_800, step: 1_000 },
  'lines of agent/app, without the table of features': { limit: 5_170, step: 200 },
  'bounds, which are MAX_… and MIN_…': { limit: 800, step: 20 },
  'files of at most 50 lines with one importer': { limit: 50, step: 4 },
  'public callbacks that can be replaced, outside of stream and media': { limit: 0, step: 1 },
};
/** Mutable fields of a class. */
const MAX_FIELDS = 12;
/** Classes with more. */
const LARGE_CLASSES: Readonly<Record<string, number>> = {
  'agent/features/motion/detection/region-detector.ts Region': 15,
  'agent/media/g726/codec.ts G726Codec': 15,
};

const texts = new Map(
  globSync('{agent,webui,system,packaging}/**/*.{ts,tsx}')
    .filter((file) => !/\.test\.tsx?$/.test(file) && !file.includes('/dist/'))
    .map((file) => [file, readFileSync(file, 'utf8')]),
);
const linesIn = (text: string): number => text.split('\n').length - 1;
const linesBelow = (folder: string): number =>
  [...texts].reduce((sum, [file, text]) => sum + (file.startsWith(folder) ? linesIn(text) : 0), 0);
const importsOf = (file: string): string[] =>
  [...(texts.get(file) ?? '').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, path = '']) => path);

/** Descriptors of protocols and features are files that a table imports, and texts of a feature lie in its folder. */
const isDescriptor = (file: string): boolean =>
  /\/(?:protocol|feature|entry|parts)\.ts$|^webui\/features\/[\w-]+\/words|\/features\/table\.ts$|\/zh-cn-features\.ts$/.test(
    file,
  );

function smallFiles(): string[] {
  const importers = new Map<string, number>();
  for (const file of texts.keys()) {
    for (const path of new Set(importsOf(file).filter((one) => one.startsWith('.')))) {
      const imported = normalize(`${dirname(file)}/${path}`);
      importers.set(imported, (importers.get(imported) ?? 0) + 1);
    }
  }
  return [...texts].flatMap(([file, text]) =>
    linesIn(text) <= 50 && importers.get(file) === 1 && !isDescriptor(file) ? [file] : [],
  );
}

/** The fields of classes that are not readonly, by file and class. */
function mutableFields(): Map<string, string[]> {
  const classes = new Map<string, string[]>();
  for (const [file, text] of texts) {
    for (const [, name, body = ''] of text.matchAll(
      /^(?:export )?(?:abstract )?class (\w+)[\s\S]*?\{\n([\s\S]*?)^\}/gm,
    )) {
      const fields = body.match(/^ {2}(?:(?:private|protected|public|override|static) )*#?\w+[?!]?(?: =|:|;).*$/gm);
      classes.set(`${file} ${name}`, fields ?? []);
    }
  }
  return classes;
}

const fields = mutableFields();
const callbacks = [...fields].flatMap(([name, found]) =>
  /^agent\/(?:stream|media)\//.test(name) ? [] : found.filter((field) => /^ {2}\w+\??: \(?\(.*=> /.test(field)),
);
const bounds = [...texts.values()].flatMap((text) => text.match(/^(?:export )?const (?:MAX|MIN)_\w+/gm) ?? []);

const MEASURED: Readonly<Record<string, number>> = {
  'imports of agent/app/app.ts': importsOf('agent/app/app.ts').length,
  'imports of agent/app/listeners/http-listeners.ts': importsOf('agent/app/listeners/http-listeners.ts').length,
  'lines of the product': linesBelow(''),
  'lines of agent/app, without the table of features':
    linesBelow('agent/app/') - linesBelow('agent/app/features/table.ts'),
  'bounds, which are MAX_… and MIN_…': bounds.length,
  'files of at most 50 lines with one importer': smallFiles().length,
  'public callbacks that can be replaced, outside of stream and media': callbacks.length,
};

test.for(Object.entries(LIMITS))('%s', ([name, { limit, step }]) => {
  const now = MEASURED[name] ?? 0;
  expect(now, `${name}: ${now}, the limit is ${limit}`).toBeLessThanOrEqual(limit);
  expect(now, `${name}: only ${now} now, lower its limit`).toBeGreaterThan(limit - step);
});

test(`a class has at most ${MAX_FIELDS} mutable fields`, () => {
  const large = [...fields].filter(([, found]) => found.length > MAX_FIELDS);
  const counts = Object.fromEntries(large.map(([name, { length }]) => [name, length]));
  expect(counts, 'a class with more fields is split, and one with fewer is lowered in the list').toEqual(LARGE_CLASSES);
});
