import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { eventKinds } from '../../agent/base/event-kinds.ts';

const ROOT = join(import.meta.dirname, '../..');
const exclude = (path: string) => path.includes('node_modules');
const find = (...patterns: string[]) => patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude })).sort();
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const DOCUMENTS = find('*.md', '{docs,test}/**/*.md');

const withoutCode = (text: string) => text.replaceAll(/^```[\s\S]*?^```/gm, '');
/** The anchor that GitHub gives to a heading. */
const slug = (heading: string) =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
const anchors = (path: string) =>
  [...withoutCode(read(path)).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => slug(text));

function brokenLinks(path: string): string[] {
  const text = withoutCode(read(path)).replaceAll(/`[^`\n]*`/g, '');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g)].map(
    ([, link, picture]) => link ?? picture ?? '',
  );
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) {
      return false;
    }
    const [file = '', anchor] = target.split('#');
    const linked = file === '' ? path : join(dirname(path), file);
    return !existsSync(join(ROOT, linked)) || (anchor !== undefined && !anchors(linked).includes(anchor));
  });
}

test.for(DOCUMENTS)('%s links to files and headings that exist', (path) => {
  expect(brokenLinks(path)).toEqual([]);
});

test('code and packages name documents that exist', () => {
  const sources = find('{agent,system,webui,packaging,test}/**/*.{ts,tsx,html,service}');
  const named = sources.flatMap((path) => read(path).match(/\bdocs\/[\w/.-]+\.md\b/g) ?? []);
  expect(named.length).toBeGreaterThan(0);
  expect([...new Set(named)].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

/** `X` and `SUBJECT` are for the reader to fill in. */
const isPlaceholder = (name: string) => /(^|\/)(X|SUBJECT|x)(\/|\.)/.test(name);

test('documents name source files that exist', () => {
  const sources = find('{agent,system,webui,packaging,test}/**/*.{ts,tsx,css}', '*.{mjs,ts}');
  const isThere = (name: string) => sources.some((path) => path === name || path.endsWith(`/${name}`));
  const missing = DOCUMENTS.filter((path) => path !== 'CHANGELOG.md').flatMap((path) => {
    const names = [...withoutCode(read(path)).matchAll(/`([\w./-]+\.(?:tsx?|css|mjs))`/g)].map(([, name = '']) => name);
    return names.filter((name) => !isPlaceholder(name) && !isThere(name)).map((name) => `${path}: ${name}`);
  });
  expect(missing).toEqual([]);
});

test.for([
  ['README.md', 80],
  ['docs/limits.md', 122],
] as const)('%s has at most %i lines', ([path, limit]) => {
  expect(read(path).trimEnd().split('\n').length).toBeLessThanOrEqual(limit);
});

test('a cell of docs/limits.md has at most 40 words; reasons are behind a link', () => {
  const rows = read('docs/limits.md')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const cells = rows.flatMap((row) => row.slice(1, -1).split(' | '));
  expect(cells.filter((cell) => cell.trim().split(/\s+/).length > 40)).toEqual([]);
});

test('the guide names all kinds of events, and what other programs call them', () => {
  const row = read('docs/guide/recordings.md')
    .split('\n')
    .find((line) => line.startsWith('| `type` |'));
  const names = eventKinds.flatMap(([kind, { otherNames = [] }]) => [kind, ...otherNames]);
  expect(names.filter((name) => row?.includes(`\`${name}\``) !== true)).toEqual([]);
});

test('the reference has all metrics of features', () => {
  const reference = read('docs/reference/metrics.md');
  const code = find('agent/features/**/*.ts').filter((path) => !path.endsWith('.test.ts'));
  const names = code.flatMap((path) =>
    [...read(path).matchAll(/\[\s*'(\w+)',\s*'(?:gauge|counter)'/g)].map(([, name]) => `perch_${name}`),
  );
  expect(names.length).toBeGreaterThan(4);
  expect(names.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
});

test('the reference of the API has all addresses of features, by their first name', () => {
  const reference = read('docs/reference/api.md');
  const code = find('agent/features/**/*routes.ts', 'agent/features/*/feature.ts').map(read).join('');
  const routes = code.matchAll(/\.(?:get|post|put|patch|delete)(?:<[^>]*>+)?\(\s*['`]\/(?:v3\/)?([\w-]+)/g);
  const names = new Set([...routes].map(([, name]) => name));
  expect(names.size).toBeGreaterThan(10);
  expect([...names].filter((name) => !new RegExp(`/v3/${name}\\b`).test(reference))).toEqual([]);
});

test('the map of CONTRIBUTING has all features', () => {
  const [, map = ''] = /^agent\/features .*\n((?: .*\n)+)/m.exec(read('CONTRIBUTING.md')) ?? [];
  const names = find('agent/features/*/feature.ts').map((path) => path.split('/')[2] ?? '');
  expect(names.length).toBeGreaterThan(4);
  expect(names.filter((name) => !new RegExp(`^  ${name} +\\S`, 'm').test(map))).toEqual([]);
});

test('all documents together have at most 65,000 words: cut as many as you add', () => {
  const words = find('docs/**/*.md').flatMap((path) => read(path).match(/\S*[\p{L}\p{N}]\S*/gu) ?? []);
  expect(words.length).toBeLessThanOrEqual(65_000);
});
