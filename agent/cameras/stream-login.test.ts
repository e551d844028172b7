import { expect, onTestFinished, test, vi } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { openSession } from '../onvif/device/onvif-session.ts';
import { Snapshots } from '../onvif/device/snapshots.ts';
import { readChannels } from '../onvif/events/channels.ts';
import { EventSubscription } from '../onvif/events/event-subscription.ts';
import { LoginMemory, type LoginTurn } from '../onvif/soap/login/login-memory.ts';
import { RtspSource } from '../sources/rtsp/client.ts';
import { rtspLoginTarget } from '../sources/rtsp/protocol.ts';
import { type SourceState, supervise } from '../sources/supervisor.ts';
import { streamLogin } from './stream-login.ts';

const RIGHT = { user: 'admin', password: 'right' };
const CHANGED = { user: 'admin', password: 'changed' };
const never = new AbortController().signal;
const STEP_MS = 2_000;
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 2 });

interface Pulled {
  state: SourceState | undefined;
  openings: number;
}

/** All automatic logins to an adopted camera: streams, events, pictures. */
async function adopt(quirks: Quirks = {}, login = RIGHT) {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ credentials: RIGHT, clock, quirks });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const logins = new LoginMemory(clock);
  const isLoginPending = watchLogins(logins);
  let calls = 0;
  const counted = <T>(call: Promise<T>): Promise<T> => {
    calls += 1;
    return call.finally(() => {
      calls -= 1;
    });
  };
  const watch = new EventSubscription({
    open: (signal) => counted(openSession({ url: camera.url, ...login, signal, clock, logins })),
    channels: (session) => counted(readChannels(session, [{ path: 'cam', profile: undefined }])),
    memory: { left: () => undefined, keep: () => {} },
    notify: () => {},
    isMissing: () => false,
    ...{ clock, log: silentLogger },
  });
  onTestFinished(() => watch.close());
  const snapshots = new Snapshots({ url: camera.url, ...login, maxBytes: 60_000, clock, logins });
  const pull = (profile: string, as = login) => pullStream({ camera, clock, logins, profile, login: as });
  /** Moves the clock by steps shorter than a login may take; between them the streams rest, and no login waits for its reply. */
  const advance = async (ms: number, ...streams: readonly Pulled[]) => {
    const isBusy = () => calls > 0 || isLoginPending() || !streams.every(rests);
    await until(() => expect(isBusy()).toBe(false));
    for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
      await clock.advance(Math.min(leftMs, STEP_MS));
      await until(() => expect(isBusy()).toBe(false));
    }
  };
  return { camera, clock, logins, watch, snapshots, pull, advance };
}

/** @returns whether a login waits for the camera's reply */
function watchLogins(logins: LoginMemory): () => boolean {
  const pending = new Set<LoginTurn>();
  const next = logins.turn.bind(logins);
  logins.turn = async (...asked) => {
    const turn = await next(...asked);
    pending.add(turn);
    const ended =
      <A extends unknown[]>(end: (...args: A) => void) =>
      (...args: A): void => {
        pending.delete(turn);
        end(...args);
      };
    return {
      accepted: ended(turn.accepted),
      refused: ended(turn.refused),
      end: ended(turn.end),
      lost: ended(turn.lost),
      detach: ended(turn.detach),
    };
  };
  return () => pending.size > 0;
}

interface PullOptions {
  readonly camera: OnvifCamera;
  readonly clock: FakeClock;
  readonly logins: LoginMemory;
  readonly profile: string;
  readonly login: typeof RIGHT;
  readonly confirm?: () => Promise<void>;
}

function pullStream({ camera, clock, logins, profile, login, confirm }: PullOptions) {
  const url = camera.rtspUrl(profile);
  const options = { logins, clock, ...(confirm && { confirm }) };
  const loginWatch = streamLogin(() => rtspLoginTarget(url, 'cam'), { onvif: camera.url, ...login }, options);
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
  'all together try a password that was changed in the camera twice in half an hour: %s, first come %s',
  async ([kind, first]) => {
    const { camera, clock, watch, snapshots, pull, advance } = await adopt(KINDS[kind]);
    await snapshots.fetch(never);
    await until(() => expect(watch.trouble ?? camera.state.events.count).toBe(1));
    // Their streams have run before.
    for (const profile of ['main', 'sub']) {
      const before = pull(profile);
      await until(() => expect(before.openings).toBeGreaterThan(0));
      await before.stop();
    }
    // The camera restarts with the other password.
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
      await advance(60_000, ...streams);
      // Something moves each minute, and a still is wanted.
      await snapshots.fetch(never).catch(() => {});
    }
    expect(camera.state.wrongLogins).toHaveLength(2);
    expect(watch.trouble).toBeDefined();
    const reasons = streams.map(({ state }) => state?.kind === 'waiting' && explain(state.cause));
    expect(reasons).toContainEqual(expect.stringMatching(/refused .* tried again in \d+ min/));
  },
);

test('streams, events and pictures together try a wrong password twice in half an hour, in any order', async () => {
  for (const quirks of [{}, { login: 'token' }, { login: 'digest both', rtspLogin: 'both' }] as const) {
    const { camera, pull, snapshots, advance } = await adopt(quirks, CHANGED);
    const streams = [pull('main', CHANGED), pull('sub', CHANGED)];
    for (let minute = 0; minute < 29; minute += 1) {
      await advance(60_000, ...streams);
      await snapshots.fetch(never).catch(() => {});
    }
    expect(camera.state.wrongLogins).toHaveLength(2);
  }
});

test('a stream with a wrong password is tried twice in half an hour; with another password at once', async () => {
  const { camera, pull, watch, advance } = await adopt();
  await until(() => expect(watch.trouble ?? camera.state.events.count).toBe(1));
  const wrong = pull('main', CHANGED);
  const tries: number[] = [];
  // Up to the next try, ten minutes after the third.
  for (let seconds = 0; seconds < 2_390; seconds += 10) {
    await advance(0, wrong);
    if (camera.state.wrongLogins.length > tries.length) {
      tries.push(seconds);
    }
    await advance(10_000, wrong);
  }
  expect(tries).toEqual([0, 10, 1_800]);
  await wrong.stop();
  const right = pull('main');
  await until(() => expect(right.openings).toBe(1));
  expect([camera.state.wrongLogins.length, watch.trouble]).toEqual([3, undefined]);
});

test('a device that turns out to be another camera gets no login, though it asks for one', async () => {
  const { camera, clock, logins } = await adopt();
  const asked: string[] = [];
  const confirm = async () => {
    asked.push('identity');
    throw new PerchError('unavailable', 'another camera is there');
  };
  const pulled = pullStream({ camera, clock, logins, profile: 'main', login: CHANGED, confirm });
  await until(() => expect(rests(pulled)).toBe(true));
  expect(pulled.state).toMatchObject({ cause: { message: 'another camera is there' } });
  expect([asked, camera.state.wrongLogins, pulled.openings]).toEqual([['identity'], [], 0]);
  expect(logins.triesLeft({ ...CHANGED, camera: new URL(camera.url).host, host: '127.0.0.1' })).toBe(4);
});
