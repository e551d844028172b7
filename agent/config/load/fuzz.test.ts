import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { random } from '../../../test/support/base/random.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { PerchError } from '../../base/errors.ts';
import { globalJson, pathListJson } from '../edit/json.ts';
import { editText } from '../yaml/edit.ts';
import { parseConfig } from './load.ts';

const TEXT = readFileSync(`${import.meta.dirname}/fixtures/all-keys.yml`, 'utf8');
const PIECES = [
  '[',
  ']',
  '{',
  '}',
  ':',
  '- ',
  '\n',
  '  ',
  '#',
  '&a ',
  '*a',
  '<<: *a\n',
  '"',
  "'",
  '|\n',
  '!!str ',
  '\t',
];
const MORE = ['? ', '---\n', '%', '\0', '😀', '__proto__: 1\n', 'constructor: {}\n', '9'.repeat(30), '.nan', '~', '@'];
const CASES = byLength(250, 15_000);
const defaults = { recordPath: '/d/%path/%s%f', cwd: '/', keys: KEYS };

function mutate(text: string, next: () => number): string {
  const pieces = [...PIECES, ...MORE];
  let mutated = text;
  for (let i = Math.floor(next() * 6); i >= 0; i -= 1) {
    const at = Math.floor(next() * mutated.length);
    const cut = next() < 0.5 ? Math.floor(next() * 40) : 0;
    const piece = next() < 0.7 ? pieces[Math.floor(next() * pieces.length)] : mutated.slice(at, at + 60);
    mutated = mutated.slice(0, at) + piece + mutated.slice(at + cut);
  }
  return mutated;
}

test('a mutated file results in a configuration or an error, and never throws', () => {
  const next = random(1);
  const outcomes = { config: 0, refused: 0 };
  for (let i = 0; i < CASES; i += 1) {
    const start = Math.floor(next() * 4_000);
    const text = mutate(next() < 0.3 ? TEXT : TEXT.slice(start, start + 1_500), next);
    const { config, problems } = parseConfig(text, 'perch.yml', {}, defaults);
    if (config) {
      outcomes.config += 1;
      JSON.stringify([globalJson(config), pathListJson(config)]);
    } else {
      outcomes.refused += 1;
      expect(problems.some((one) => one.severity === 'error')).toBe(true);
    }
  }
  expect(outcomes.config).toBeGreaterThan(CASES / 30);
  expect(outcomes.refused).toBeGreaterThan(CASES / 30);
});

const SMALL =
  'hls: yes # note\npaths:\n  garage: &g\n    # why\n    source: "rtsp://h/1"\n  b: {<<: *g, record: no}\nx: [1, 2]\n';
test('an edit of a mutated file changes it or is rejected', () => {
  const next = random(2);
  let edited = 0;
  for (let i = 0; i < byLength(400, 4_000); i += 1) {
    const text = mutate(SMALL, next);
    try {
      const after = editText(text, ['paths', 'garage', 'record'], true);
      expect(editText(after, ['paths', 'garage', 'record'], true)).toBe(after);
      edited += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(edited).toBeGreaterThan(20);
});

const BOMB = [
  'a: &a [x,x,x,x,x,x,x,x,x,x]',
  ...Array.from('bcdefghij', (name, i) => `${name}: &${name} [${`*${'abcdefghij'[i]},`.repeat(10)}]`),
];
test.for([
  ['a bomb of aliases', BOMB.join('\n'), 'has more than 120000 values'],
  ['too many keys', Array.from({ length: 120_001 }, (_, i) => `k${i}: 1\n`).join(''), 'has more than 120000 values'],
  ['a deep flow', `a: ${'['.repeat(5_000)}${']'.repeat(5_000)}`, 'nested'],
  ['a deep block', Array.from({ length: 60 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''), 'nested more than 32 levels'],
  ['a long file', '#'.repeat(4_194_305), 'the limit is 4194304'],
  ['an alias of itself', 'a: &a [*a]', 'has no anchor before it'],
  ['a key that is a list', '? [a]\n: 1', 'a key must be a plain text'],
] as const)('%s is rejected with the reason', ([, text, reason]) => {
  const { config, problems } = parseConfig(text, 'perch.yml', {}, defaults);
  expect(config).toBeUndefined();
  expect(problems.map(({ message }) => message).join('\n')).toContain(reason);
});

test('the first two hundred problems are reported, and the others counted', () => {
  const text = `perch: own\n${Array.from({ length: 1_000 }, (_, i) => `unknown${i}: 1\n`).join('')}`;
  const { problems } = parseConfig(text, 'perch.yml', {}, defaults);
  expect(problems).toHaveLength(201);
  expect(problems.at(-1)?.message).toBe('800 more of this kind (warn) are not shown');
});
