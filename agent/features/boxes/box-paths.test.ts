import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { fileOf } from '../../../test/support/harness/edited-config.ts';
import { silentLogger } from '../../base/log.ts';
import type { ConfigStore } from '../../config/store/store.ts';
import { BoxPaths } from './box-paths.ts';
import type { Boxes, BoxItem } from './client/boxes.ts';

const ID = '1a2b3c4d5e6f7a8b';
const camera = (path: string, name: string | null = null) => ({ path, name, codecs: ['H264'] });
const BOX: BoxItem = {
  ...{
    id: ID,
    name: 'Garden shed',
    version: '0.1.0',
    addresses: ['192.0.2.1:8443'],
    linked: false,
    live: true,
    recordings: true,
    talk: false,
    turn: true,
    switch: false,
    settings: false,
    fleet: false,
  },
  ...{ state: 'connected', sinceMs: 0, error: undefined, seenMs: 0, clockOffsetMs: undefined },
  cameras: [camera('door', 'Front door'), camera('door_sub'), camera('a/b-c'), camera('~^.*$'), camera('all_others')],
};

async function open(text: string, box = BOX) {
  const file = await fileOf(text);
  const removed: string[] = [];
  const boxes: Pick<Boxes, 'isShared' | 'onChange' | 'list' | 'item' | 'refresh' | 'remove' | 'add' | 'setAddresses'> =
    {
      isShared: false,
      onChange: () => {},
      list: () => [box],
      item: (id) => (id === ID ? box : undefined),
      refresh: async () => {},
      add: async () => box,
      setAddresses: () => {},
      remove: async (id) => removed.push(id) > 0,
    };
  const host: ConstructorParameters<typeof BoxPaths>[1] = {
    ...hostOf(file.store),
    revise: (plan) => file.store.revise(({ config }) => plan(config)),
  };
  return { ...file, removed, paths: new BoxPaths(boxes as Boxes, host) };
}

const hostOf = (store: ConfigStore) => ({
  settings: () => store.current,
  isSaved: () => true,
  ...{ dataDir: store.dataDir, clock: new FakeClock(), log: silentLogger },
});

const sourcesOf = ({ store }: Awaited<ReturnType<typeof open>>) =>
  [...store.current.paths].map(([name, { settings }]) => [name, settings?.source]);

test('a camera keeps its name, and one whose name is taken gets that of its box, with its sub stream', async () => {
  const here = await open('paths:\n  door_sub: { source: "rtsp://192.0.2.9/sub" }\n');
  await here.paths.addCameras(ID, 'all');
  expect(sourcesOf(here)).toEqual([
    ['door_sub', 'rtsp://192.0.2.9/sub'],
    ['Garden-shed/door', `perch://${ID}/door`],
    ['Garden-shed/door_sub', `perch://${ID}/door_sub`],
    ['a/b-c', `perch://${ID}/a/b-c`],
  ]);
  const door = here.store.current.paths.get('Garden-shed/door')?.settings;
  expect(door).toMatchObject({ sourceOnDemand: true, camera: { name: 'Front door' } });
});

test('cameras that are here already are not added again; a camera that was renamed stays', async () => {
  const here = await open(`paths:\n  gate: { source: "perch://${ID}/door", sourceOnDemand: no }\n`);
  await here.paths.addCameras(ID, ['door']);
  await here.paths.addCameras(ID, ['door']);
  expect(sourcesOf(here)).toEqual([
    ['gate', `perch://${ID}/door`],
    ['door_sub', `perch://${ID}/door_sub`],
  ]);
  expect(here.paths.list()[0]?.cameras.map(({ path, here: name }) => [path, name])).toEqual([
    ['door', 'gate'],
    ['door_sub', 'door_sub'],
    ['a/b-c', null],
    ['~^.*$', null],
    ['all_others', null],
  ]);
});

test('only offered cameras are added', async () => {
  const here = await open('paths:\n');
  await expect(here.paths.addCameras(ID, ['door', 'cellar'])).rejects.toThrow(
    "box 'Garden shed' does not offer 'cellar'",
  );
  expect(sourcesOf(here)).toEqual([]);
});

test('a removed box takes its paths along, and no others', async () => {
  const here = await open(
    `paths:\n  gate: { source: "perch://${ID}/door" }\n  far: { source: "perch://${'0'.repeat(16)}/door" }\n  own:\n`,
  );
  expect(await here.paths.remove('0'.repeat(16))).toBe(false);
  expect(await here.paths.remove(ID)).toBe(true);
  expect(here.removed).toEqual([ID]);
  expect(sourcesOf(here).map(([name]) => name)).toEqual(['far', 'own']);
});

test.for([
  [{ clockOffsetMs: 1_900 }, []],
  [
    { clockOffsetMs: -40_200 },
    [{ name: 'Garden shed', why: 'clock', since: null, text: expect.stringContaining('40.2 s behind') }],
  ],
  [
    { state: 'refused', error: 'revoked' },
    [{ name: 'Garden shed', why: 'refused', since: '1970-01-01T00:00:00.000Z', text: 'revoked' }],
  ],
] as const)('a box whose clock is off, or that refuses, is a problem: %j', async ([state, problems]) => {
  const { paths } = await open('paths:\n', { ...BOX, ...state });
  expect(paths.problems()).toEqual(problems);
});

test('a box on the bus that does not connect to this server says why', async () => {
  const { store } = await open('paths: {}\n');
  const boxes = { list: () => [BOX], onChange: () => {} } as unknown as Boxes;
  const host = { ...hostOf(store), revise: async () => {} };
  const why = 'box 1a2b3c4d5e6f7a8b does not connect to this server: its certificate is not valid';
  expect(new BoxPaths(boxes, host, (id) => (id === ID ? why : undefined)).list()).toMatchObject([{ error: why }]);
});
