import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { expandWords, parseCommandLine } from './command-line.ts';

test.for([
  ['words', 'ffmpeg -i  a\tb\n c', ['ffmpeg', '-i', 'a', 'b', 'c']],
  ['single quotes, which keep everything', `sh -c 'a "b" \\ $c'`, ['sh', '-c', 'a "b" \\ $c']],
  ['double quotes, in which a backslash frees five characters', `x "a \\" \\\\ \\$ \\n"`, ['x', 'a " \\ $ \\n']],
  ['quotes inside a word', `x --a='b c'"d e"f`, ['x', '--a=b cd ef']],
  ['an empty word', `x '' ""`, ['x', '', '']],
  ['an escaped blank', 'x a\\ b', ['x', 'a b']],
  ['lines that a backslash joins', 'x a \\\n  b\\\nc', ['x', 'a', 'bc']],
  ['what only a shell would understand', 'a | b && c > d', ['a', '|', 'b', '&&', 'c', '>', 'd']],
] as const)('a command is split into %s', ([, text, words]) => {
  expect(parseCommandLine(text)).toEqual(words);
});

test.for([
  ['nothing', ' \n', 'names no program'],
  ['an empty program', `'' a`, 'names no program'],
  ['an open quote', `sh -c 'a`, "the quote ' at character 7 of the command has no end"],
  ['an open double quote', 'a "b\\"', 'has no end'],
  ['a lonely backslash', 'a \\', 'ends with a backslash'],
  ['a zero character', 'a\0b', 'U+0000'],
  ['a book', 'a'.repeat(9_000), 'command of 9000 characters, limit 8192'],
] as const)('%s is not a command', ([, text, message]) => {
  expect(() => parseCommandLine(text)).toThrow(message);
});

const lookUp = (name: string) =>
  new Map([
    ['MTX_PATH', 'cam 1'],
    ['HOME', '/root'],
  ]).get(name);

test.for([
  ['a value stays one word', ['x', '$MTX_PATH'], ['x', 'cam 1']],
  ['braces part it from what follows', ['x', `\${MTX_PATH}s`, '$MTX_PATHs'], ['x', 'cam 1s', '']],
  ['the name of the program is expanded, too', ['$HOME/x', 'a'], ['/root/x', 'a']],
  ['a value is not expanded again', ['x', 'rtsp://h:$RTSP_PORT/$MTX_PATH'], ['x', 'rtsp://h:/cam 1']],
  [
    'a dollar sign before anything else stays',
    ['x', '$', '$(date)', '$1', `\${A:-b}`],
    ['x', '$', '$(date)', '$1', `\${A:-b}`],
  ],
  [
    "a shell's own variables are left to it",
    ['/bin/sh', '-c', 'n=1; echo $n $MTX_PATH'],
    ['/bin/sh', '-c', 'n=1; echo $n cam 1'],
  ],
] as const)('%s', ([, words, expanded]) => {
  expect(expandWords(words, lookUp)).toEqual(expanded);
});

test('any text is split into words or rejected', () => {
  const next = random(7);
  const alphabet = [...`ab '"\\$\n\t{}|&;\0é😀`, '$MTX_PATH'];
  for (let round = 0; round < 20_000; round += 1) {
    const text = Array.from(
      { length: Math.floor(next() * 24) },
      () => alphabet[Math.floor(next() * alphabet.length)],
    ).join('');
    try {
      const words = parseCommandLine(text);
      expect(words.length).toBeGreaterThan(0);
      expect(words.join('').length).toBeLessThanOrEqual(text.length);
      expect(expandWords(words, lookUp)).toHaveLength(words.length);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

test('quoted words are read back', () => {
  const next = random(8);
  const alphabet = [...`ab '"\\$\n\t`];
  const word = () =>
    Array.from({ length: 1 + Math.floor(next() * 8) }, () => alphabet[Math.floor(next() * alphabet.length)]).join('');
  for (let round = 0; round < 2_000; round += 1) {
    const words = [word(), word(), word()];
    const text = words.map((one) => `'${one.replaceAll("'", `'\\''`)}'`).join(' ');
    expect(parseCommandLine(text)).toEqual(words);
  }
});
