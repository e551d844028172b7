import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { random } from '../../../test/support/base/random.ts';
import { fileOf } from '../../../test/support/harness/edited-config.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { PerchError } from '../../base/errors.ts';
import { asNode } from '../schema/node.ts';
import { globalJson, pathDefaultsJson, pathListJson } from './json.ts';

const OWNER = { hasAllRights: true };
const MACHINE = { hasAllRights: false };

const PATHS = `# mine
paths:
  cam: # the door
    source: rtsp://me:pw@h/1
    record: yes # always
    camera: {user: me, password: pw}
  loft:
`;

test('a patched path keeps other keys and comments', async () => {
  const { edits, text } = await fileOf(PATHS);
  await edits.patchPath('cam', { record: false, maxReaders: 3 }, MACHINE);
  expect(text()).toBe(PATHS.replace('record: yes', 'record: false').replace('pw}\n', 'pw}\n    maxReaders: 3\n'));
});

test.for([
  ['record', 'yes', true],
  ['record', 'No', false],
  ['record', 'motion', 'motion'],
  ['useAbsoluteTimestamp', 'yes', true],
  ['overridePublisher', 'off', false],
  ['recordDeleteAfter', '', ''],
] as const)('%s may be sent as "%s"', async ([key, sent, shown]) => {
  const { edits, store } = await fileOf('paths: {cam: {record: motion, recordDeleteAfter: 2d}}\n');
  await edits.patchPath('cam', { [key]: sent }, MACHINE);
  expect(pathListJson(store.current)[0]?.[key]).toBe(shown);
});

test('a former name is written under its current name', async () => {
  const { edits, text } = await fileOf('paths:\n  cam:\n    rtspTransport: udp\n');
  await edits.patchPath('cam', { sourceProtocol: 'tcp', disablePublisherOverride: true }, MACHINE);
  expect(text()).toBe('paths:\n  cam:\n    rtspTransport: tcp\n    overridePublisher: false\n');
  await edits.patchGlobal({ hlsDisable: 'yes', record: true, apiAllowOrigin: 'http://a' }, OWNER);
  expect(text()).toMatch(/^hls: false$/m);
  expect(text()).toMatch(/^apiAllowOrigins:\n {2}- http:\/\/a$/m);
  expect(text()).toMatch(/^pathDefaults:\n {2}record: true$/m);
});

test('a path is added once, replaced, and deleted', async () => {
  const { edits, store, text } = await fileOf(PATHS);
  await edits.addPath('shed/1', { name: 'ignored', source: 'publisher', record: null }, MACHINE);
  expect(text()).toBe(`${PATHS}  shed/1:\n    source: publisher\n`);
  await expect(edits.addPath('shed/1', {}, MACHINE)).rejects.toThrow('path already exists');
  await edits.replacePath('cam', { record: true }, MACHINE);
  await edits.replacePath('new', {}, MACHINE);
  expect(text()).toBe(
    '# mine\npaths:\n  cam: # the door\n    record: yes # always\n  loft:\n  shed/1:\n    source: publisher\n  new: null\n',
  );
  await edits.deletePath('cam', OWNER);
  await edits.deletePath('shed/1', OWNER);
  expect([...store.current.paths.keys()]).toEqual(['loft', 'new']);
  await expect(edits.deletePath('cam', OWNER)).rejects.toMatchObject({ code: 'notFound', message: 'path not found' });
  await expect(edits.patchPath('cam', {}, MACHINE)).rejects.toMatchObject({ code: 'notFound' });
});

test.for([
  ['an unknown field', { foo: 1 }, 'json: unknown field "foo"'],
  ['an unknown field inside', { camera: { foo: 1 } }, 'json: unknown field "foo"'],
  ['a name of the program itself', { constructor: 1 }, 'json: unknown field "constructor"'],
  ['no object', [1], 'the body is a list'],
  ['nothing', undefined, 'the body is empty'],
  ['a text where a number belongs', { maxReaders: '5' }, 'maxReaders: expected a whole number, got a string'],
  ['a number where a text belongs', { source: 5 }, 'source: expected a text, got a number'],
  ['a number where yes or no belongs', { sourceOnDemand: 1 }, 'sourceOnDemand: expected true or false, got a number'],
  ['null where a list belongs', { rtspUDPSourcePortRange: null }, 'expected a list, got null'],
  ['a value out of its limits', { maxReaders: -1 }, 'paths.cam.maxReaders: '],
  ['no duration', { recordPartDuration: 'soon' }, "paths.cam.recordPartDuration: 'soon' is not a duration"],
  ['no source', { source: 'gopher://x' }, 'paths.cam.source: '],
  ['an endless list', { rtspUDPSourcePortRange: Array(10_001).fill(1) }, 'has 10001 items, the limit is 10000'],
  ['a nest', { forward: JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) }, 'nested more than 8 levels'],
] as const)('%s is rejected, and nothing is written', async ([, body, message]) => {
  const { edits, text } = await fileOf(PATHS);
  await expect(edits.patchPath('cam', body, OWNER)).rejects.toThrow(message);
  expect(text()).toBe(PATHS);
});

test('neither `paths` nor `perch` is a global setting', async () => {
  const { edits, text } = await fileOf(PATHS);
  for (const key of ['paths', 'pathDefaults', 'perch', 'isOwn', '__proto__']) {
    const body = JSON.parse(`{"${key}": {}}`);
    await expect(edits.patchGlobal(body, OWNER)).rejects.toThrow(`json: unknown field "${key}"`);
  }
  expect(text()).toBe(PATHS);
});

test('only the owner sets commands, and only the file sets the source ffmpeg://', async () => {
  const { edits, text } = await fileOf(PATHS);
  await expect(edits.patchPath('cam', { runOnReady: 'touch x' }, MACHINE)).rejects.toThrow(/^runOn\w+ runs a program/);
  await expect(edits.addPath('new', { runOnInit: 'touch x' }, MACHINE)).rejects.toThrow(/^runOn\w+ runs a program/);
  await expect(edits.patchGlobal({ runOnConnect: 'touch x' }, MACHINE)).rejects.toThrow('runOnConnect runs a program');
  for (const source of ['ffmpeg://x', 'FFMPEG://x']) {
    await expect(edits.patchPath('cam', { source }, OWNER)).rejects.toThrow('only the file itself can set it');
    await expect(edits.replacePath('cam', { source }, OWNER)).rejects.toThrow('only the file itself can set it');
  }
  expect(text()).toBe(PATHS);
  await edits.patchGlobal({ runOnConnect: 'touch x' }, OWNER);
  expect(text()).toContain('runOnConnect: touch x');
});

test('privilege escalation: an API client cannot grant rights, not even to itself', async () => {
  const before = `perch: own\nauthInternalUsers: [{user: ha, pass: one, permissions: [{action: api}]}]\n${PATHS}`;
  const { edits, store, text } = await fileOf(before);
  const changes = {
    authMethod: 'http',
    authHTTPAddress: 'http://192.0.2.1/yes',
    authJWTExclude: [{ action: 'read' }],
    authInternalUsers: [{ user: 'ha', pass: '<redacted>', permissions: [{ action: 'api' }, { action: 'read' }] }],
    externalAuthenticationURL: 'http://192.0.2.1/yes',
    authJWTJWKS: 'http://192.0.2.1/keys',
    trustedProxies: ['192.0.2.1'],
    apiTrustedProxies: ['192.0.2.1'],
    hlsCDNSecret: 'known',
  };
  for (const [key, value] of Object.entries(changes)) {
    await expect(edits.patchGlobal({ [key]: value }, MACHINE), key).rejects.toThrow(': only the owner');
  }
  for (const key of ['readUser', 'readPass', 'publishUser', 'publishPass']) {
    await expect(edits.patchPath('cam', { [key]: 'x' }, MACHINE), key).rejects.toThrow(': only the owner');
  }
  expect(text()).toBe(before);
  await edits.patchGlobal({ ...globalJson(store.current), hls: false }, MACHINE);
  await edits.patchGlobal({ authInternalUsers: changes.authInternalUsers }, OWNER);
  expect(store.current.authInternalUsers[0]).toMatchObject({ pass: 'one', permissions: [{}, { action: 'read' }] });
});

const PATH_RIGHTS = KEYS.features.flatMap(({ isRight, pathSchema = {} }) => (isRight ? Object.keys(pathSchema) : []));

test.for(PATH_RIGHTS)('privilege escalation: an API client cannot set %s of a path, nor drop it', async (key) => {
  const { type = 'string', enum: words } = asNode(KEYS.path.schema).properties?.[key] ?? {};
  const ofTypes = { boolean: [false, true], string: ['9d', 'other'], integer: [1, 2], number: [1, 2] };
  const values: readonly unknown[] = words ?? ofTypes[type as keyof typeof ofTypes];
  const usual = pathDefaultsJson((await fileOf(PATHS)).store.current)[key];
  const value = values.find((one) => one !== usual);
  const { edits, text, store } = await fileOf(PATHS);
  for (const change of [
    edits.patchPath('cam', { [key]: value }, MACHINE),
    edits.patchPathDefaults({ [key]: value }, MACHINE),
    edits.addPath('new', { [key]: value }, MACHINE),
    edits.replacePath('cam', { [key]: value }, MACHINE),
  ]) {
    await expect(change).rejects.toThrow(`${key}: only`);
  }
  expect(text()).toBe(PATHS);
  await edits.patchPath('cam', { [key]: value }, OWNER);
  await expect(edits.replacePath('cam', { record: false }, MACHINE)).rejects.toThrow(`${key}: only`);
  await expect(edits.deletePath('cam', MACHINE)).rejects.toThrow(`${key}: only`);
  await edits.replacePath('cam', { record: false, [key]: value }, MACHINE);
  expect(pathListJson(store.current)[0]).toMatchObject({ record: false, [key]: value });
  await edits.replacePath('cam', { record: false }, OWNER);
  expect(pathListJson(store.current)[0]?.[key]).toBe(usual);
});

test('privilege escalation: an API client that replaces or deletes a path cannot open it by leaving out its users', async () => {
  const before = 'paths: {cam: {source: publisher, readUser: me, readPass: pw}}\n';
  const { edits, text, store } = await fileOf(before);
  const opened = edits.replacePath('cam', { source: 'publisher' }, MACHINE);
  await expect(opened).rejects.toThrow('readUser: only the owner');
  await expect(edits.deletePath('cam', MACHINE)).rejects.toThrow('readUser: only the owner');
  expect(text()).toBe(before);
  await edits.replacePath('cam', { source: 'publisher' }, OWNER);
  expect(store.current.paths.get('cam')?.settings).toMatchObject({ source: 'publisher' });
});

test('a key that the environment sets is rejected, because the file would have no effect', async () => {
  const { edits } = await fileOf(PATHS, {
    MTX_HLS: 'no',
    MTX_PATHS_CAM_RECORD: 'no',
    MTX_PATHS_TEST_SOURCE: 'publisher',
  });
  await expect(edits.patchGlobal({ hls: true }, OWNER)).rejects.toThrow('set by the environment variable MTX_HLS');
  await expect(edits.patchPath('cam', { record: true }, OWNER)).rejects.toThrow('variable MTX_PATHS_CAM_RECORD');
  await expect(edits.deletePath('test', OWNER)).rejects.toThrow("path 'test' comes from an environment variable");
});

test('a reload reports an invalid file, and the previous one stays in effect', async () => {
  const { edits, store, write } = await fileOf(PATHS);
  write('hls: maybe\n');
  await expect(edits.reload()).rejects.toThrow("perch.yml:1: hls: 'maybe' is not yes or no");
  write('hls: no\n');
  await edits.reload();
  expect(store.current).toMatchObject({ hls: false, paths: new Map() });
});

test('any request is applied or rejected with a message, and the file stays valid', async () => {
  const { edits, store, text } = await fileOf(PATHS);
  const rng = random(7);
  const keys = [
    'source',
    'record',
    'maxReaders',
    'recordPath',
    'camera',
    'name',
    'sourceProtocol',
    'rpiCameraROI',
    '__proto__',
  ];
  const values = [
    null,
    true,
    -1,
    5,
    1e300,
    '',
    'yes',
    'rtsp://h/1',
    '\u0000',
    ': #',
    '&a *b',
    [],
    ['x'],
    {},
    { user: 'ü' },
  ];
  const names = ['cam', 'a/b', '~^x(.*)$', 'all', '__proto__', '123', 'null', 'true', '..', 'ü', '- a', '*', 'x: y'];
  const any = <T>(list: readonly T[]) => list[Math.floor(rng() * list.length)] as T;
  let taken = 0;
  for (let i = 0; i < byLength(250, 600); i += 1) {
    const body = JSON.parse(`{${JSON.stringify(any(keys))}: ${JSON.stringify(any(values))}}`);
    const act = [
      () => edits.addPath(any(names), body, OWNER),
      () => edits.replacePath(any(names), body, OWNER),
      () => edits.patchPath(any(names), body, OWNER),
      () => edits.deletePath(any(names), OWNER),
      () => edits.patchPathDefaults(body, OWNER),
      () => edits.patchGlobal(body, OWNER),
    ][Math.floor(rng() * 6)];
    try {
      await act?.();
      taken += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(taken).toBeGreaterThan(20);
  expect(await store.reload()).toBe(true);
  expect(store.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(text()).toMatch(/^# mine\n/);
});

test("an edit of MediaMTX's file with every key changes nothing else", async () => {
  const before = readFileSync(`${import.meta.dirname}/../load/fixtures/all-keys.yml`, 'utf8');
  const { edits, store, text } = await fileOf(before);
  await edits.patchGlobal(globalJson(store.current), MACHINE);
  await edits.patchPathDefaults(pathDefaultsJson(store.current), MACHINE);
  for (const path of pathListJson(store.current)) {
    await edits.patchPath(path.name, path, MACHINE);
  }
  expect(text()).toBe(before);
  await edits.patchPath('garage', { record: true, rpiCameraWidth: 1280, srtReadPassphrase: 'long enough' }, MACHINE);
  await edits.addPath('added', { source: 'publisher' }, MACHINE);
  const lines = new Set(before.split('\n'));
  const added = text()
    .split('\n')
    .filter((line) => !lines.has(line));
  expect(added.map((line) => line.trim()).sort()).toEqual(
    expect.arrayContaining(['added:', 'rpiCameraWidth: 1280', 'source: publisher', 'srtReadPassphrase: long enough']),
  );
  expect(
    text()
      .split('\n')
      .filter((line) => line.includes('#')),
  ).toEqual(before.split('\n').filter((line) => line.includes('#')));
});

test('a path replaced with its own settings keeps its commands, whichever client sends it', async () => {
  const { edits, store } = await fileOf('paths:\n  cam:\n    runOnReady: notify rtsp://me:pw@h/1\n');
  const [cam] = pathListJson(store.current);
  expect(JSON.stringify(cam)).not.toContain('me:pw');
  await edits.replacePath('cam', { ...cam, maxReaders: 1 }, MACHINE);
  const { runOnAvailable, maxReaders } = store.current.paths.get('cam')?.settings ?? {};
  expect({ runOnAvailable, maxReaders }).toEqual({ runOnAvailable: 'notify rtsp://me:pw@h/1', maxReaders: 1 });
});

test.for([
  '$(reboot)',
  '`reboot`',
  'a;reboot',
  'a b',
  "a'b",
  'a"b',
  'a|b',
  'a&b',
  'a>b',
  'a\nb',
  'a*',
  '~',
  '\\',
  '\u2028',
  '(a)',
  '{a}',
  '#',
])('only the owner writes %j into a recordPath, whose files are passed to commands', async (text) => {
  const { edits, store } = await fileOf('paths: {cam: {}}\n');
  const recordPath = `/mnt/${text}/%path/%Y-%m-%d_%H-%M-%S-%f`;
  const attempts = [
    edits.patchPath('cam', { recordPath }, MACHINE),
    edits.addPath('new', { recordPath }, MACHINE),
    edits.replacePath('cam', { recordPath }, MACHINE),
    edits.patchPathDefaults({ recordPath }, MACHINE),
    edits.patchGlobal({ recordPath }, MACHINE),
  ];
  for (const attempt of attempts) {
    await expect(attempt).rejects.toThrow(/only the owner, or the file itself/);
  }
  await edits.patchPath('cam', { recordPath }, OWNER);
  expect(pathListJson(store.current)[0]?.['recordPath']).toBe(recordPath);
});

const TEMPLATE = '%path/%Y-%m-%d_%H-%M-%S-%f';
const WITH_DISK = `hlsDirectory: /mnt/ram
pathDefaults: {recordPath: /mnt/Küche_2/${TEMPLATE}}
paths: {cam: {}, yard: {recordPath: /mnt/门口/a/${TEMPLATE}, alwaysAvailable: yes, alwaysAvailableFile: /srv/clips/a.mp4}}
`;

test('any API client names places in the data folder, and where the configuration has others', async () => {
  const { edits, store } = await fileOf(WITH_DISK);
  for (const folder of [
    `${store.dataDir}/rec`,
    './data/recordings',
    '/mnt/Küche_2',
    '/mnt/Küche_2/more',
    '/mnt/门口/a',
  ]) {
    await edits.patchPath('cam', { recordPath: `${folder}/${TEMPLATE}` }, MACHINE);
  }
  for (const file of ['/srv/clips/b.mp4', '/mnt/ram/b.mp4', '']) {
    await edits.patchPath('yard', { alwaysAvailableFile: file }, MACHINE);
  }
  await edits.patchGlobal({ hlsDirectory: '/mnt/ram/hls' }, MACHINE);
});

test.for([
  { recordPath: `/mnt/usb-1/${TEMPLATE}` },
  { recordPath: `/${TEMPLATE}` },
  { recordPath: `/mnt/Küche_20/${TEMPLATE}` },
  { recordPath: `/mnt/Küche_2/../../etc/${TEMPLATE}` },
  { recordPath: '/mnt/Küche_2/%path/../../%Y-%m-%d_%H-%M-%S-%f' },
  { recordPath: `${TEMPLATE}` },
  { alwaysAvailableFile: '/etc/shadow' },
  { alwaysAvailableFile: '../x.mp4' },
  { hlsDirectory: '/etc' },
  { hlsDirectory: '.' },
  { apiAllowOrigins: ['https://evil.example'] },
  { hlsAllowOrigins: ['https://evil.example'] },
  { webrtcAllowOrigins: [] },
  { tlsServerKey: '/tmp/mine.key' },
  { tlsServerCert: 'mine.crt' },
  { rtspServerCert: '/tmp/mine.crt' },
  { logFile: '/tmp/log' },
  { dumpPackets: true },
])('only the owner sets %j', async (settings) => {
  const { edits, text } = await fileOf(WITH_DISK);
  const isOfPath = 'recordPath' in settings || 'alwaysAvailableFile' in settings;
  const edit = (editor: typeof OWNER) =>
    isOfPath ? edits.patchPath('yard', settings, editor) : edits.patchGlobal(settings, editor);
  await expect(edit(MACHINE)).rejects.toThrow('only the owner, or the file itself, can');
  if (isOfPath) {
    await expect(edits.addPath('new', settings, MACHINE)).rejects.toThrow('only the owner');
    await expect(edits.patchPathDefaults(settings, MACHINE)).rejects.toThrow('only the owner');
  }
  expect(text()).toBe(WITH_DISK);
  await edit(OWNER);
  expect(text()).not.toBe(WITH_DISK);
});

test('each key whose name is about access is one that the owner sets', () => {
  const isAccess = /^(?:auth|mqtt)|(?:rustedProxies|Secret|AllowIPs)$|^(?:logFile|dumpPackets)$/;
  for (const { names, rights } of [KEYS.global, KEYS.path]) {
    expect([...names].filter((name) => isAccess.test(name) && !rights.has(name))).toEqual([]);
  }
  expect(KEYS.global.rights.size).toBeGreaterThan(40);
});

test('each key whose name is that of a file, a folder or origins is one that the owner sets', () => {
  const named = [KEYS.global.schema, KEYS.path.schema].flatMap((schema) =>
    Object.entries(asNode(schema).properties ?? {}).filter(
      ([key]) => /(?:File|Folder|Directory|Dir|Cert|ServerKey|Origins|Path)$/.test(key) && !/^(?:rtspPath)$/.test(key),
    ),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(([, { names }]) => names === undefined).map(([key]) => key)).toEqual([]);
});
