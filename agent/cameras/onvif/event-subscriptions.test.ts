import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { MAIN_PROFILE, type OnvifCamera, SUB_PROFILE, startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger, silentLogger } from '../../base/log.ts';
import { type Config, parseConfig } from '../../config/load/load.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import type { NewEvent } from '../../record/events/event-hub.ts';
import { Stream } from '../../stream/stream.ts';
import { CameraSnapshots } from '../snapshots.ts';
import { Controls } from './controls.ts';
import { EventSubscriptions, type EventSubscriptionsOptions } from './event-subscriptions.ts';
import { SubscriptionFile } from './subscription-file.ts';

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { interval: 10 });
const count = (camera: OnvifCamera, operation: string) => camera.operations.filter((one) => one === operation).length;

async function startCamera(quirks: Quirks = {}) {
  const camera = await startOnvifCamera({ quirks, profiles: [MAIN_PROFILE, SUB_PROFILE] });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return camera;
}

function configOf(paths: string): Config {
  const { config } = parseConfig(
    `perch: own\npaths:\n${paths}`,
    'perch.yml',
    {},
    { recordPath: '/d/%path/%s%f', cwd: '/', keys: KEYS },
  );
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

const pathOf = (name: string, camera: OnvifCamera, more = '', block = '') =>
  `  ${name}:\n    source: rtsp://127.0.0.1:1/x\n${more}    camera: {onvif: '${camera.url}'${block}}\n`;

async function begin(
  text: string,
  folder?: string,
  {
    clock = systemClock,
    log = silentLogger,
    isReplaced = () => false,
    isTurning = () => false,
    timeServerFor = () => undefined,
  }: Partial<Pick<EventSubscriptionsOptions, 'clock' | 'log' | 'isReplaced' | 'isTurning' | 'timeServerFor'>> = {},
) {
  const dataDir = folder ?? (await mkdtemp(join(tmpdir(), 'perch-watches-')));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  let config = configOf(text);
  const logged: string[] = [];
  const added: NewEvent[] = [];
  const writing = new FakeClock();
  const memory = new SubscriptionFile(join(dataDir, 'camera-subscriptions.json'), writing, silentLogger);
  await memory.load();
  const watches = new EventSubscriptions({
    config: () => config,
    clock,
    log,
    events: {
      add: async (event: NewEvent) => {
        const { path, type, state } = event;
        logged.push(`${path} ${type} ${state ?? 'once'}`);
        added.push(event);
        return {} as CameraEvent;
      },
    },
    isReplaced,
    isTurning,
    isMissing: () => false,
    memory,
    isClockTrusted: () => true,
    timeServerFor,
  });
  onTestFinished(() => watches.close());
  watches.apply();
  return {
    dataDir,
    logged,
    added,
    watches,
    writing,
    apply: (next: string) => {
      config = configOf(next);
      watches.apply();
    },
  };
}

test('the paths of one camera share a subscription; its main path gets the events', async () => {
  const camera = await startCamera();
  const sub = pathOf('door_sub', camera, '', ', profile: sub');
  const { logged } = await begin(sub + pathOf('door', camera, '    record: always\n', ', profile: main'));
  await until(() => expect(count(camera, 'PullMessages')).toBeGreaterThanOrEqual(2));
  camera.motion(true);
  camera.motion(false);
  await until(() => expect(logged).toEqual(['door motion start', 'door motion end']));
  expect(count(camera, 'CreatePullPointSubscription')).toBe(1);
});

test('a sub stream that records motion gets the events, too', async () => {
  const camera = await startCamera();
  const motion = '    record: motion\n';
  const { logged, added } = await begin(pathOf('door', camera, motion) + pathOf('door_sub', camera, motion));
  await until(() => expect(count(camera, 'PullMessages')).toBeGreaterThanOrEqual(2));
  camera.motion(true);
  await until(() => expect(logged).toEqual(['door motion start', 'door_sub motion start']));
  // One event: labels of the one are labels of the other.
  const [one, other] = added.map(({ id, startUs }) => ({ id, startUs }));
  expect(one).toEqual(other);
  expect(one?.id).toMatch(/^[0-9a-f-]{36}$/);
  camera.motion(false);
  await until(() => expect(added.map(({ id }) => id)).toEqual([one?.id, one?.id, undefined, undefined]));
});

test('a relay has the state that its camera reports, also when another program has switched it', async () => {
  const camera = await startCamera({ relays: { 'Bell <1>': {}, gate: { idle: 'closed' } }, tellsRelays: 'active' });
  const { watches, logged, apply } = await begin(pathOf('door', camera) + pathOf('door_sub', camera));
  const states = () => [watches.isRelayOn('door', 'Bell <1>'), watches.isRelayOn('door_sub', 'gate')];
  await until(() => expect(states()).toEqual([false, false]));
  camera.state.outputs.switch('Bell <1>', true);
  camera.state.outputs.switch('gate', true);
  await until(() => expect(states()).toEqual([true, true]));
  camera.state.outputs.switch('Bell <1>', false);
  await until(() => expect(states()).toEqual([false, true]));
  expect(watches.isRelayOn('other', 'gate')).toBeUndefined();
  // It is no event of the camera.
  expect([logged, watches.unknownTopics('door')]).toEqual([[], []]);
  apply(pathOf('door', camera, '', ', events: no'));
  expect(states()[0]).toBeUndefined();
});

test('the state of a relay is not known while the camera is away', async () => {
  const clock = new FakeClock();
  const camera = await startCamera({ relays: { bell: {} }, tellsRelays: 'true' });
  const { watches } = await begin(pathOf('door', camera), undefined, { clock });
  await until(() => expect(watches.isRelayOn('door', 'bell')).toBe(false));
  await camera[Symbol.asyncDispose]();
  await until(() => expect(watches.isRelayOn('door', 'bell')).toBeUndefined());
});

test('motion of a camera does not count if a feature reports it, and its other events do', async () => {
  const camera = await startCamera({ dialect: 'reolink' });
  const { logged } = await begin(pathOf('door', camera), undefined, { isReplaced: (_, kind) => kind === 'motion' });
  await until(() => expect(count(camera, 'PullMessages')).toBeGreaterThanOrEqual(2));
  camera.motion(true);
  camera.happens('person', true);
  await until(() => expect(logged).toEqual(['door person start']));
});

test('a camera that Perch turns sees motion and tampering of its own, which do not count; persons do', async () => {
  const camera = await startCamera({ dialect: 'reolink' });
  let isTurning = true;
  const { logged } = await begin(pathOf('door', camera), undefined, {
    isTurning: (path) => path === 'door' && isTurning,
  });
  await until(() => expect(count(camera, 'PullMessages')).toBeGreaterThanOrEqual(2));
  camera.motion(true);
  camera.happens('person', true);
  await until(() => expect(logged).toEqual(['door person start']));
  camera.motion(false);
  camera.happens('person', false);
  await until(() => expect(logged).toContain('door person end'));
  isTurning = false;
  camera.motion(true);
  await until(() => expect(logged.at(-1)).toBe('door motion start'));
  // The end of an event that runs counts.
  isTurning = true;
  camera.motion(false);
  await until(() => expect(logged.at(-1)).toBe('door motion end'));
});

test('motion that begins while Perch turns the camera is an event if it continues after the turn', async () => {
  const camera = await startCamera();
  const clock = new FakeClock();
  let isTurning = true;
  const { logged } = await begin(pathOf('door', camera), undefined, { clock, isTurning: () => isTurning });
  await until(() => expect(count(camera, 'PullMessages')).toBeGreaterThanOrEqual(2));
  const pulls = async (work: () => void) => {
    const before = count(camera, 'PullMessages');
    work();
    await until(() => expect(count(camera, 'PullMessages')).toBeGreaterThan(before));
  };
  // It ends a moment after the turn: it was the turn.
  await pulls(() => camera.motion(true));
  isTurning = false;
  await clock.advance(3_000);
  await pulls(() => camera.motion(false));
  await clock.advance(20_000);
  expect(logged).toEqual([]);
  isTurning = true;
  await pulls(() => camera.motion(true));
  await clock.advance(20_000);
  expect(logged).toEqual([]);
  isTurning = false;
  await clock.advance(7_000);
  expect(logged).toEqual(['door motion start']);
  await clock.advance(20_000);
  await pulls(() => camera.motion(false));
  await until(() => expect(logged).toEqual(['door motion start', 'door motion end']));
});

test('a path with events: no is not subscribed, and a change takes effect at once', async () => {
  const camera = await startCamera();
  const { apply } = await begin(pathOf('door', camera, '', ', events: no'));
  apply(pathOf('door', camera));
  await until(() => expect(camera.state.events.count).toBe(1));
  apply(pathOf('door', camera, '    maxReaders: 4\n'));
  apply(pathOf('door', camera, '', ', events: no'));
  await until(() => expect(camera.state.events.count).toBe(0));
  expect(count(camera, 'CreatePullPointSubscription')).toBe(1);
});

test('a replaced camera gets a subscription and control once its path no longer has the other serial number', async () => {
  const camera = await startCamera();
  const another = pathOf('door', camera, '', ', serial: another');
  const { apply } = await begin(another);
  let config = configOf(another);
  const controls = new Controls({ config: () => config, clock: systemClock, log: silentLogger });
  onTestFinished(() => controls.close());
  await expect(controls.control('door')?.ptz.move({ pan: 1 })).rejects.toThrow('another camera is at its address');
  await until(() => expect(count(camera, 'GetDeviceInformation')).toBeGreaterThanOrEqual(2));
  expect(camera.state.events.count).toBe(0);
  config = configOf(pathOf('door', camera));
  await controls.control('door')?.ptz.move({ pan: 1 });
  expect(camera.ptz.moving).toBe(true);
  apply(pathOf('door', camera));
  await until(() => expect(camera.state.events.count).toBe(1));
});

test('a camera with another endpoint gets no login: for events, for PTZ, for a picture', async () => {
  const camera = await startOnvifCamera({ credentials: { user: 'other', password: 'other' } });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const block = ', endpoint: urn:uuid:00000000-0000-4000-8000-000000000001, serial: S1, user: me, password: hunter2';
  const text = pathOf('door', camera, '', block);
  await begin(text);
  const config = configOf(text);
  const controls = new Controls({ config: () => config, clock: systemClock, log: silentLogger });
  onTestFinished(() => controls.close());
  const other = 'another camera is at its address';
  await expect(controls.control('door')?.ptz.move({ pan: 1 })).rejects.toThrow(other);
  const { signal } = new AbortController();
  await expect(new CameraSnapshots(() => config).sourceOf('door')?.fetch(signal)).rejects.toThrow(other);
  await until(() => expect(count(camera, 'GetEndpointReference')).toBe(3));
  expect(camera.operations).not.toContain('GetDeviceInformation');
  expect(camera.requests.filter(({ hasToken }) => hasToken)).toEqual([]);
});

test('no unsubscription is sent to another camera at the same address', async () => {
  const login = { user: 'me', password: 'hunter2' };
  const camera = await startOnvifCamera({ credentials: login });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const block = `, endpoint: '${camera.endpoint}', user: me, password: hunter2`;
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const { watches } = await begin(pathOf('door', camera, '', block), undefined, { clock, log });
  // The first pull returns the initial states, the second waits.
  await until(() => expect(count(camera, 'PullMessages')).toBe(2));
  const { address, port } = camera;
  await camera.stop();
  const other = await startOnvifCamera({ address, port, credentials: { user: 'other', password: 'other' } });
  onTestFinished(() => other[Symbol.asyncDispose]());
  // The pull that the first one's end has broken off; then the pause after it.
  await until(() => expect(logged.map(([, phrase]) => phrase)).toContain('events of the camera are not received'));
  await clock.advance(5_000);
  await until(() => expect(other.operations).toContain('GetEndpointReference'));
  await watches.close();
  expect(other.requests.filter(({ hasToken }) => hasToken)).toEqual([]);
});

test('the shutdown ends subscriptions; a crash leaves them on the disk, without passwords', async () => {
  const camera = await startCamera({ wantsReferenceParameters: true });
  const { watches, writing, dataDir } = await begin(pathOf('door', camera, '', ', user: me, password: hunter2'));
  await until(() => expect(camera.state.events.count).toBe(1));
  const file = join(dataDir, 'camera-subscriptions.json');
  await until(async () => {
    await writing.advance(5_000);
    await readFile(file);
  });
  const left = await readFile(file, 'utf8');
  expect(left).toContain('SubscriptionId');
  expect(left).not.toContain('hunter2');
  await watches.close();
  expect(camera.state.events.count).toBe(0);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ subscriptions: [] });
});

test.for(['{"subscriptions": [{"camera": 7}, null]}', '[]', 'null', '{{{'])(
  'a damaged list of subscriptions counts as empty: %s',
  async (text) => {
    const camera = await startCamera();
    const dataDir = await mkdtemp(join(tmpdir(), 'perch-watches-'));
    await writeFile(join(dataDir, 'camera-subscriptions.json'), text);
    await begin(pathOf('door', camera), dataDir);
    await until(() => expect(camera.state.events.count).toBe(1));
  },
);

test('a clock is set if the owner enabled it, and only if it is wrong', async () => {
  const [off, right, other] = [
    await startCamera({ clockOffsetMs: -3_600_000 }),
    await startCamera({ clockOffsetMs: 2_000 }),
    await startCamera({ clockOffsetMs: -3_600_000 }),
  ];
  const sets = ', setClock: yes, events: no';
  await begin(pathOf('off', off, '', sets) + pathOf('right', right, '', ', setClock: yes') + pathOf('other', other));
  await until(() => expect(Math.abs(off.state.clockOffsetMs)).toBeLessThan(3_000));
  await until(() => expect(right.state.events.count + other.state.events.count).toBe(2));
  expect([right, other].map((camera) => count(camera, 'SetSystemDateAndTime'))).toEqual([0, 0]);
});

test('a camera in the network for cameras gets the box as its time server, once', async () => {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ clock, quirks: { clockOffsetMs: -3_600_000 } });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const timeServerFor = (host: string) => (host === camera.address ? '10.83.83.1' : undefined);
  await begin(pathOf('door', camera, '', ', setClock: yes, events: no'), undefined, { clock, timeServerFor });
  await until(() => expect(camera.state).toMatchObject({ ntpServer: '10.83.83.1', dateTimeType: 'NTP' }));
  expect(Math.abs(camera.state.clockOffsetMs)).toBeLessThan(3_000);
  await until(() => expect(count(camera, 'GetNTP')).toBe(3));
  await clock.advance(3_600_000);
  await until(() => expect(count(camera, 'GetNTP')).toBe(4));
  expect(count(camera, 'SetNTP')).toBe(1);
  // Set to another one on the camera's own page.
  camera.state.ntpServer = 'pool.ntp.org';
  await clock.advance(3_600_000);
  await until(() => expect(camera.state.ntpServer).toBe('10.83.83.1'));
});

test('a camera that does not keep its time is retried each hour, and logged once', async () => {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ clock, quirks: { clockOffsetMs: -3_600_000 } });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  Object.defineProperty(camera.state, 'clockOffsetMs', { get: () => -3_600_000, set: () => {} });
  const lines: string[] = [];
  const config = configOf(pathOf('door', camera, '', ', setClock: yes, events: no'));
  const watches = new EventSubscriptions({
    config: () => config,
    clock,
    log: createLogger('debug', (line) => lines.push(line)),
    events: { add: () => Promise.reject(new Error('no events')) },
    isReplaced: () => false,
    isTurning: () => false,
    isMissing: () => false,
    memory: new SubscriptionFile('/nowhere/subscriptions.json', clock, silentLogger),
    isClockTrusted: () => true,
    timeServerFor: () => undefined,
  });
  onTestFinished(() => watches.close());
  watches.apply();
  const logged = () => lines.filter((line) => line.includes('setting the clock of a camera failed'));
  for (const times of [1, 2, 3]) {
    await until(() => expect(logged()).toHaveLength(times));
    await clock.advance(3_600_000);
  }
  expect(count(camera, 'SetSystemDateAndTime')).toBeGreaterThanOrEqual(3);
  expect(logged().filter((line) => !/debug|"level":20/i.test(line))).toHaveLength(1);
});

test('a stream with long GOPs requests a key frame for the profile of the path', async () => {
  const camera = await startCamera();
  const config = configOf(pathOf('door', camera, '', ', profile: sub'));
  const controls = new Controls({ config: () => config, clock: systemClock, log: silentLogger });
  onTestFinished(() => controls.close());
  const stream = new Stream([]);
  vi.spyOn(stream, 'groupMs', 'get').mockReturnValue(9_000);
  controls.streamOpened('door', stream);
  stream.requestKeyFrame();
  await until(() => expect(camera.state.keyFrameRequests).toEqual(['sub']));
  expect(controls.control('missing')).toBeUndefined();
});

test('a change of settings stops a moving camera', async () => {
  const camera = await startCamera({ ignoresMoveTimeout: true });
  let config = configOf(pathOf('door', camera));
  const controls = new Controls({ config: () => config, clock: systemClock, log: silentLogger });
  onTestFinished(() => controls.close());
  await controls.control('door')?.ptz.move({ pan: 1 });
  expect(camera.ptz.moving).toBe(true);
  config = configOf('  door: {}\n');
  controls.apply();
  await until(() => expect(camera.ptz.moving).toBe(false));
  expect(controls.control('door')).toBeUndefined();
});
