import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import { cameraError } from '../onvif/soap/http/failures.ts';
import { OwnSettingsChanges } from './own-settings.ts';

const NOW = { codec: 'H264', width: 640, height: 360, fps: 15, bitrateKbps: 1000, groupFrames: 60 };
const FORMER = [{ service: 'media2', xml: '<former/>' }] as const;

interface Behaviour {
  /** After the change, the stream has data in these seconds. */
  readonly playsAt?: (seconds: number) => boolean;
  readonly isPlayingBefore?: boolean;
  readonly isIgnored?: boolean;
  readonly fails?: 'timeout' | 'badReply';
  /** Number of restores that fail. */
  readonly failedRestores?: number;
}

function begin({
  playsAt = () => true,
  isPlayingBefore = true,
  isIgnored = false,
  fails,
  failedRestores = 0,
}: Behaviour = {}) {
  const clock = new FakeClock();
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const calls: string[] = [];
  let restores = 0;
  let changedMs: number | undefined;
  const control = {
    ownSettings: () => Promise.reject(new Error('not asked for')),
    formerEncoder: async () => FORMER,
    setEncoder: async () => {
      calls.push('set');
      changedMs = clock.monoMs();
      if (fails) {
        throw cameraError(fails, 'the camera fails');
      }
      return {
        profile: 'main',
        before: NOW,
        after: isIgnored ? NOW : { ...NOW, bitrateKbps: 4000 },
        isDone: !isIgnored,
      };
    },
    restoreEncoder: async (former: unknown) => {
      expect(former).toBe(FORMER);
      restores += 1;
      calls.push('restore');
      if (restores <= failedRestores) {
        throw cameraError('unreachable', 'the camera does not answer');
      }
    },
    setIrCutFilter: async (mode: string) => void calls.push(`filter ${mode}`),
    setOverlay: async (wanted: object) => void calls.push(`overlay ${JSON.stringify(wanted)}`),
  };
  const changes = new OwnSettingsChanges({
    control: () => control,
    bytesReceived: () => {
      if (changedMs === undefined) {
        return isPlayingBefore ? 1 : undefined;
      }
      const seconds = (clock.monoMs() - changedMs) / 1000;
      return playsAt(seconds) ? 1000 + seconds : undefined;
    },
    changed: () => {},
    ...{ clock, log: silentLogger, signal: stop.signal },
  });
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i += 1) {
      await clock.advance(1_000);
    }
  };
  const state = async () => (await changes.change('cam'))?.state;
  return { changes, calls, pass, state };
}

const WANTED = { bitrateKbps: 4000 };

test('a change is done when the stream has played for three seconds, five seconds later at the earliest', async () => {
  const { changes, calls, pass, state } = begin();
  expect(await changes.set('cam', WANTED)).toMatchObject({ state: 'checking' });
  await pass(7);
  expect(await state()).toBe('checking');
  await pass(2);
  expect(await state()).toBe('done');
  await pass(120);
  expect(calls).toEqual(['set']);
});

test('a camera that is back within a minute keeps the new settings', async () => {
  const { changes, calls, pass, state } = begin({ playsAt: (seconds) => seconds > 50 });
  await changes.set('cam', WANTED);
  await pass(61);
  expect(await state()).toBe('done');
  expect(calls).toEqual(['set']);
});

test.for([
  ['stays away', () => false],
  ['plays on for some seconds, then ends', (seconds: number) => seconds < 6],
  ['begins and ends again and again', (seconds: number) => Math.floor(seconds) % 3 !== 0],
] as const)('a stream that %s for a minute gets the former settings back', async ([, playsAt]) => {
  const { changes, calls, pass, state } = begin({ playsAt });
  await changes.set('cam', WANTED);
  await pass(59);
  expect(await state()).toBe('checking');
  await pass(3);
  expect(await state()).toBe('restored');
  expect(calls).toEqual(['set', 'restore']);
});

test('a camera that restarts instead of an answer is watched like the others', async () => {
  const { changes, calls, pass, state } = begin({ fails: 'timeout', playsAt: () => false });
  expect(await changes.set('cam', WANTED)).toMatchObject({ state: 'checking' });
  await pass(62);
  expect(await state()).toBe('restored');
  expect(calls).toEqual(['set', 'restore']);
});

test('restoring is retried every ten seconds, twelve times at most', async () => {
  const some = begin({ playsAt: () => false, failedRestores: 2 });
  await some.changes.set('cam', WANTED);
  await some.pass(62);
  expect(await some.state()).toBe('restoring');
  await some.pass(20);
  expect(await some.state()).toBe('restored');
  const none = begin({ playsAt: () => false, failedRestores: 99 });
  await none.changes.set('cam', WANTED);
  await none.pass(240);
  expect(await none.changes.change('cam')).toMatchObject({ state: 'notRestored', error: 'the camera does not answer' });
  expect(none.calls.filter((call) => call === 'restore')).toHaveLength(12);
});

test('a change that the camera rejects leaves nothing to watch', async () => {
  const { changes, pass, state, calls } = begin({ fails: 'badReply' });
  await expect(changes.set('cam', WANTED)).rejects.toThrow('the camera fails');
  await pass(120);
  expect(await state()).toBeUndefined();
  expect(calls).toEqual(['set']);
});

test.for([
  ['a change without effect', { isIgnored: true }, 'ignored'],
  ['a change without a stream before', { isPlayingBefore: false }, 'unchecked'],
] as const)('%s is not watched', async ([, behaviour, expected]) => {
  const { changes, pass, state, calls } = begin({ ...behaviour, playsAt: () => false });
  expect(await changes.set('cam', WANTED)).toMatchObject({ state: expected });
  await pass(120);
  expect(await state()).toBe(expected);
  expect(calls).toEqual(['set']);
});

test('one change at a time', async () => {
  const { changes, pass } = begin();
  await changes.set('cam', WANTED);
  await expect(changes.set('cam', WANTED)).rejects.toMatchObject({ code: 'exhausted', context: { isBusy: true } });
  await pass(10);
  await expect(changes.set('cam', WANTED)).resolves.toMatchObject({ state: 'checking' });
});

test('infrared filter and texts are set at once', async () => {
  const { changes, calls } = begin();
  expect(await changes.set('cam', { irCutFilter: 'AUTO', text: 'Gate' })).toMatchObject({ state: 'done' });
  expect(calls).toEqual(['filter AUTO', 'overlay {"text":"Gate"}']);
});
