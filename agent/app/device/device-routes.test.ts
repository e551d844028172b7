import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import type { Sensors } from '../../../system/sensors.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { LOOPBACK } from '../../../test/support/harness/http/control-api-harness.ts';
import { openHttpHarness } from '../../../test/support/harness/http/http-harness.ts';
import type { Problem } from '../../config/yaml/problem.ts';
import type { Host } from '../../features/contract.ts';
import { nativeStatus, openDatagramReceiver, openGcmCipher, openStreamReader } from '../../native/native.ts';
import { PacketMemory } from '../../native/packet-memory.ts';
import { OpenFeatures } from '../features/open-features.ts';
import { DeviceRoutes, type DeviceRoutesDeps } from './device-routes.ts';

const PASSWORD = 'correct horse battery';
const SEEN = { now: false, sinceStart: true };
const SENSORS: Sensors = {
  temperatureCelsius: async () => 82.5,
  power: async () => ({ underVoltage: SEEN, slowed: SEEN, hot: SEEN }),
  hasStoppedFan: async () => false,
  swap: async () => ({ totalBytes: 1e9, freeBytes: 5e8 }),
  network: async () => [{ name: 'eth0', addresses: ['192.168.1.5'], receivedBytes: 1, sentBytes: 1 }],
  drives: async () => [
    {
      ...{ name: 'mmcblk0', model: 'SD64G', kind: 'SD', sizeBytes: 64e9 },
      ...{ health: undefined, wornPercent: 70, writtenBytesPerDay: 12_000_000, temperatureCelsius: undefined },
    },
  ],
  model: async () => 'Raspberry Pi 5',
  clockSource: async () => 'none',
};

async function open(sensors: Sensors, problems: readonly Problem[] = []) {
  const clock = new FakeClock();
  const box = await openHttpHarness({ password: PASSWORD });
  onTestFinished(() => box[Symbol.asyncDispose]());
  await box.accounts.people.addUser({ name: 'ann', cameras: 'all', live: true, recordings: true }, 'another password');
  const deps = {
    ...{ version: 'v1.2.3', dataDir: tmpdir(), clock, sensors, name: { current: 'perch-2.local' } },
    load: { read: () => ({ cpuPercent: 3.5, memoryBytes: 1e8, heapUsedBytes: 5e7 }) },
    recordings: { isClockTrusted: false, space: { list: () => [] } },
    events: { emit: () => {} },
    signal: new AbortController().signal,
    configFile: undefined,
    features: new OpenFeatures([], {} as Host),
    problems: () => problems,
  } as unknown as DeviceRoutesDeps;
  const routes = new DeviceRoutes(deps, '2026-01-01T00:00:00Z');
  await routes.mount(box.app, box.access);
  const ask = async (user: string, password: string) => {
    const headers = { ...LOOPBACK.headers, authorization: `Basic ${btoa(`${user}:${password}`)}` };
    return (await box.app.inject({ ...LOOPBACK, method: 'GET', url: '/v3/system', headers })).json();
  };
  return { clock, ask, readings: () => routes.readings() };
}

test('a reading of load and temperature asks nothing else of the box, such as its drives', async () => {
  const asked: string[] = [];
  const counted = new Proxy(SENSORS, {
    get: (sensors, name: keyof Sensors) => {
      asked.push(name);
      return sensors[name];
    },
  });
  const { readings } = await open(counted);
  expect(await readings()).toMatchObject({ temperature: 82.5, disk: null, newest: 'v1.2.3' });
  expect(asked).toEqual(['temperatureCelsius']);
});

test("the owner reads the machine's temperature, power, network, clock and drives, and Perch's share", async () => {
  const { clock, ask } = await open(SENSORS);
  await clock.advance(90_000);
  expect(await ask('owner', PASSWORD)).toMatchObject({
    ...{
      version: 'v1.2.3',
      name: 'perch-2.local',
      model: 'Raspberry Pi 5',
      temperatureCelsius: 82.5,
      processCpuPercent: 3.5,
    },
    ...{
      uptimeSeconds: 90,
      power: { underVoltage: SEEN },
      swap: { totalBytes: 1e9, freeBytes: 5e8 },
      hardwareFaults: [],
    },
    network: [{ name: 'eth0', addresses: ['192.168.1.5'], inboundBitrate: null }],
    clock: { set: false, source: 'none', time: '2026-01-01T00:01:30.000Z' },
    drives: [{ name: 'mmcblk0', health: null, wornPercent: 70, writtenBytesPerDay: 12_000_000 }],
    disks: [{ folder: tmpdir() }],
    cpuPercent: expect.any(Number),
    canRestart: false,
  });
});

test('the owner reads which native functions are in use, or why not, and null before they are needed', async () => {
  openStreamReader();
  openGcmCipher(new PacketMemory(1), 12);
  await openDatagramReceiver();
  const { ask } = await open(SENSORS);
  const { bursts, batches, gcm, reads } = nativeStatus();
  expect([batches, gcm, reads].map(({ isUsed }) => typeof isUsed)).toEqual(['boolean', 'boolean', 'boolean']);
  expect((await ask('owner', PASSWORD)).native).toEqual({
    ...{ udpBursts: bursts.isUsed ?? null, udpBurstsReason: bursts.reason ?? null },
    ...{ udpBatches: batches.isUsed, udpBatchesReason: batches.reason ?? null },
    ...{ aesGcm: gcm.isUsed, aesGcmReason: gcm.reason ?? null },
    ...{ tcpReads: reads.isUsed, tcpReadsReason: reads.reason ?? null },
  });
});

test('a machine without sensors is shown with the known values', async () => {
  const silent = async () => {
    throw new Error('no such sensor');
  };
  const { ask } = await open({
    ...{ temperatureCelsius: silent, power: silent, network: silent, hasStoppedFan: silent, swap: silent },
    ...{ drives: silent, model: silent, clockSource: silent },
  });
  expect(await ask('owner', PASSWORD)).toMatchObject({
    ...{ model: null, temperatureCelsius: null, power: null, swap: null, network: [], drives: [] },
    memoryTotalBytes: expect.any(Number),
  });
});

test('the owner reads the error of the configuration file and its line', async () => {
  const place = { file: 'perch.yml', line: 6, column: 3 };
  const note: Problem = { ...place, severity: 'warn', key: 'hls', message: 'has been renamed' };
  const fault: Problem = { ...place, severity: 'error', key: 'api', message: "'maybe' is not yes or no" };
  const well = await open(SENSORS, [note]);
  expect(await well.ask('owner', PASSWORD)).toMatchObject({ configFault: null });
  const { ask } = await open(SENSORS, [note, fault]);
  expect(await ask('owner', PASSWORD)).toMatchObject({
    configFault: { line: 6, key: 'api', message: "'maybe' is not yes or no" },
  });
});

test('a viewer has no access', async () => {
  const { ask } = await open(SENSORS);
  expect(await ask('ann', 'another password')).toEqual({ status: 'error', error: 'authentication error' });
});
