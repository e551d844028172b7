import { expect, test } from 'vitest';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { editAll } from '../../config/yaml/edit.ts';
import { type CameraPlan, editsFor, pathOfCamera } from './plan.ts';

const FILE = `perch: own
paths:
  # the gate, by hand
  gate:
    source: rtsp://10.0.0.9/1
  door_sub:
  hall:
    source: rtsp://10.0.0.7/s
    camera: {endpoint: "urn:uuid:hall", serial: H1, onvif: "http://10.0.0.7/onvif"}
`;

const PLAN: CameraPlan = {
  identity: { endpoint: 'urn:uuid:door', serial: 'D1', onvif: 'http://10.0.0.5/onvif/device_service' },
  title: 'Door',
  isTitled: false,
  name: undefined,
  called: ['Sim 1'],
  credentials: { user: 'admin', password: 'p: #"\'@/' },
  clearPassword: false,
  record: 'always',
  again: false,
  channels: [
    {
      main: { source: 'rtsp://10.0.0.5/1', profile: 'main' },
      sub: { source: 'rtsp://10.0.0.5/2', profile: 'sub' },
    },
  ],
};

/** The paths that a plan makes of the file. */
function written(plan: CameraPlan) {
  const { edits, paths } = editsFor(plan, good(FILE));
  const text = editAll(FILE, edits);
  return { text, paths, config: good(text) };
}

test('a camera becomes two paths, the high resolution is recorded, and the rest of the file stays', () => {
  const { text, paths, config } = written(PLAN);
  expect(paths).toEqual([{ name: 'door_2', sub: 'door_2_sub' }]);
  expect(text.startsWith(FILE.trimEnd())).toBe(true);
  const { identity, credentials, title } = PLAN;
  const camera = { ...identity, ...credentials, name: title };
  expect(config.paths.get('door_2')?.settings).toMatchObject({
    source: 'rtsp://10.0.0.5/1',
    record: 'always',
    camera: { ...camera, profile: 'main' },
  });
  expect(config.paths.get('door_2_sub')?.settings).toMatchObject({
    source: 'rtsp://10.0.0.5/2',
    record: 'no',
    camera: { ...camera, profile: 'sub' },
  });
});

test('a recorder becomes one camera per lens', () => {
  const channel = (n: number) => ({ main: { source: `rtsp://10.0.0.5/${n}` }, sub: undefined });
  const { paths, config } = written({ ...PLAN, title: 'Recorder', channels: [channel(1), channel(2)] });
  expect(paths.map(({ name }) => name)).toEqual(['recorder_1', 'recorder_2']);
  expect(config.paths.get('recorder_2')?.settings?.camera?.name).toBe('Recorder 2');
});

test.for([
  ['A very long name of a recorder in the cellar of the house', undefined, 'a_very_long_name_of_a_recorder_in_the_ce'],
  ['Recorder', 'Hof/Rec-A', 'Hof/Rec-A'],
] as const)('each lens of %s, named %s, has its own path that begins with %s', ([title, name, begin]) => {
  const channel = (n: number) => ({ main: { source: `rtsp://10.0.0.5/${n}` }, sub: undefined });
  const { paths, config } = written({ ...PLAN, title, name, channels: [channel(1), channel(2)] });
  expect(paths.map((path) => path.name)).toEqual([`${begin}_1`, `${begin}_2`]);
  expect(paths.map((path) => config.paths.get(path.name)?.settings?.source)).toEqual([
    'rtsp://10.0.0.5/1',
    'rtsp://10.0.0.5/2',
  ]);
});

test('a camera that calls itself like a reserved part of an address gets another path', () => {
  const { paths } = written({ ...PLAN, title: 'Talk' });
  expect(paths[0]?.name).toBe('talk_2');
});

test('cameras of one model, which have the same name, get numbers; a title that a person has chosen stays', () => {
  const add = (text: string, changes: Partial<CameraPlan>) => {
    const { edits, title } = editsFor({ ...PLAN, identity: {}, again: true, ...changes }, good(text));
    return { title, text: editAll(text, edits) };
  };
  const first = add(FILE, { title: 'IPC' });
  const second = add(first.text, { title: 'IPC' });
  const third = add(second.text, { title: 'IPC' });
  const chosen = add(third.text, { title: 'IPC 2', isTitled: true });
  expect([first, second, third, chosen].map(({ title }) => title)).toEqual(['IPC', 'IPC 2', 'IPC 3', 'IPC 2']);
  const channel = (n: number) => ({ main: { source: `rtsp://10.0.0.5/${n}` }, sub: undefined });
  const recorder = { title: 'Recorder', channels: [channel(1), channel(2)] };
  const both = add(add(FILE, recorder).text, recorder).text;
  const names = [...good(both).paths.values()].map(({ settings }) => settings?.camera?.name);
  expect(names).toEqual(expect.arrayContaining(['Recorder 1', 'Recorder 2', 'Recorder 3 1', 'Recorder 3 2']));
});

test('a title is one line', () => {
  const { config } = written({ ...PLAN, name: 'yard', title: ' Front\r\n door\u2028\tleft\n' });
  expect(config.paths.get('yard')?.settings?.camera?.name).toBe('Front door left');
});

test.for([
  ['motion', 'motion'],
  ['no', 'no'],
  ['always', 'always'],
] as const)('recording %s is written', ([record]) => {
  expect(written({ ...PLAN, record }).config.paths.get('door_2')?.settings?.record).toBe(record);
});

test.for(['motion', 'true', 'always'])(
  'without a requested mode a camera is recorded by the defaults (record: %s), and its sub stream is not',
  (record) => {
    const { edits } = editsFor({ ...PLAN, record: undefined }, good(`perch: own\npathDefaults: {record: ${record}}\n`));
    expect(edits[0]?.value).not.toHaveProperty('record');
    expect(edits[1]?.value).toMatchObject({ record: false });
  },
);

test('without a requested mode, and with recording off by default, a camera is recorded', () => {
  expect(written({ ...PLAN, record: undefined }).config.paths.get('door_2')?.settings?.record).toBe('always');
});

test('an adopted camera is rejected with its path, unless it is adopted again on purpose', () => {
  const same = { ...PLAN, identity: { ...PLAN.identity, endpoint: 'urn:uuid:hall', serial: 'H1' } };
  expect(() => editsFor(same, good(FILE))).toThrow("this camera exists already: path 'hall'");
  expect(editsFor({ ...same, again: true }, good(FILE)).paths[0]?.name).toBe('door_2');
  expect(pathOfCamera({ source: 'rtsp://10.0.0.9/1' }, good(FILE))).toBe('gate');
});

test.for([
  ['gate', "path 'gate' exists already"],
  ['door', "path 'door_sub' exists already"],
  ['hall_sub', "path 'hall' exists already"],
  ['../etc', "can't contain dot path segments"],
  ['~^cam', 'can contain only alphanumeric'],
  ['all_others/', "can't end with a slash"],
  ['yard/whep', "'whep' is reserved"],
  ['yard/whip', "'whip' is reserved"],
  ['yard/talk', "'talk' is reserved"],
  ['talk', "'talk' is reserved"],
] as const)('the name %s is refused', ([name, words]) => {
  expect(() => editsFor({ ...PLAN, name }, good(FILE))).toThrow(words);
});

test('a name is reduced to one line, without directional formatting', () => {
  const { config } = written({ ...PLAN, title: '\u2066Front\r\n\u202edoor\u202c\u2069 👨\u200d👩 مرحبا ' });
  expect(config.paths.get('front_door')?.settings?.camera?.name).toBe('Front door 👨\u200d👩 مرحبا');
});
