import { expect, onTestFinished, test, vi } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { explain } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { openSession } from '../../onvif/device/onvif-session.ts';
import { Snapshots } from '../../onvif/device/snapshots.ts';
import { readChannels } from '../../onvif/events/channels.ts';
import { EventSubscription } from '../../onvif/events/event-subscription.ts';
import { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { RtspSource } from '../../sources/rtsp/client.ts';
import { type SourceState, supervise } from '../../sources/supervisor.ts';
import { streamLogin } from './stream-login.ts';

const RIGHT = { user: 'admin', password: 'right' };
const CHANGED = { user: 'admin', password: 'changed' };
const never = new AbortController().signal;
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 2 });

interface Pulled {
  state: SourceState | undefined;
  openings: number;
}

/** Everything that logs in to an adopted camera by itself: its streams, its events, its pictures. */
async function adopt(quirks: Quirks = {}, login = RIGHT) {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ credentials: RIGHT, clock, quirks });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const logins = new LoginMemory(clock);
  let openings = 0;
  const watch = new EventSubscription({
    open: async (signal) => {
      openings += 1;
      try {
        return await openSession({ url: camera.url, ...login, signal, clock, logins });
      } finally {
        openings -= 1;
      }
    },
    channels: (session) => readChannels(session, [{ path: 'cam', profile: undefined }]),
    memory: { left: () => undefined, keep: () => {} },
    notify: () => {},
    ...{ clock, log: silentLogger },
  });
  onTestFinished(() => watch.close());
  const snapshots = new Snapshots({ url: camera.url, ...login, maxBytes: 60_000, clock, logins });
  const pull = (profile: string, as = login) => pullStream({ camera, clock, logins, profile, login: as });
  return { camera, clock, logins, watch, snapshots, pull, isOpening: () => openings > 0 };
}

interface PullOptions {
  readonly camera: OnvifCamera;
  readonly clock: FakeClock;
  readonly logins: LoginMemory;
  readonly profile: string;
  readonly login: typeof RIGHT;
}

function pullStream({ camera, clock, logins, profile, login }: PullOptions) {
  const url = camera.rtspUrl(profile);
  const loginWatch = streamLogin('cam', url, { onvif: camera.url, ...login }, { logins, clock });
  const source = new RtspSource({ name: 'cam', url, ...login, loginWatch, readTimeoutMs: 10_000 }, clock, silentLogger);
  const pulled: Pulled & { stop(): Promise<void> } = { state: undefined, openings: 0, stop: async () => {} };
  const stop = new AbortController();
  const open = () => {
    pulled.openings += 1;
    throw new Error('it is enough that the camera has let us in');
  };
  const done = supervise(
    (signal) => source.run({ publish: open }, signal),
    (state) => {
      pulled.state = state;
    },
    clock,
    stop.signal,
    { random: () => 0 },
  );
  pulled.stop = () => {
    stop.abort();
    return done;
  };
  onTestFinished(pulled.stop);
  return pulled;
}

const rests = ({ state }: Pulled) => state?.kind === 'waiting';

const KINDS = {
  'tokens and one digest': {},
  'tokens alone': { login: 'token' },
  'digests of two kinds everywhere': { login: 'digest both', rtspLogin: 'both' },
} as const satisfies Record<string, Quirks>;

test.for(
  (Object.keys(KINDS) as (keyof typeof KINDS)[]).flatMap((kind) =>
    (['streams', 'events', 'a picture'] as const).map((first) => [kind, first] as const),
  ),
)(
  'a password that was changed in the camera is shown twice in half an hour by all together: %s, first come %s',
  async ([kind, first]) => {
    const { camera, clock, watch, snapshots, pull, isOpening } = await adopt(KINDS[kind]);
    await snapshots.fetch(never);
    await until(() => expect(watch.trouble ?? camera.state.events.count).toBe(1));
    // Their streams have run before.
    for (const profile of ['main', 'sub']) {
      const before = pull(profile);
      await until(() => expect(before.openings).toBeGreaterThan(0));
      await before.stop();
    }
    // It starts anew with the other password.
    camera.state.credentials = CHANGED;
    clock.skip(30_000);
    const pullBoth = () => [pull('main'), pull('sub')];
    let streams = first === 'streams' ? pullBoth() : [];
    if (first === 'events') {
      camera.state.events.endAll();
      await until(() => expect(watch.trouble).toBeDefined());
    } else if (first === 'a picture') {
      await snapshots.fetch(never).catch(() => {});
    }
    camera.state.events.endAll();
    streams = streams.length > 0 ? streams : pullBoth();
    for (let minute = 0; minute < 29; minute += 1) {
      for (const stepMs of [0, 10_000, 50_000]) {
        await clock.advance(stepMs);
        await until(() => expect([...streams.map(rests), isOpening()]).toEqual([true, true, false]));
      }
      // Something moves each minute, and a still is wanted.
      await snapshots.fetch(never).catch(() => {});
    }
    expect(camera.state.wrongLogins).toHaveLength(2);
    expect(watch.trouble).toBeDefined();
    const reasons = streams.map(({ state }) => state?.kind === 'waiting' && explain(state.cause));
    expect(reasons).toContainEqual(expect.stringMatching(/refused .* tried again in \d+ min/));
  },
);

test('a wrong password is shown twice in half an hour by streams, events and pictures together, whoever comes first', async () => {
  for (const quirks of [{}, { login: 'token' }, { login: 'digest both', rtspLogin: 'both' }] as const) {
    const { camera, clock, pull, snapshots, isOpening } = await adopt(quirks, CHANGED);
    const streams = [pull('main', CHANGED), pull('sub', CHANGED)];
    for (let minute = 0; minute < 29; minute += 1) {
      await clock.advance(60_000);
      await snapshots.fetch(never).catch(() => {});
      await until(() => expect([...streams.map(rests), isOpening()]).toEqual([true, true, false]));
    }
    expect(camera.state.wrongLogins).toHaveLength(2);
  }
});

test('a stream with a wrong password is tried twice in half an hour; with another password at once', async () => {
  const { camera, clock, pull, watch } = await adopt();
  await until(() => expect(watch.trouble ?? camera.state.events.count).toBe(1));
  const wrong = pull('main', CHANGED);
  const tries: number[] = [];
  for (let seconds = 0; seconds < 2_400; seconds += 10) {
    await until(() => expect(rests(wrong)).toBe(true));
    if (camera.state.wrongLogins.length > tries.length) {
      tries.push(seconds);
    }
    await clock.advance(10_000);
  }
  expect(tries).toEqual([0, 10, 1_800]);
  await wrong.stop();
  const right = pull('main');
  await until(() => expect(right.openings).toBe(1));
  expect([camera.state.wrongLogins.length, watch.trouble]).toEqual([3, undefined]);
});
