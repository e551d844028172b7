import { expect, onTestFinished, test } from 'vitest';
import { settle } from '../../../test/features/rules/support/rule-box.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { configOf } from '../../../test/support/harness/servers/path-table-of.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { Stream } from '../../stream/stream.ts';
import { RuleActions } from './actions.ts';
import { Effects } from './effects.ts';
import type { Action, Rule } from './keys.ts';
import { RuleState } from './rule-state.ts';

/** A key of the configuration; as a name in a literal it is one of promises. */
const THEN = 'then';
const CAUSE = { by: 'button', user: 'anna' } as const;

/** @param obstacle why cameras do not turn */
function begin(paths: string, obstacle?: string) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const streams: [string, Stream][] = [];
  const config = configOf(paths);
  const source = { opened: 0, isSlow: false, fault: undefined as PerchError | undefined };
  const open = async (path: string) => {
    source.opened += 1;
    while (source.isSlow) {
      await clock.sleep(1_000, new AbortController().signal);
    }
    if (source.fault) {
      throw source.fault;
    }
    const stream = streams[0]?.[1] ?? new Stream([]);
    streams[0] = [path, stream];
    return stream;
  };
  const host = {
    dataDir: folder.path,
    clock,
    log: silentLogger,
    config: () => config,
    paths: { open },
    applyPaths: async () => {},
    steering: { presets: async () => [{ token: '1', name: 'Gate' }], switched: () => () => {} },
  } as unknown as ConstructorParameters<typeof RuleActions>[0];
  const holds = { hold: async () => obstacle, release: () => {}, isTurning: () => false };
  const actions = new RuleActions(host, holds, new Effects(clock));
  onTestFinished(async () => {
    await actions.close();
    folder[Symbol.dispose]();
  });
  return {
    streams,
    source,
    start: (action: Action) => actions.start('Rule', action, CAUSE),
    stop: (action: Action) => actions.stop('Rule', action),
    close: () => actions.close(),
    pass: async (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        await clock.advance(1_000);
        actions.tick();
        await settle();
      }
    },
  };
}

test('why a camera does not turn now is what came of the action', async () => {
  const turn = { preset: 'Gate', path: 'yard' };
  expect(await begin('  yard: {}\n').start(turn)).toEqual({});
  const { start } = begin('  yard: {}\n', 'a person steers it');
  expect(await start(turn)).toEqual({ problem: "camera 'yard' does not turn: a person steers it" });
});

const ON_DEMAND = '  yard: {source: "rtsp://127.0.0.1:1/x", sourceOnDemand: yes}\n';
const RECORD = { record: true, path: 'yard', seconds: 60 };

test('a camera that is read on demand is read for as long as a rule records it', async () => {
  const { start, stop, streams, source, pass } = begin(ON_DEMAND);
  expect(await start({ record: true, path: 'yard', seconds: 30 })).toMatchObject({ rest: expect.any(Promise) });
  await settle();
  const [, first] = streams[0] ?? [];
  expect(first?.audience).toBe(1);
  // The camera restarts.
  streams.length = 0;
  first?.close();
  await pass(3);
  const [, second] = streams[0] ?? [];
  expect([second?.audience, source.opened]).toEqual([1, 2]);
  await pass(20);
  await start(RECORD);
  await pass(20);
  expect([second?.audience, source.opened]).toEqual([1, 2]);
  await pass(41);
  expect(second?.audience).toBe(0);

  await start(RECORD);
  await settle();
  expect(second?.audience).toBe(1);
  stop(RECORD);
  expect(second?.audience).toBe(0);
  await pass(60);
  expect(source.opened).toBe(3);
});

test('a camera on demand that does not start is why the rule does not record, and is tried again', async () => {
  const { start, source, streams, pass } = begin(ON_DEMAND);
  source.fault = new PerchError('timeout', "source of path 'yard' has timed out");
  const { rest } = await start(RECORD);
  expect(await rest).toBe("source of path 'yard' has timed out");
  await pass(5);
  expect(source.opened).toBeGreaterThan(1);
  source.fault = undefined;
  await pass(5);
  expect(streams[0]?.[1].audience).toBe(1);
});

test('a later run tells how the camera on demand is then, not how it was when the first one began', async () => {
  const { start, source, streams, pass } = begin(ON_DEMAND);
  source.fault = new PerchError('timeout', 'the camera does not answer');
  const first = await start(RECORD);
  expect(await first.rest).toBe('the camera does not answer');
  source.fault = undefined;
  await pass(5);
  expect(await (await start(RECORD)).rest).toBeUndefined();
  source.fault = new PerchError('unavailable', 'the camera has failed');
  streams[0]?.[1].close();
  await settle();
  const later = await start(RECORD);
  await pass(5);
  expect(await later.rest).toBe('the camera has failed');
});

test('a stop of Perch reads no camera on demand any more', async () => {
  const { start, source, streams, close, pass } = begin(ON_DEMAND);
  source.isSlow = true;
  void start(RECORD);
  await settle();
  await close();
  source.isSlow = false;
  await pass(5);
  expect([streams[0]?.[1].audience, source.opened]).toEqual([0, 1]);
});

test('a camera that is always read needs no reader for its recording', async () => {
  const { start, source, pass } = begin('  yard: {source: "rtsp://127.0.0.1:1/x"}\n');
  expect(await start(RECORD)).toEqual({});
  await pass(5);
  expect(source.opened).toBe(0);
});

test('a rule of which nothing that lasts has begun does not run', () => {
  const clock = new FakeClock();
  const actions: Action[] = [{ preset: 'Gate', path: 'yard' }, { record: true, path: 'hall' }, { run: 'a' }];
  const state = new RuleState();
  const begun = state.begun({ name: 'Rule', [THEN]: actions, pauseMs: 0 } as Rule, CAUSE, clock, true);
  state.note(begun, 0, actions[0] as Action, 'the camera does not answer');
  state.note(begun, 2, actions[2] as Action, undefined);
  expect(state.last?.untilMs).toBe(clock.wallMs() + 30_000);
  state.note(begun, 1, actions[1] as Action, 'there is no camera');
  expect(state.last?.untilMs).toBeUndefined();
});
