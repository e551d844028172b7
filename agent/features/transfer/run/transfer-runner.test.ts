import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../../test/support/base/log-lines.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { MoveSource } from '../move/move-source.ts';
import { MoveRequest } from './requests.ts';
import { TransferRunner } from './transfer-runner.ts';

/** A move of recordings whose index fails with these errors, one after the other, and then has no recordings. */
function openMoves(...errors: Error[]) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const names = vi.fn(async (): Promise<string[]> => {
    const error = errors.shift();
    if (error) {
      throw error;
    }
    return [];
  });
  const host = {
    ...{ clock, log, edits: {} as never },
    config: () => ({ pathDefaults: { recordPath: '/data/%path/%s%f' } }) as never,
    recordings: { playback: { names }, space: { isIndexWhole: true }, busyMs: 0 } as never,
  };
  const load = async () => new MoveSource(host);
  const move = { kind: 'move', request: MoveRequest, load } as const;
  const file = join(folder.path, 'transfer.json');
  const transfers = new TransferRunner({ ...host, transfers: () => [move] }, file);
  onTestFinished(async () => {
    await transfers.close();
    folder[Symbol.dispose]();
  });
  const warnings = () => logged.filter(([level]) => level === 'warn' || level === 'error');
  return { clock, transfers, names, warnings, file };
}

async function startMove(...errors: Error[]) {
  const opened = openMoves(...errors);
  await opened.transfers.start({ kind: 'move' });
  return opened;
}

const diskError = (code: string) => Object.assign(new Error(`${code}: no luck`), { code });

test.for([
  ['EIO', 'disk'],
  ['ENOSPC', 'full'],
  ['EROFS', 'readOnly'],
] as const)('a transfer waits after %s of the disk and goes on by itself', async ([code, why]) => {
  const { clock, transfers, warnings } = await startMove(diskError(code));
  await vi.waitFor(() => expect(transfers.state).toMatchObject({ phase: 'waiting', why }));
  expect(warnings()).toEqual([
    ['warn', 'transfer of recordings waits', { cause: `cannot copy recordings: ${code}: no luck` }],
  ]);
  await clock.advance(15_000);
  await vi.waitFor(() => expect(transfers.state).toMatchObject({ phase: 'done', why: null, error: null }));
});

test('a transfer waits while the index of recordings cannot be read, but a wrong query is a bug', async () => {
  const sqliteError = (errcode: number) => Object.assign(new Error('no luck'), { code: 'ERR_SQLITE_ERROR', errcode });
  const { clock, transfers } = await startMove(sqliteError(10), sqliteError(1));
  await vi.waitFor(() => expect(transfers.state).toMatchObject({ phase: 'waiting', why: 'disk' }));
  await clock.advance(15_000);
  await vi.waitFor(() => expect(transfers.state).toMatchObject({ phase: 'failed', why: null }));
});

test.for([
  ['an exception', new TypeError('x is not a function')],
  ["an exception with a code of Node's own", Object.assign(new TypeError('no'), { code: 'ERR_INVALID_ARG_TYPE' })],
] as const)('%s in the program ends a transfer as failed: it is logged once, with its stack', async ([, bug]) => {
  const { clock, transfers, names, warnings } = await startMove(bug);
  await vi.waitFor(() => expect(transfers.state.phase).toBe('failed'));
  expect(transfers.state).toMatchObject({ why: null, error: 'an error in the program: the log has it' });
  expect(warnings()).toEqual([['error', 'transfer of recordings failed', { err: bug }]]);
  await clock.advance(60_000);
  expect(names).toHaveBeenCalledOnce();
  // Another one may be started.
  await transfers.start({ kind: 'move' });
  await vi.waitFor(() => expect(transfers.state).toMatchObject({ phase: 'done', error: null }));
});

test('a stored transfer of a kind that this Perch does not have is named in the log, and another one may be started', async () => {
  const { transfers, file, warnings } = openMoves();
  const stored = { version: 1, kind: 'replay', isPaused: false, startedMs: 0, doneFiles: 0, doneBytes: 0, memory: {} };
  writeFileSync(file, JSON.stringify(stored));
  await transfers.begin();
  expect(warnings()).toEqual([
    ['warn', 'a transfer of recordings cannot be continued', { cause: expect.stringContaining('kind replay') }],
  ]);
  transfers.work();
  await transfers.start({ kind: 'move' });
  await vi.waitFor(() => expect(transfers.state).toMatchObject({ phase: 'done', error: null }));
});
