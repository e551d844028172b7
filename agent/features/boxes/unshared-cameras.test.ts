import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { configOf } from '../../../test/support/harness/servers/path-table-of.ts';
import { PerchError } from '../../base/errors.ts';
import type { BoxItem } from './client/boxes.ts';
import { UnsharedCameras } from './unshared-cameras.ts';

const BOX = '1a2b3c4d5e6f7a8b';
const REMOTE = { box: BOX, path: 'othercam' };
const CONFIG = configOf(`  gate: {source: 'perch://${BOX}/othercam', sourceOnDemand: yes}
  kept: {source: 'perch://${BOX}/othercam'}
  own: {source: 'rtsp://192.0.2.9/x', sourceOnDemand: yes}
`);
const REFUSED = new PerchError('unauthorized', 'camera requires a password (401)', { absence: 'password' });

function open() {
  const box = { name: 'Shed', state: 'connected', live: true, cameras: [{ path: 'door' }] };
  const clock = new FakeClock();
  const item = (id: string) => (id === BOX ? (box as unknown as BoxItem) : undefined);
  const unshared = new UnsharedCameras({ item, refresh: async () => {} }, clock);
  return { box, clock, unshared, whys: () => unshared.problems(CONFIG).map(({ name, why }) => [name, why]) };
}

test('a camera that is not in the pairing says so, at once and until the box offers it or plays it', async () => {
  const { box, clock, unshared, whys } = open();
  const since = new Date(clock.wallMs()).toISOString();
  const text = "box 'Shed' does not share 'othercam': change the pairing on the box (Settings, People, Servers)";
  const said = { message: text, code: 'unavailable', context: { why: 'away', absence: 'notShared' } };
  expect(unshared.refused('gate', REMOTE, REFUSED)).toMatchObject(said);
  await clock.advance(60_000);
  unshared.refused('gate', REMOTE, REFUSED);
  expect(unshared.problems(CONFIG)).toEqual([{ name: 'gate', why: 'notShared', text, since }]);
  box.cameras.push({ path: 'othercam' });
  expect(whys()).toEqual([]);
  box.live = false;
  expect(unshared.problems(CONFIG)).toMatchObject([{ text: expect.stringContaining('does not share live video') }]);
  unshared.played('gate');
  expect(whys()).toEqual([]);
});

test.for([
  ['a path that is not on demand, which has its own problem', 'kept', 'connected'],
  ['a path that plays another camera by now', 'own', 'connected'],
  ['a path that was removed', 'gone', 'connected'],
  ['a box that is away', 'gate', 'away'],
] as const)('%s is no problem of this kind', ([, name, state]) => {
  const { box, unshared, whys } = open();
  unshared.refused(name, REMOTE, REFUSED);
  box.state = state;
  expect(whys()).toEqual([]);
});

test('the path of a box that was removed, also at another server, fails at once with that reason', () => {
  const { unshared } = open();
  const unknown = new PerchError('notFound', "there is no box '0000'");
  expect(unshared.refused('gate', { ...REMOTE, box: '0'.repeat(16) }, unknown)).toMatchObject({
    message: unknown.message,
    code: 'unavailable',
    context: { why: 'away', absence: 'boxUnknown' },
  });
});

test('other failures are as they are', () => {
  const { unshared, whys } = open();
  const silent = new PerchError('timeout', 'no reply', { absence: 'silent' });
  expect(unshared.refused('gate', REMOTE, silent)).toBe(silent);
  expect(unshared.refused('gate', { ...REMOTE, box: '0'.repeat(16) }, REFUSED)).toBe(REFUSED);
  expect(whys()).toEqual([]);
});
