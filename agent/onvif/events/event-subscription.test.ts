import { expect, onTestFinished, test, vi } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { DIALECTS, type DialectName, type Happening } from '../../../test/onvif-camera/event-dialects.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { createLogger } from '../../base/log.ts';
import { openSession } from '../device/onvif-session.ts';
import { cameraError } from '../soap/http/failures.ts';
import { LoginMemory } from '../soap/login/login-memory.ts';
import { readChannels } from './channels.ts';
import { Detections, SILENCE_MS } from './detections.ts';
import { EventSubscription } from './event-subscription.ts';
import { PullPoint, type SubscriptionReference } from './pull-point.ts';

const MINUTE_MS = 60_000;
const LOGIN = { user: 'admin', password: 'pässword' };

interface Box {
  reference: SubscriptionReference | undefined;
}

function listen(
  camera: OnvifCamera,
  clock: FakeClock,
  kept: Box = { reference: undefined },
  more: Partial<ConstructorParameters<typeof EventSubscription>[0]> = {},
) {
  const notified: string[] = [];
  const lines: string[] = [];
  const logins = new LoginMemory(clock);
  const watch = new EventSubscription({
    open: (signal) => openSession({ url: camera.url, ...LOGIN, signal, clock, logins }),
    channels: (session) => readChannels(session, [{ path: 'cam', profile: undefined }]),
    memory: {
      left: () => kept.reference,
      keep: (reference) => {
        kept.reference = reference;
      },
    },
    notify: ([path], type, isOn) => notified.push(`${path} ${type} ${isOn}`),
    isMissing: () => false,
    clock,
    log: createLogger('info', (line) => lines.push(line)),
    ...more,
  });
  onTestFinished(() => watch.close());
  return { watch, notified, lines, kept };
}

async function begin(quirks: Quirks = {}) {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ quirks, clock, credentials: LOGIN });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return { clock, camera, ...listen(camera, clock) };
}

const until = (check: () => void) => vi.waitFor(check, { interval: 5 });
const count = (camera: OnvifCamera, operation: string) => camera.operations.filter((one) => one === operation).length;
/** The camera waits with the answer to a pull. */
const pulls = (camera: OnvifCamera, times: number) =>
  until(() => expect(count(camera, 'PullMessages')).toBeGreaterThanOrEqual(times));

/** Advances the clock until `check` passes. */
const passUntil = (clock: FakeClock, stepMs: number, check: () => void) =>
  vi.waitFor(
    async () => {
      await clock.advance(stepMs);
      check();
    },
    { timeout: 8_000, interval: 5 },
  );

const EVERY_DIALECT = Object.entries(DIALECTS).flatMap(([name, dialect]) =>
  (Object.keys(dialect) as Happening[]).map((happening) => [name as DialectName, happening] as const),
);

test.for(EVERY_DIALECT)('%s reports %s: its begin and its end', async ([dialect, happening]) => {
  const { camera, notified } = await begin({ dialect });
  await pulls(camera, 2);
  expect(notified).toEqual([]);
  camera.happens(happening, true);
  await until(() => expect(notified).toEqual([`cam ${happening} true`]));
  camera.happens(happening, false);
  await until(() => expect(notified).toEqual([`cam ${happening} true`, `cam ${happening} false`]));
});

test('an unknown topic is logged and listed once, and is an event of its nearest type', async () => {
  const { camera, notified, watch, lines } = await begin();
  await pulls(camera, 2);
  const before = lines.length;
  for (const value of ['false', 'true', 'false', 'true']) {
    camera.state.events.tell('tns1:Device/Trigger/tnshik:AlarmIn', 'State', value);
  }
  camera.state.events.tell('tns1:RuleEngine/Counter', 'Count', '3');
  camera.state.events.tell('tns1:Monitoring/ProcessorUsage', 'Value', '1');
  await until(() => expect(notified).toEqual(['cam input true', 'cam input false', 'cam input true']));
  await until(() =>
    expect(watch.unknownTopics).toEqual([
      { topic: 'Device/Trigger/AlarmIn', type: 'input' },
      { topic: 'RuleEngine/Counter', type: undefined },
    ]),
  );
  expect(lines.slice(before)).toEqual([
    expect.stringContaining('"topic":"Device/Trigger/AlarmIn","event":"input"'),
    expect.stringContaining('"topic":"RuleEngine/Counter","event":"none"'),
  ]);
  for (let i = 0; i < 100; i += 1) {
    camera.state.events.tell(`tns1:RuleEngine/Count${'x'.repeat(i)}`, 'Count', '3');
  }
  await until(() => expect(watch.unknownTopics).toHaveLength(32));
});

test.for<[string, Quirks]>([
  ['on another port', { subscribesOnOtherPort: true }],
  ['under another host, which is not believed', { subscriptionHost: '192.0.2.7' }],
  ['known by reference parameters', { wantsReferenceParameters: true }],
  ['that compare To with the very address', { wantsExactTo: true }],
  ['of another host that compare To', { wantsExactTo: true, subscriptionHost: '192.0.2.7' }],
  ['behind HTTP Digest', { login: 'digest' }],
  ['that tell 1 and 0', { tellsDigits: true }],
  ['whose ends are deletions', { tellsDeleted: true }],
  ['without a state at the beginning', { tellsNoInitialState: true }],
])('pull points %s', async ([, quirks]) => {
  const { camera, notified } = await begin(quirks);
  await pulls(camera, quirks.tellsNoInitialState ? 1 : 2);
  camera.motion(true);
  camera.motion(false);
  await until(() => expect(notified).toEqual(['cam motion true', 'cam motion false']));
});

test.for<[string, Quirks]>([
  ['loses ends', { losesEnds: true }],
  ['tells pulses only', { tellsPulsesOnly: true }],
])('a camera that %s: motion ends without news', async ([, quirks]) => {
  const { camera, clock, notified } = await begin(quirks);
  await pulls(camera, 2);
  camera.motion(true);
  camera.motion(false);
  await until(() => expect(notified).toEqual(['cam motion true']));
  await clock.advance(SILENCE_MS - 10_000);
  expect(notified).toEqual(['cam motion true']);
  await clock.advance(20_000);
  expect(notified).toEqual(['cam motion true', 'cam motion false']);
});

test('a subscription is renewed at half its time, and ended without listeners', async () => {
  const { camera, clock, watch, kept } = await begin();
  await pulls(camera, 2);
  await passUntil(clock, 5_000, () => expect(count(camera, 'Renew')).toBe(3));
  expect(count(camera, 'CreatePullPointSubscription')).toBe(1);
  expect(clock.monoMs()).toBeGreaterThan(2 * MINUTE_MS);
  expect(kept.reference).toBeDefined();
  await watch.close();
  expect(camera.state.events.count).toBe(0);
  expect(kept.reference).toBeUndefined();
});

test.for<[NonNullable<Quirks['refusesRenew']>, number]>([
  ['relative', 1],
  ['absolute', 1],
  ['always', 3],
])(
  'Renew refused (%s): subscriptions made after ten renewals or so: %s at least, never two at a time',
  async ([refusesRenew, made]) => {
    const { camera, clock, notified } = await begin({ refusesRenew });
    await pulls(camera, 2);
    await passUntil(clock, 5_000, () => {
      expect(camera.state.events.count).toBeLessThanOrEqual(1);
      expect(clock.monoMs()).toBeGreaterThan(4 * MINUTE_MS);
      expect(count(camera, 'CreatePullPointSubscription')).toBeGreaterThanOrEqual(made);
    });
    if (refusesRenew !== 'always') {
      expect(count(camera, 'CreatePullPointSubscription')).toBe(1);
    }
    await until(() => expect(camera.state.events.count).toBe(1));
    camera.motion(true);
    await until(() => expect(notified).toEqual(['cam motion true']));
  },
);

// Tapo C220: closes the connection after 10 s without data.
test('a connection that breaks during a long poll is not logged: the next polls are shorter, and the subscription stays', async () => {
  const { camera, clock, notified } = await begin({ cutsPullsAfterMs: 10_000 });
  await pulls(camera, 2);
  await passUntil(clock, 1_000, () => expect(clock.monoMs()).toBeGreaterThan(50_000));
  expect(count(camera, 'CreatePullPointSubscription')).toBe(1);
  const waits = camera.requests.flatMap(({ text }) => /<tev:Timeout>PT(\d+)S/.exec(text)?.[1] ?? []).map(Number);
  expect(waits[0]).toBe(30);
  expect(waits.at(-1)).toBeLessThan(10);
  camera.motion(true);
  await until(() => expect(notified).toEqual(['cam motion true']));
});

test.for([0, 300, 900])('a camera that holds a pull for only %d ms is asked once a second', async (afterMs) => {
  const { camera, clock, notified } = await begin({ answersPullsAfterMs: afterMs });
  await passUntil(clock, 100, () => expect(count(camera, 'PullMessages')).toBeGreaterThan(6));
  const [before, sinceMs] = [count(camera, 'PullMessages'), clock.monoMs()];
  await passUntil(clock, 100, () => expect(clock.monoMs() - sinceMs).toBeGreaterThanOrEqual(10_000));
  // The clock may have been in the middle of a second.
  expect(count(camera, 'PullMessages') - before).toBeLessThanOrEqual(11);
  camera.motion(true);
  await passUntil(clock, 100, () => expect(notified).toEqual(['cam motion true']));
});

test('a camera that drops its subscriptions at once is asked ever less often', async () => {
  const { camera, clock } = await begin({ forgetsSubscriptions: true });
  await passUntil(clock, 1_000, () => expect(count(camera, 'CreatePullPointSubscription')).toBe(6));
  expect(clock.monoMs()).toBeGreaterThanOrEqual((5 + 10 + 20 + 40 + 80) * 1_000);
});

test.for<[string, Quirks]>([
  ['lies about them', { events: 'lies' }],
  ['has none', { events: 'none' }],
])('a camera without events that %s is reported once, and asked again hours later', async ([, quirks]) => {
  const { camera, clock, watch, lines } = await begin(quirks);
  await until(() => expect(watch.trouble).toBeDefined());
  const asked = camera.operations.length;
  for (let i = 0; i < 60; i += 1) {
    await clock.advance(5 * MINUTE_MS);
  }
  expect(camera.operations).toHaveLength(asked);
  expect(lines).toHaveLength(1);
  await clock.advance(90 * MINUTE_MS);
  await until(() => expect(camera.operations.length).toBeGreaterThan(asked));
  expect(lines).toHaveLength(1);
});

test('after a reboot the subscription and the clock are renewed, and running motion ends', async () => {
  const { camera, clock, notified } = await begin({ losesClockAtReboot: true });
  await pulls(camera, 2);
  camera.motion(true);
  await until(() => expect(notified).toEqual(['cam motion true']));
  const rebooted = camera.reboot();
  await passUntil(clock, 1_000, () => expect(camera.state.events.count).toBe(1));
  await rebooted;
  await passUntil(clock, 1_000, () => expect(notified).toEqual(['cam motion true', 'cam motion false']));
  const before = count(camera, 'PullMessages');
  await pulls(camera, before);
  camera.motion(true);
  await until(() => expect(notified).toHaveLength(3));
});

test('a pull point left by a crash is ended at the next start, for cameras with a single one', async () => {
  const clock = new FakeClock();
  const quirks: Quirks = { subscriptionsAtMost: 1, wantsReferenceParameters: true, wantsExactTo: true };
  const camera = await startOnvifCamera({ quirks, clock });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const signal = new AbortController().signal;
  const before = await PullPoint.create(await openSession({ url: camera.url, signal, clock }), clock);
  const { notified, watch } = listen(camera, clock, { reference: before.reference });
  await pulls(camera, 2);
  expect(camera.operations.filter((one) => /subscri/i.test(one))).toEqual([
    'CreatePullPointSubscription',
    'Unsubscribe',
    'CreatePullPointSubscription',
  ]);
  camera.motion(true);
  await until(() => expect(notified).toEqual(['cam motion true']));
  expect(watch.trouble).toBeUndefined();
});

test('a login that is not taken is not tried until the camera locks', async () => {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ clock, credentials: { ...LOGIN, password: 'another' } });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const { watch, lines } = listen(camera, clock);
  await until(() => expect(watch.trouble).toMatch(/password/));
  await passUntil(clock, 5 * MINUTE_MS, () => expect(clock.monoMs()).toBeGreaterThan(120 * MINUTE_MS));
  const open = ['GetSystemDateAndTime', 'GetServices', 'GetCapabilities'];
  const guesses = camera.requests.filter(({ hasToken, operation }) => hasToken && !open.includes(operation));
  // Two each half hour at most: cameras lock at five.
  expect(guesses.length).toBeLessThanOrEqual(10);
  expect(lines).toHaveLength(1);
});

test.for([
  ['timeout', false, 1],
  ['unreachable', false, 1],
  ['timeout', true, 0],
] as const)(
  'a camera whose subscription fails with "%s" again and again is logged once, unless its stream is missing, too (%s)',
  async ([trouble, isMissing, logged]) => {
    const clock = new FakeClock();
    const camera = await startOnvifCamera({ clock });
    onTestFinished(() => camera[Symbol.asyncDispose]());
    let tries = 0;
    let isAnswering = false;
    const open = async (signal: AbortSignal) => {
      tries += 1;
      if (!isAnswering) {
        throw cameraError(trouble, 'no reply from the camera within 2 s');
      }
      return openSession({ url: camera.url, signal, clock });
    };
    const { lines, watch } = listen(camera, clock, undefined, { open, isMissing: () => isMissing });
    // One or two may be those of a camera that starts.
    await passUntil(clock, 1_000, () => expect(tries).toBe(2));
    expect(lines).toEqual([]);
    await passUntil(clock, 1_000, () => expect(tries).toBe(8));
    expect(lines).toHaveLength(logged);
    expect(lines.join('')).toContain(logged ? 'no reply from the camera within 2 s' : '');
    expect(watch.trouble).toBe('no reply from the camera within 2 s');
    isAnswering = true;
    await passUntil(clock, 5_000, () => expect(watch.trouble).toBeUndefined());
    expect(lines).toHaveLength(logged + 1);
    expect(lines.at(-1)).toContain('events of the camera are received');
  },
);

test('an internal error is logged, and the camera is subscribed again after a growing pause', async () => {
  const { clock, camera, notified, watch, lines } = await begin();
  await pulls(camera, 2);
  const take = vi.spyOn(Detections.prototype, 'take').mockImplementation(() => {
    throw new TypeError('a bug');
  });
  onTestFinished(() => take.mockRestore());
  camera.motion(true);
  await until(() => expect(watch.trouble).toBe('internal error'));
  camera.motion(false);
  await passUntil(clock, 5_000, () => expect(lines.filter((line) => line.includes('TypeError'))).toHaveLength(2));
  take.mockRestore();
  await clock.advance(9_000);
  expect(watch.trouble).toBe('internal error');
  await passUntil(clock, 1_000, () => expect(watch.trouble).toBeUndefined());
  camera.motion(true);
  await passUntil(clock, 1_000, () => expect(notified.at(-1)).toBe('cam motion true'));
});

test('a camera with too many states is logged once', async () => {
  const { clock, camera, lines } = await begin();
  await pulls(camera, 2);
  const notified = () => lines.filter((line) => line.includes('too many camera events'));
  for (let round = 1; round <= 3; round += 1) {
    for (let i = 0; i < 40; i += 1) {
      camera.motion(true);
      camera.motion(false);
    }
    const before = count(camera, 'PullMessages');
    await passUntil(clock, 1_000, () => expect(count(camera, 'PullMessages')).toBeGreaterThan(before));
    await until(() => expect(notified()).toHaveLength(1));
  }
});
