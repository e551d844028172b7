import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const RULES = readFileSync(join(ROOT, 'test/quirks/rules.md'), 'utf8');
const exclude = (path: string) => path.includes('node_modules');
const SOURCES = globSync('{agent,system,webui,packaging,test,docs}/**/*.{ts,tsx,md}', { cwd: ROOT, exclude });

/** The cells of each row, without the heads of the tables. */
const rows = RULES.split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (?:Rule \||-)/.test(line))
  .map((line) => line.slice(2, -2).split(' | '));

test('each row has a rule, the changes that it comes from, and an answer', () => {
  expect(rows.length).toBeGreaterThan(200);
  const wrong = rows.filter((cells) => {
    const [rule = '', from = '', answer = ''] = cells;
    const isAnswered = /^(?:has|does not apply|lacks|new|mended|differs):? /.test(answer);
    return cells.length !== 3 || !rule.endsWith('.') || !/\b[0-9a-f]{7,8}\b/.test(from) || !isAnswered;
  });
  expect(wrong).toEqual([]);
});

test('a row that has its rule, or differs, names a file that exists, and words that are in it', () => {
  const faults = rows.flatMap(([rule = '', , answer = '']) => {
    const named = [...answer.matchAll(/`([\w./-]+\.(?:tsx?|md))`(?: \((?:`([^`]+)`|"([^"]+)")\))?/g)];
    const needsFile = /^(?:has|new|mended|differs)/.test(answer);
    if (named.length === 0) {
      return needsFile ? [`${rule} names no file`] : [];
    }
    return named.flatMap(([, name = '', code, words]) => {
      const files = SOURCES.filter((path) => path === name || path.endsWith(`/${name}`));
      const expected = code ?? words;
      const isThere = files.some((path) => readFileSync(join(ROOT, path), 'utf8').includes(expected ?? ''));
      return isThere ? [] : [`${rule} ${name} ${expected ?? ''}`];
    });
  });
  expect(faults).toEqual([]);
});
