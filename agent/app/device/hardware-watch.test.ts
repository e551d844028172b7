import { expect, test } from 'vitest';
import type { HostHealth } from '../../../system/host-health.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { NewEvent } from '../../record/events/event-hub.ts';
import { HardwareWatch } from './hardware-watch.ts';

type Power = NonNullable<HostHealth['power']>;
const NO = { now: false, sinceStart: false };
const NOW = { now: true, sinceStart: true };
const WELL: Power = { underVoltage: NO, slowed: NO, hot: NO };
const DRIVE = {
  ...{ name: '/dev/sda', model: 'A', kind: 'SSD', sizeBytes: 1e12 },
  writtenBytesPerDay: undefined,
  temperatureCelsius: undefined,
};

function setup() {
  const clock = new FakeClock();
  const host = {
    power: WELL as Power | undefined,
    hasStoppedFan: undefined as boolean | undefined,
    swap: undefined as HostHealth['swap'],
    freeMemory: 0.05,
    drives: [] as HostHealth['drives'] | undefined,
    drivesTakeMs: 0,
  };
  const events: string[] = [];
  const published: string[] = [];
  const end = new AbortController();
  const watch = new HardwareWatch({
    ...{ clock, log: silentLogger, signal: end.signal },
    host: {
      hardware: async () => host,
      readDrives: async () => {
        if (host.drivesTakeMs > 0) {
          await clock.sleep(host.drivesTakeMs, end.signal);
        }
        return host.drives;
      },
    },
    freeMemoryShare: () => host.freeMemory,
    publish: (type, { state, why, present, text }) => void published.push([type, state, why, present, text].join('|')),
    events: () => ({
      add: async ({ path, type, state, text = '' }: NewEvent) => {
        events.push([path, type, state, text].join('|'));
        throw new Error('the disk is full');
      },
    }),
  });
  const faults = () => watch.faults.map(({ why, name }) => (name === null ? why : `${why} of ${name}`));
  return { clock, host, events, published, end, watch, faults };
}

test('low voltage is an event of the box from its first moment until it was absent for a minute', async () => {
  const { clock, host, events, watch, faults } = setup();
  await clock.advance(60_000);
  expect(faults()).toEqual([]);
  host.power = { ...WELL, underVoltage: NOW };
  await clock.advance(10_000);
  const [fault] = watch.faults;
  expect(fault).toMatchObject({ why: 'underVoltage', name: null, sinceMs: clock.wallMs() });
  expect(events).toEqual(['|hardware|start|underVoltage: the voltage of the power supply is too low']);
  host.power = WELL;
  await clock.advance(50_000);
  host.power = { ...WELL, underVoltage: NOW };
  await clock.advance(10_000);
  expect(watch.faults).toEqual([fault]);
  host.power = WELL;
  await clock.advance(60_000);
  expect(faults()).toEqual([]);
  expect(events.slice(1)).toEqual(['|hardware|end|']);
});

test('a fault that outlasts its event is published as present until it is over', async () => {
  const { clock, host, published } = setup();
  host.power = { ...WELL, underVoltage: NOW };
  await clock.advance(2 * 3_600_000);
  const words = 'underVoltage: the voltage of the power supply is too low';
  expect(published).toEqual([`box|hardware|underVoltage|true|${words}`]);
  host.power = WELL;
  await clock.advance(70_000);
  expect(published.slice(1)).toEqual([`box|hardware|underVoltage|false|${words}`]);
});

test.for([
  ['slowed', 20_000, { power: { ...WELL, slowed: NOW } }],
  ['hot', 20_000, { power: { ...WELL, hot: NOW } }],
  ['fan', 20_000, { hasStoppedFan: true }],
  ['swap', 60_000, { swap: { totalBytes: 1_000, freeBytes: 100 } }],
] as const)('%s counts after %i ms, a shorter one does not', async ([why, afterMs, state]) => {
  const { clock, host, faults } = setup();
  const before = { ...host };
  Object.assign(host, state);
  await clock.advance(afterMs);
  Object.assign(host, before);
  await clock.advance(10_000);
  expect(faults()).toEqual([]);
  Object.assign(host, state);
  await clock.advance(afterMs + 10_000);
  expect(faults()).toEqual([why]);
});

test('full swap space is no fault while memory is free', async () => {
  const { clock, host, faults } = setup();
  Object.assign(host, { swap: { totalBytes: 1_000, freeBytes: 0 }, freeMemory: 0.5 });
  await clock.advance(600_000);
  expect(faults()).toEqual([]);
  host.freeMemory = 0.09;
  await clock.advance(70_000);
  expect(faults()).toEqual(['swap']);
});

test('drives are read after a minute and every six hours, and each has its own faults', async () => {
  const { clock, host, events, faults } = setup();
  host.drives = [
    { ...DRIVE, health: 'failing', wornPercent: undefined },
    { ...DRIVE, name: 'mmcblk0', health: undefined, wornPercent: 90 },
    { ...DRIVE, name: '/dev/sdb', health: 'ok', wornPercent: 80 },
  ];
  await clock.advance(50_000);
  expect(faults()).toEqual([]);
  await clock.advance(10_000);
  expect(faults()).toEqual(['failing of /dev/sda', 'worn of mmcblk0']);
  expect(events[0]).toBe('|hardware|start|failing: /dev/sda: the drive reports that it is failing (SMART)');
  host.drives = [{ ...DRIVE, health: 'ok', wornPercent: undefined }];
  await clock.advance(6 * 3_600_000);
  expect(faults()).toEqual([]);
  expect(events.slice(2)).toEqual(['|hardware|end|', '|hardware|end|']);
});

test('a disk that takes long to answer is reported once it has, and delays nothing else', async () => {
  const { clock, host, faults } = setup();
  host.drives = [{ ...DRIVE, health: 'failing', wornPercent: undefined }];
  host.drivesTakeMs = 45_000;
  await clock.advance(60_000);
  host.power = { ...WELL, underVoltage: NOW };
  await clock.advance(10_000);
  expect(faults()).toEqual(['underVoltage']);
  await clock.advance(40_000);
  expect(faults()).toEqual(['underVoltage', 'failing of /dev/sda']);
});

test('drives that cannot be read keep their faults, and are read again a minute later', async () => {
  const { clock, host, events, faults } = setup();
  host.drives = [{ ...DRIVE, health: 'failing', wornPercent: undefined }];
  await clock.advance(60_000);
  host.drives = undefined;
  await clock.advance(6 * 3_600_000);
  expect(faults()).toEqual(['failing of /dev/sda']);
  host.drives = [{ ...DRIVE, health: 'ok', wornPercent: undefined }];
  await clock.advance(70_000);
  expect(faults()).toEqual([]);
  expect(events).toHaveLength(2);
});

test('it ends with Perch', async () => {
  const { clock, host, end, faults } = setup();
  end.abort();
  host.hasStoppedFan = true;
  await clock.advance(3_600_000);
  expect(faults()).toEqual([]);
});
