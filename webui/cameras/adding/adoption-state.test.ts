import { expect, test } from 'vitest';
import type { AdoptAnswer } from '../../api-client/api-types.ts';
import {
  type Adoption,
  applyAnswer,
  applyResult,
  type Candidate,
  isSharedTaken,
  markUnfinished,
  noteJob,
  remedyOf,
  startAdoptions,
  troubleGroups,
} from './adoption-state.ts';

const candidate = (key: string): Candidate => ({
  ...{ key, request: { endpoint: key }, title: key, text: '', address: '192.168.1.20' },
});
const garden = candidate('urn:garden');
const barn = candidate('urn:barn');
const OK = {
  ...{ status: 'ok', camera: null, slow: false, title: null, path: 'garden', paths: ['garden'], pending: [] },
  ...{ trouble: null, error: null, triesLeft: null, description: null },
} satisfies AdoptAnswer['items'][number] as AdoptAnswer['items'][number];
const WRONG: typeof OK = { ...OK, status: 'error', path: null, paths: [], trouble: 'wrongPassword', triesLeft: 3 };
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

test('results come one by one: a slow camera stays slow until its own', () => {
  const keys = [garden.key, barn.key];
  const all = noteJob(startAdoptions([], [garden, barn]), keys, 'job');
  const running: typeof OK = { ...OK, status: 'running', path: null, paths: [] };
  const answer = (...items: AdoptAnswer['items']) => ({ id: 'job', state: 'running', items, warning: null }) as const;
  const first = applyAnswer(all, answer(OK, { ...running, slow: true }));
  expect(phases(first)).toEqual(['urn:garden adopted', 'urn:barn signingIn']);
  expect(first.map(({ isSlow }) => isSlow)).toEqual([undefined, true]);
  expect(applyAnswer(first, answer(OK, { ...running, slow: true }))).toBe(first);
  expect(applyAnswer(first, { ...answer(OK, OK), id: 'another' })).toBe(first);
  const last = applyAnswer(first, answer(OK, WRONG));
  expect(last).toMatchObject([{ paths: ['garden'] }, { phase: 'failed', triesLeft: 3 }]);
  expect(last[1]?.isSlow).toBeUndefined();
});

test('an unfinished camera can be retried', () => {
  const all = markUnfinished(
    applyResult(startAdoptions([], [garden, barn]), garden.key, OK),
    new Set([garden.key, barn.key]),
  );
  expect(phases(all)).toEqual(['urn:garden adopted', 'urn:barn failed']);
  expect(all.map(remedyOf)[1]).toBe('again');
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
