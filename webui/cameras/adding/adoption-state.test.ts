import { expect, test } from 'vitest';
import {
  type AdoptItem,
  type Adoption,
  applyResult,
  applyUpdate,
  type Candidate,
  isSharedTaken,
  markUnfinished,
  remedyOf,
  startAdoptions,
  troubleGroups,
} from './adoption-state.ts';

const candidate = (key: string, asked = key): Candidate => ({
  ...{ key, asked, request: { endpoint: key }, title: key, text: '', address: '192.168.1.20' },
});
const garden = candidate('urn:garden');
const barn = candidate('urn:barn');
const OK: AdoptItem = { status: 'ok', path: 'garden', paths: ['garden'], trouble: null, error: null, triesLeft: null };
const WRONG: AdoptItem = { ...OK, status: 'error', path: null, paths: [], trouble: 'wrongPassword', triesLeft: 3 };
const news = (camera: string, state: 'adopting' | 'adopted' | 'notAdopted', more: object = {}) => ({
  ...{ time: '2026-01-01T00:00:00Z', camera, state },
  ...more,
});
const phases = (all: readonly Adoption[]) => all.map(({ key, phase }) => `${key} ${phase}`);

test('the failure of one camera does not affect another', () => {
  const both = applyResult(applyResult(startAdoptions([], [garden, barn]), barn.key, WRONG), garden.key, OK);
  expect(phases(both)).toEqual(['urn:garden adopted', 'urn:barn failed']);
  expect(both).toMatchObject([{ paths: ['garden'] }, { trouble: 'wrongPassword', triesLeft: 3 }]);
});

test('a retried camera keeps its place and loses its failure', () => {
  const failed = applyResult(startAdoptions([], [barn, garden]), barn.key, WRONG);
  const again = startAdoptions(failed, [
    { ...barn, ...failed[0], request: { ...barn.request, user: 'admin', password: 'x' } },
  ]);
  expect(phases(again)).toEqual(['urn:barn signingIn', 'urn:garden signingIn']);
  expect(again[0]).toMatchObject({ hasOwnLogin: true });
  expect(again[0]?.trouble).toBeUndefined();
});

test('a camera that the box already has counts as added', () => {
  const [one] = applyResult(startAdoptions([], [garden]), garden.key, { ...WRONG, trouble: 'adopted', path: 'yard' });
  expect(one).toMatchObject({ phase: 'adopted', paths: ['yard'] });
});

test('events precede the result: a recorder with two channels is two cameras, and a rejection has the attempts left', () => {
  const all = startAdoptions([], [garden, barn]);
  const first = applyUpdate(all, news(garden.asked, 'adopted', { path: 'a_1', paths: ['a_1', 'a_1_sub', 'a_2'] }));
  expect(first[0]).toMatchObject({ phase: 'adopted', paths: ['a_1', 'a_1_sub', 'a_2'] });
  const second = applyUpdate(first, news(barn.asked, 'notAdopted', { trouble: 'wrongPassword', triesLeft: 1 }));
  expect(second[1]).toMatchObject({ phase: 'failed', triesLeft: 1 });
});

test('a slow camera stays slow until its result, also with two streams of one device', () => {
  const all = startAdoptions([], [candidate('rtsp://a/1', 'a'), candidate('rtsp://a/2', 'a'), barn]);
  const slow = applyUpdate(all, news('a', 'adopting', { slow: true }));
  expect(slow.map(({ isSlow }) => isSlow)).toEqual([true, true, undefined]);
  const [first, second] = applyResult(slow, 'rtsp://a/1', OK);
  expect([first?.isSlow, second?.isSlow]).toEqual([undefined, true]);
});

test('events of other cameras, or of two streams of one device, change nothing', () => {
  const all = startAdoptions([], [candidate('rtsp://a/1', 'a'), candidate('rtsp://a/2', 'a')]);
  expect(applyUpdate(all, news('a', 'adopted', { path: 'x' }))).toBe(all);
  expect(applyUpdate(all, news('b', 'adopted', { path: 'x' }))).toBe(all);
});

test('an unfinished camera can be retried, and is added when the box reports it', () => {
  const all = markUnfinished(
    applyResult(startAdoptions([], [garden, barn]), garden.key, OK),
    new Set([garden.key, barn.key]),
  );
  expect(phases(all)).toEqual(['urn:garden adopted', 'urn:barn failed']);
  expect(all.map(remedyOf)[1]).toBe('again');
  expect(phases(applyUpdate(all, news(barn.asked, 'adopted', { path: 'barn' })))[1]).toBe('urn:barn adopted');
});

test.for([
  ['wrongPassword', 3, 'password'],
  ['onvifUser', 2, 'password'],
  ['wrongPassword', 0, 'locked'],
  ['lockedOut', undefined, 'locked'],
  ['clock', undefined, 'clock'],
  ['onvifOff', undefined, 'onvif'],
  ['clearPassword', undefined, 'clear'],
  ['timeout', undefined, 'silent'],
  ['otherCamera', undefined, 'other'],
  ['otherCertificate', undefined, 'certificate'],
  ['badReply', undefined, 'again'],
  [undefined, undefined, 'again'],
] as const)('%s with %s tries left: %s', ([trouble, triesLeft, remedy]) => {
  const [one] = startAdoptions([], [garden]);
  expect(one && remedyOf({ ...one, phase: 'failed', trouble, triesLeft })).toBe(remedy);
});

const shed = candidate('urn:shed');
const names = (all: readonly Adoption[]) => troubleGroups(all).map((group) => group.map(({ key }) => key));
const refused = (all: readonly Adoption[], candidates: readonly Candidate[]) =>
  candidates.reduce((before, { key }) => applyResult(before, key, WRONG), startAdoptions(all, candidates));

test('cameras that fail for the same reason are one group, also when the message has their addresses', () => {
  const because = (words: string) => ({ ...WRONG, trouble: null, error: words, triesLeft: null });
  const far = { ...barn, address: '192.168.1.21' };
  let all = startAdoptions([], [garden, far, shed]);
  for (const { key, address } of [garden, far]) {
    all = applyResult(all, key, because(`no route to ${address}`));
  }
  all = applyResult(all, shed.key, because('internal error'));
  expect(names(all)).toEqual([['urn:garden', 'urn:barn'], ['urn:shed']]);
});

test('cameras that reject the same password are one group', () => {
  const all = applyResult(refused([], [garden, barn, shed]), shed.key, { ...WRONG, trouble: 'unreachable' });
  expect(names(all)).toEqual([['urn:garden', 'urn:barn'], ['urn:shed']]);
});

test('a camera without attempts left is not part of a group', () => {
  const all = applyResult(refused([], [garden, barn, shed]), barn.key, { ...WRONG, triesLeft: 0 });
  expect(names(all)).toEqual([['urn:garden', 'urn:shed'], ['urn:barn']]);
});

test('cameras that also reject the second password are a group, apart from those that rejected another one', () => {
  const login = { user: 'admin', password: 'x' };
  const again = [garden, barn].map((one) => ({ ...one, request: { ...one.request, ...login } }));
  expect(names(refused(refused([], [garden, barn, shed]), again))).toEqual([['urn:garden', 'urn:barn'], ['urn:shed']]);
});

test('a camera has a different password only if another one has accepted the shared password', () => {
  const none = refused([], [garden, barn]);
  expect(isSharedTaken(none)).toBe(false);
  expect(isSharedTaken(applyResult(none, garden.key, OK))).toBe(true);
  const own = { ...garden, request: { ...garden.request, user: 'admin', password: 'x' } };
  expect(isSharedTaken(applyResult(startAdoptions(none, [own]), garden.key, OK))).toBe(false);
});
