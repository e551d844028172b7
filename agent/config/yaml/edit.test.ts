import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { random } from '../../../test/support/base/random.ts';
import { editAll, editSteps, editText, type KeyPath, readPlain } from './edit.ts';

const FILE = `# my cameras
hls:   yes      # wide spacing
hlsAddress: ':8888'

paths:
    # in front of the house
    door:      # the bell
        source: rtsp://a/1   # main stream
        record: no

    # behind it
    garden: {source: 'rtsp://b/1',   record: no}
    shed:
    loft: &base
        record: yes
    attic: *base

# who may
authInternalUsers:
  - user: me
    pass: pw   # secret
  - user: you
# the end
`;

test.for([
  ['a scalar', ['paths', 'door', 'source'], 'rtsp://c/2', 'source: rtsp://a/1 ', 'source: rtsp://c/2 '],
  ['a boolean', ['hls'], false, 'hls:   yes ', 'hls:   false '],
  ['a quoted text', ['hlsAddress'], ':80', "hlsAddress: ':8888'", 'hlsAddress: :80'],
  ['a text that looks like a number', ['hlsAddress'], '80', "hlsAddress: ':8888'", 'hlsAddress: "80"'],
  [
    'a new key of a block',
    ['paths', 'door', 'maxReaders'],
    2,
    'record: no\n\n',
    'record: no\n        maxReaders: 2\n\n',
  ],
  [
    'a path that was empty',
    ['paths', 'shed', 'record'],
    true,
    'shed:\n',
    'shed:\n        record: true\n'.replace('        ', '      '),
  ],
  ['a new path', ['paths', 'new'], { source: 'x' }, 'attic: *base\n', 'attic: *base\n    new:\n      source: x\n'],
  ['a new top-level key', ['api'], true, '# the end\n', '# the end\napi: true\n'],
  ['a removed key', ['paths', 'door', 'record'], undefined, '        record: no\n', ''],
  ['a removed path', ['paths', 'garden'], undefined, "    garden: {source: 'rtsp://b/1',   record: no}\n", ''],
  ['a key of a list item', ['authInternalUsers', 0, 'pass'], 'new', 'pass: pw ', 'pass: new '],
  ['a removed list item', ['authInternalUsers', 1], undefined, '  - user: you\n', ''],
  ['a new list item', ['authInternalUsers', 2], { user: 'x' }, '- user: you\n', '- user: you\n  - user: x\n'],
] as const)('%s changes only its own line', ([, keyPath, value, before, after]) => {
  expect(FILE).toContain(before);
  expect(editText(FILE, keyPath as KeyPath, value)).toBe(FILE.replace(before, after));
});

test('a block is compared key by key, so comments of unchanged keys stay', () => {
  const edited = editText(FILE, ['paths', 'door'], { source: 'rtsp://a/1', record: true, name: 'x' });
  expect(edited).toBe(FILE.replace('        record: no\n', '        record: true\n        name: x\n'));
});

test('further keys of a block that are added at once are the lines that are added in turn', () => {
  const edits = ['a', '1', 'yes', 'b c'].map((name) => ({
    keyPath: ['paths', name],
    value: { source: `rtsp://${name}` },
  }));
  const inTurn = edits.reduce((text, { keyPath, value }) => editText(text, keyPath, value), FILE);
  expect(editAll(FILE, edits)).toBe(inTurn);
  for (const text of ['', 'paths: {a: {record: no}} # mine\n', 'paths:\n', 'paths:\r\n  a: # mine\r\n']) {
    const wanted = {
      ...(readPlain(text) as { paths?: object } | null)?.paths,
      ...Object.fromEntries(edits.map(({ keyPath, value }) => [keyPath[1], value])),
    };
    const edited = editAll(text, edits);
    expect([readPlain(edited), edited.includes('# mine')]).toEqual([{ paths: wanted }, text.includes('# mine')]);
  }
});

test('an equal value changes nothing', () => {
  expect(editText(FILE, ['paths', 'door', 'source'], 'rtsp://a/1')).toBe(FILE);
  expect(editText(FILE, ['nobody', 'knows'], undefined)).toBe(FILE);
});

test('a flow block is written by the document, and every comment stays', () => {
  const edited = editText(FILE, ['paths', 'garden', 'record'], true);
  expect(edited).toContain("source: 'rtsp://b/1', record: true");
  for (const comment of FILE.match(/#.*/g) ?? []) {
    expect(edited).toContain(comment);
  }
  expect(edited).toContain('&base');
  expect(edited).toContain('*base');
});

test.for([
  ['of a key', '{a: 1, l: [{b: 2}, {c: 3}, {d: 4}]}', ['l']],
  ['of a block in a list', 'l:\n  - {a: 1, l: [{b: 2}, {c: 3}, {d: 4}]}\n', ['l', 0, 'l']],
  ['of a block', 'l: [{b: 2}, {c: 3}, {d: 4}] # mine\n', ['l']],
] as const)('an item that went from a flow list %s takes no other with it and repeats none', ([, before, keyPath]) => {
  for (const items of [[{ c: 3 }, { d: 4 }], [{ b: 2 }, { d: 4 }], [{ b: 2 }, { c: 3 }], [{ c: 3 }], [{ d: 5 }]]) {
    const edited = editText(before, keyPath, items);
    expect(editText(edited, keyPath, items)).toBe(edited);
    expect(
      keyPath.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], readPlain(edited)),
    ).toEqual(items);
  }
});

test('any list of blocks is changed to any other one, in both styles and within each other', () => {
  const next = random(11);
  const below = (limit: number) => Math.floor(next() * limit);
  const list = (depth: number): object[] =>
    Array.from({ length: 1 + below(4) }, () => ({
      name: `n${below(4)}`,
      ...(depth > 0 && next() < 0.7 ? { inner: list(depth - 1) } : {}),
    }));
  for (let i = 0; i < byLength(25, 300); i += 1) {
    const [before, after] = [list(2), list(2)];
    // JSON is a flow collection.
    const inner = before.map((item) => `  - ${JSON.stringify(item)} # mine\n`).join('');
    const files = [`l: ${JSON.stringify(before)}\n`, `l:\n${inner}`, editText('', ['l'], before)];
    for (const file of files) {
      expect(readPlain(editText(file, ['l'], after))).toEqual({ l: after });
    }
  }
});

test('an alias becomes a separate block, and the anchor keeps its value', () => {
  const edited = editText(FILE, ['paths', 'attic', 'record'], false);
  expect(edited).toContain('loft: &base');
  expect(edited).toMatch(/attic:\s+record: false/);
});

test.for([
  ['', 'a:\n  b: 1\n'],
  ['# only a comment\n', '# only a comment\na:\n  b: 1\n'],
  ['x: 1', 'x: 1\na:\n  b: 1\n'],
  ['a: {}\n', 'a:\n  b: 1\n'],
  ['a: # note\n', 'a:\n  b: 1 # note\n'],
  ['x: 1\r\ny: 2\r\n', 'x: 1\r\ny: 2\r\na:\r\n  b: 1\r\n'],
] as const)('a key is added to %j', ([before, after]) => {
  expect(editText(before, ['a', 'b'], 1)).toBe(after);
});

test.for([
  ['a key of the file', ['b'], 'a: 1\n\n# c: 3\n#  d: 4\n\n', 'a: 1\n\n# c: 3\n#  d: 4\nb: 2\n\n'],
  ['one, where the comment has no line break', ['b'], 'a: 1\n# end', 'a: 1\n# end\nb: 2\n'],
  [
    'a key of a block',
    ['p', 'b'],
    'p:\n  a:\n    x: 1\n    # y: 2\n  # a is over\n# p is over\nz: 1\n',
    'p:\n  a:\n    x: 1\n    # y: 2\n  # a is over\n  b: 2\n# p is over\nz: 1\n',
  ],
  ['an item', ['l', 1], 'l:\n  - 1\n  # - 3\n\n# z\nz: 1\n', 'l:\n  - 1\n  # - 3\n  - 2\n\n# z\nz: 1\n'],
  ['an item before the comment of a key', ['l', 1], 'l:\n- 1\n\n# z\nz: 1\n', 'l:\n- 1\n- 2\n\n# z\nz: 1\n'],
  ['a key after a text', ['b'], 'a: |\n  x\n  # text\n# note\n', 'a: |\n  x\n  # text\n# note\nb: 2\n'],
] as const)('%s is added after the comments of the previous entry', ([, keyPath, before, after]) => {
  expect(editText(before, keyPath, 2)).toBe(after);
});

test('texts with several lines or YAML syntax are read back', () => {
  for (const value of ['a\nb\n', '- x', 'a: b', '#x', "it's", '', ' x ', '*y', 'null', 'ä😀', '0x10']) {
    const edited = editText(FILE, ['paths', 'door', 'source'], value);
    expect(editText(edited, ['paths', 'door', 'source'], 'rtsp://a/1')).toContain('# behind it');
    expect(editText(edited, ['paths', 'door', 'source'], value)).toBe(edited);
  }
});

test('a file that is not YAML is not changed', () => {
  const message = 'repair the configuration file before changing settings: line 1: not valid YAML';
  const refusal = expect.objectContaining({
    message: expect.stringContaining(message),
    context: { why: 'brokenFile' },
  });
  expect(() => editText('a: [', ['a'], 1)).toThrow(refusal);
});

test('any sequence of edits keeps every comment, and each value is read back', () => {
  const next = random(7);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const names = ['door', 'garden', 'shed', 'loft', 'attic', 'fresh', 'x/y'];
  let text = FILE;
  for (let i = 0; i < byLength(100, 300); i += 1) {
    const keyPath = ['paths', pick(names), pick(['source', 'record', 'maxReaders', 'recordPath'])];
    const value = pick([true, 5, 'rtsp://h/1', '%path/%s', 'a: #b', ['x', 'y'], { z: 1 }, undefined]);
    text = editText(text, keyPath, value);
    expect(editText(text, keyPath, value)).toBe(text);
  }
  for (const comment of ['# my cameras', '# wide spacing', '# behind it', '# who may', '# secret', '# the end']) {
    expect(text).toContain(comment);
  }
});

test('a word of the same meaning is kept', () => {
  expect(editText('hls: yes # mine\napi: Off\n', ['hls'], true)).toBe('hls: yes # mine\napi: Off\n');
  expect(editText('hls: yes\napi: Off\n', ['api'], true)).toBe('hls: yes\napi: true\n');
});

test.for([
  [
    'a changed item',
    [{ user: 'a', pass: 'x' }, { user: 'b' }, { user: 'c' }],
    '    pass: 1 # one',
    '    pass: x # one',
  ],
  ['an item that went', [{ user: 'a', pass: 1 }, { user: 'c' }], '  # the second\n  - user: b\n', '  # the second\n'],
  [
    'an item more',
    [{ user: 'a', pass: 1 }, { user: 'b' }, { user: 'c' }, { user: 'd' }],
    'c # three\n',
    'c # three\n  - user: d\n',
  ],
] as const)(
  'in a list of blocks %s changes only its own lines, and comments of the others stay',
  ([, users, before, after]) => {
    const file =
      'authInternalUsers:\n  # the first\n  - user: a\n    pass: 1 # one\n  # the second\n  - user: b\n  - user: c # three\n';
    expect(file).toContain(before);
    expect(editText(file, ['authInternalUsers'], users)).toBe(file.replace(before, after));
  },
);

test('a long list with many changed items is rewritten as a whole', () => {
  const users = (mark: string) => Array.from({ length: 500 }, (_, i) => ({ user: `${mark}${i}`, pass: 'x' }));
  const file = editText('hls: yes # mine\n', ['authInternalUsers'], users('a'));
  const steps = [...editSteps(file, [{ keyPath: ['authInternalUsers'], value: users('b') }], true)];
  expect(steps).toHaveLength(1);
  const edited = editText(file, ['authInternalUsers'], users('b'));
  expect(readPlain(edited)).toEqual({ hls: 'yes', authInternalUsers: users('b') });
  expect(edited).toMatch(/^hls: yes # mine\n/);
  expect(readPlain(editText(edited, ['authInternalUsers'], users('b').slice(400)))).toMatchObject({
    authInternalUsers: users('b').slice(400),
  });
});
