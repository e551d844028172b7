import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NO_ID, type Status } from '../../../system/updater/journal.ts';
import { PageStatus } from './page-status.ts';

const ID = '0123456789abcdef0123456789abcdef';
const TRIED = { system: 'b', version: '1.2.0', state: 'tried' } as const;
let folder: string;
let folders: { readonly own: string; readonly answers: string };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-page-status-'));
  folders = { own: join(folder, 'own'), answers: join(folder, 'run') };
  mkdirSync(folders.own);
});
afterEach(() => rmSync(folder, { recursive: true }));

const page = (id?: string, version = '1.1.0') => new PageStatus(version, id, folders, () => Date.UTC(2026, 10, 26));
const statusIn = (file: string): Status | undefined => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
};
/** What the agent reads now. */
const said = () => statusIn(join(folders.answers, 'update.json'));
/** What it reads after the next start. */
const kept = () => statusIn(join(folders.own, 'status.json'));

test('while a system is written its progress is said, and a power cut would be the result', () => {
  const one = page(ID);
  one.begin('1.2.0');
  expect(said()).toMatchObject({ id: ID, ok: true, state: 'installing', from: '1.1.0', to: '1.2.0', percent: 0 });
  one.progress(0.417);
  one.progress(0.418);
  expect(said()).toMatchObject({ state: 'installing', percent: 41 });
  expect(kept()).toMatchObject({
    id: ID,
    ok: false,
    state: 'failed',
    why: 'powerCut',
    time: '2026-11-26T00:00:00.000Z',
  });
});

test('a written system waits for the end of its trial, also after the restart', () => {
  const one = page(ID);
  one.begin('1.2.0');
  one.outcome(TRIED, 'a');
  for (const status of [said(), kept()]) {
    expect(status).toMatchObject({ id: ID, ok: true, state: 'waiting', from: '1.1.0', to: '1.2.0' });
  }
  expect(page().isWaiting).toBe(true);
});

test('an update that is refused is said, and does not hide the end of a trial', () => {
  const refused = { ok: false, state: 'refused', text: 'it is older', why: 'older' } as const;
  page(ID).refused(refused);
  expect([said(), kept()]).toMatchObject([refused, refused]);
  page(ID).outcome(TRIED, 'a');
  page(ID).refused(refused);
  expect([said(), kept()]).toMatchObject([refused, { state: 'waiting' }]);
});

test('an update that is refused in a shell is no result for the page, one that was written in part is', () => {
  const refused = { ok: false, state: 'refused', text: 'it is older', why: 'older' } as const;
  page().refused(refused);
  expect([said(), kept()]).toEqual([undefined, undefined]);
  const shell = page();
  shell.begin('1.2.0');
  shell.refused({ ...refused, why: 'damaged' });
  expect(kept()).toMatchObject({ state: 'refused', why: 'damaged' });
});

test.for([
  ['kept', 'b', { ok: true, state: 'good', from: '1.1.0', to: '1.2.0' }],
  ['notHealthy', 'a', { ok: false, state: 'gone back', why: 'unhealthy', from: '1.1.0' }],
  ['notStarted', 'a', { ok: false, state: 'gone back', why: 'notStarted', from: '1.1.0' }],
] as const)('the page learns that it was %s', ([state, running, expected]) => {
  page(ID).outcome(TRIED, 'a');
  page(undefined, running === 'b' ? '1.2.0' : '1.1.0').outcome({ ...TRIED, state }, running);
  expect(said()).toMatchObject(expected);
  expect(kept()).toMatchObject(expected);
  expect(page().isWaiting).toBe(false);
});

test('a system that was installed in a shell is on the page when it is tried', () => {
  const shell = page();
  shell.begin('1.2.0');
  shell.progress(0.5);
  shell.outcome(TRIED, 'a');
  expect(said()).toBeUndefined();
  expect(page().isWaiting).toBe(true);
  page().outcome(TRIED, 'b');
  expect(said()).toMatchObject({ id: NO_ID, ok: true, state: 'waiting', to: '1.2.0' });
});

test('folders that cannot be written hold nothing up', () => {
  rmSync(folders.own, { recursive: true });
  const one = page(ID);
  one.begin('1.2.0');
  one.outcome(TRIED, 'a');
  expect(said()).toMatchObject({ state: 'waiting' });
});
