import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { random } from '../../../test/support/base/random.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { HiddenSecrets } from './hidden-secrets.ts';

const PLACEHOLDER = /<hidden-[0-9a-f]{12}>/g;
const secrets = new HiddenSecrets(KEYS);
/** The text with one name for all placeholders. */
const shown = (text: string): string => secrets.hide(text).replace(PLACEHOLDER, '***');

test.for([
  ['a key', 'webrtcICEServers2:\n  - url: turn:h\n    password: hunter22 # ours\n', 'password: *** # ours'],
  ['a short password', 'authInternalUsers:\n  - user: any\n    pass: on\n', 'pass: ***\n'],
  ['quotes', 'paths: {a: {camera: {password: "a, b # c"}}}\n', 'password: ***}}}'],
  ['an address', 'paths:\n  a:\n    source: rtsp://me:p@ss@h/1?x=1\n', 'rtsp://me:***@h/1?x=1'],
  ['a token in a query', 'paths:\n  a:\n    source: http://h/s?token=abcdefgh&c=1\n', 'token=***&c=1'],
  [
    'a block',
    'paths:\n  a:\n    camera:\n      password: |\n        one\n        two\nhls: no\n',
    'password: ***\nhls: no',
  ],
  ['an anchor', 'mine: &p hunter22\npaths:\n  a:\n    camera: {password: *p}\n', 'mine: &p ***\n'],
  [
    'a comment',
    '# password: "hunter 22"\n#  source: rtsp://me:other@h/1\nhls: no\n',
    '# password: ***\n#  source: rtsp://me:***@h/1\n',
  ],
  [
    'a hook',
    'paths:\n  a:\n    source: rtsp://me:hunter22@h/1\n    runOnReady: curl -u me:hunter22 h\n',
    'curl -u me:*** h',
  ],
  [
    'a stream key',
    'paths:\n  a:\n    forward:\n      - dest: rtmps://h/live2/abcd-efgh\n',
    'dest: rtmps://h/live2/***\n',
  ],
  ['a text that is not YAML', 'paths: [\n  password: hunter22 # ours\n', 'password: *** # ours'],
] as const)('%s is hidden, and restored as it was', ([, text, expected]) => {
  expect(shown(text)).toContain(expected);
  expect(secrets.restore(secrets.hide(text), text)).toBe(text);
});

test('names of keys and values without a password stay as they are', () => {
  const text = 'paths:\n  camera:\n    source: rtsp://me@h/1\n    camera: {user: me, password: camera}\n';
  expect(shown(text)).toBe(text.replace('password: camera', 'password: ***'));
  for (const plain of ['', 'hls: no\n', 'authInternalUsers:\n  - {user: any, pass: ""}\n  - user: b\n    pass:\n']) {
    expect(secrets.hide(plain)).toBe(plain);
  }
});

test.for([
  ['a pattern', "  '~^none$':\n    source: publisher\n"],
  ['another setting', '    rtspTransport: none\n'],
  ['a user of the same name', '    camera: {user: none}\n'],
  ['a comment', '# none of these are ours\n'],
] as const)('%s that contains a common word used as a password stays as it is', ([, more]) => {
  const text = `paths:\n  a:\n    source: rtsp://me:none@h/1\n${more}`;
  expect(shown(text)).toBe(text.replace('me:none@', 'me:***@'));
  expect(secrets.restore(secrets.hide(text), text)).toBe(text);
});

test('after a user a plain word is hidden in any value', () => {
  const text = 'paths:\n  a:\n    source: rtsp://me:none@h/1\n    runOnReady: curl -u me:none http://h/none\n';
  expect(shown(text)).toContain('curl -u me:*** http://h/none');
});

const ALL_KEYS = readFileSync(join(import.meta.dirname, '../load/fixtures/all-keys.yml'), 'utf8');

test('a file with all keys is restored byte by byte', () => {
  expect(secrets.hide(ALL_KEYS)).not.toBe(ALL_KEYS);
  expect(secrets.restore(secrets.hide(ALL_KEYS), ALL_KEYS)).toBe(ALL_KEYS);
});

test('any text is restored byte by byte', () => {
  const next = random(26);
  const pieces = [
    '"',
    "'",
    ': ',
    '\n',
    '  ',
    '#',
    '{',
    '[',
    'pass: ',
    '://a:b@',
    '|',
    '\ud800',
    '<hidden-0123456789ab>',
    '',
  ];
  for (let run = 0; run < byLength(30, 100); run += 1) {
    let text = ALL_KEYS;
    for (let change = 0; change < 5; change += 1) {
      const at = Math.floor(next() * text.length);
      const piece = pieces[Math.floor(next() * pieces.length)] ?? '';
      text = text.slice(0, at) + piece + text.slice(at + Math.floor(next() * 20));
    }
    expect(secrets.restore(secrets.hide(text), text)).toBe(text);
  }
});

const TWO = 'paths:\n  a:\n    source: rtsp://me:first-one@h/1\n  b:\n    source: rtsp://me:second-one@h/2\n';
const [FIRST = '', SECOND = ''] = secrets.hide(TWO).match(PLACEHOLDER) ?? [];

test('a placeholder keeps its meaning in another place and in a newer text', () => {
  const moved = `paths:\n  c:\n    source: rtsp://me:${SECOND}@h/2\n`;
  const newer = TWO.replace('paths:', 'paths:\n  new:\n    source: rtsp://me:third-one@h/3');
  for (const source of [TWO, newer]) {
    expect(secrets.restore(moved, source)).toBe('paths:\n  c:\n    source: rtsp://me:second-one@h/2\n');
  }
});

test('a text that shows the placeholder of a removed password, or of another process, is rejected', () => {
  const [other = ''] = new HiddenSecrets(KEYS).hide(TWO).match(PLACEHOLDER) ?? [];
  const only = TWO.slice(0, TWO.indexOf('  b:'));
  expect(() => secrets.restore(secrets.hide(TWO), only)).toThrow(
    `'${SECOND}' stands for a password that is not in the file`,
  );
  expect(() => secrets.restore(TWO.replace('first-one', other), TWO)).toThrow(other);
});

test.for([
  ['a title', `paths:\n  a:\n    title: ${FIRST}\n`],
  ['a part of another password', `paths:\n  a:\n    source: rtsp://me:x${FIRST}@h/1\n`],
  ['a comment', `# ${FIRST}\nhls: no\n`],
] as const)('%s cannot show a hidden password', ([, text]) => {
  expect(() => secrets.restore(text, TWO)).toThrow(`'${FIRST}' is not in the place of a password`);
});

test('a text of the file that looks like a placeholder stays', () => {
  const text = `paths:\n  a:\n    title: ${FIRST}\n`;
  expect(secrets.restore(secrets.hide(text), text)).toBe(text);
});
