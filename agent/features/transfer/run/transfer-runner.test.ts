import { existsSync, writeFileSync } from 'node:fs';
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

/** A transfer that runs until it is stopped. */
async function openEndless() {
  const { transfers, file } = openMoves();
  const begun = Promise.withResolvers<void>();
  let [runs, most] = [0, 0];
  const job = {
    memory: {},
    run: async (_: unknown, { signal }: { readonly signal: AbortSignal }) => {
      runs += 1;
      most = Math.max(most, runs);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      runs -= 1;
      signal.throwIfAborted();
    },
    discard: async () => {},
  };
  const source = { begin: () => begun.promise.then(() => ({})), list: () => job };
  vi.spyOn(MoveSource.prototype, 'begin').mockImplementation(source.begin as never);
  vi.spyOn(MoveSource.prototype, 'list').mockImplementation(source.list as never);
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  const outcomes = async (...work: Promise<void>[]) => (await Promise.allSettled(work)).map(({ status }) => status);
  return { transfers, file, begin: begun.resolve, outcomes, runs: () => [runs, most] };
}

test('two requests at once start one transfer, also while it is prepared', async () => {
  const { transfers, begin, outcomes, runs } = await openEndless();
  const both = outcomes(transfers.start({ kind: 'move' }), transfers.start({ kind: 'move' }));
  begin();
  expect(await both).toEqual(['fulfilled', 'rejected']);
  expect(runs()).toEqual([1, 1]);
});

test('requests at once to pause, resume and cancel take effect one after the other', async () => {
  const { transfers, file, begin, outcomes, runs } = await openEndless();
  begin();
  await transfers.start({ kind: 'move' });
  expect(await outcomes(transfers.pause(), transfers.pause())).toEqual(['fulfilled', 'rejected']);
  expect(runs()).toEqual([0, 1]);
  expect(await outcomes(transfers.resume(), transfers.resume())).toEqual(['fulfilled', 'rejected']);
  expect(runs()).toEqual([1, 1]);
  expect(await outcomes(transfers.pause(), transfers.resume(), transfers.cancel())).toEqual(Array(3).fill('fulfilled'));
  expect([runs(), transfers.state.phase, existsSync(file)]).toEqual([[0, 1], 'canceled', false]);
  expect(await outcomes(transfers.cancel(), transfers.pause(), transfers.resume())).toEqual(Array(3).fill('rejected'));
});

test('a stop of Perch ends a transfer that a request has just begun, and begins no other one', async () => {
  const { transfers, begin, outcomes, runs } = await openEndless();
  begin();
  await transfers.start({ kind: 'move' });
  await transfers.pause();
  const resumed = outcomes(transfers.resume());
  // Its turn has come.
  await Promise.resolve();
  await transfers.close();
  expect([await resumed, runs()]).toEqual([['fulfilled'], [0, 1]]);
  expect(await outcomes(transfers.resume(), transfers.start({ kind: 'move' }))).toEqual(['rejected', 'rejected']);
});

test('a failed transfer can be canceled, which removes what was stored of it', async () => {
  const { transfers, file } = await startMove(new TypeError('x is not a function'));
  await vi.waitFor(() => expect(transfers.state.phase).toBe('failed'));
  expect(existsSync(file)).toBe(true);
  await transfers.cancel();
  expect([transfers.state.phase, existsSync(file)]).toEqual(['canceled', false]);
});
