import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { machineSensors } from './sensors.ts';

/** @returns a folder with these files */
function folderOf(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'perch-sensors-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text, { mode: 0o755 });
  }
  return root;
}

/** A machine of these files. */
const machine = (files: Readonly<Record<string, string>>) => machineSensors(folderOf(files));

test('a Raspberry Pi reports temperature, power, card and model', async () => {
  const pi = machine({
    'sys/class/thermal/thermal_zone0/temp': '61234\n',
    'sys/class/thermal/cooling_device0/cur_state': '1\n',
    'sys/devices/platform/soc/soc:firmware/get_throttled': '50005\n',
    'sys/block/mmcblk0/device/name': 'SD64G\n',
    'sys/block/mmcblk0/device/life_time': '0x01 0x03\n',
    'sys/block/mmcblk0/size': '1000\n',
    'sys/block/mmcblk0/stat': '  900  3 7000 20  600 5 40000 80 0 90 100\n',
    'proc/uptime': '86400.12 99.00\n',
    'sys/block/mmcblk0boot0/size': '8\n',
    'proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.4\0',
  });
  expect(await pi.temperatureCelsius()).toBe(61.234);
  expect(await pi.power()).toMatchObject({ underVoltage: { now: true, sinceStart: true }, hot: { now: false } });
  expect(await pi.model()).toBe('Raspberry Pi 4 Model B Rev 1.4');
  expect(await pi.drives()).toContainEqual({
    ...{ name: 'mmcblk0', model: 'SD64G', kind: 'SD', sizeBytes: 512_000 },
    ...{ health: undefined, wornPercent: 30, writtenBytesPerDay: 20_480_000, temperatureCelsius: undefined },
  });
});

test("the health of a drive comes from root's reading, else from smartctl itself", async () => {
  const disks = ['sda', 'sdb', 'sdc'].map((name) => ({
    name,
    type: 'disk',
    size: 1_000,
    model: 'A disk',
    tran: 'sata',
  }));
  const programs = folderOf({
    lsblk: `#!/bin/sh\necho '${JSON.stringify({ blockdevices: disks })}'\n`,
    // The last parameter is the drive.
    smartctl:
      '#!/bin/sh\nfor drive; do :; done\necho \'{"smartctl":{"argv":["\'$drive\'"]},"smart_status":{"passed":true}}\'\n',
  });
  vi.stubEnv('PATH', `${programs}:${process.env['PATH']}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const reading = (passed: boolean, current: number) =>
    JSON.stringify({ smart_status: { passed }, temperature: { current } });
  const box = machine({
    'run/perch-host/drives/sda.json': reading(false, 41),
    'run/perch-host/drives/sdb.json': '{ no JSON',
  });
  expect(await box.drives()).toMatchObject([
    { name: '/dev/sda', model: 'A disk', health: 'failing', temperatureCelsius: 41 },
    { name: '/dev/sdb', health: 'ok', temperatureCelsius: undefined },
    { name: '/dev/sdc', health: 'ok' },
  ]);
});

test("without the kernel's file the firmware's program is run, and a failed one reports nothing", async () => {
  const asked = machine({ 'usr/bin/vcgencmd': '#!/bin/sh\necho throttled=0x10000\n' });
  expect(await asked.power()).toMatchObject({ underVoltage: { now: false, sinceStart: true } });
  const failing = machine({ 'usr/bin/vcgencmd': '#!/bin/sh\necho throttled=0x10000\nexit 1\n' });
  expect(await failing.power()).toBeUndefined();
  expect(await machine({}).power()).toBeUndefined();
});

test.for([
  ["the firmware's program fails", { 'usr/bin/vcgencmd': '#!/bin/sh\nexit 255\n' }],
  ["the kernel's file of the firmware is empty", { 'sys/devices/platform/soc/soc:firmware/get_throttled': '' }],
] as const)("Linux's own drivers tell low voltage if %s", async ([, files]) => {
  const drivers = { 'sys/class/hwmon/hwmon1/name': 'rpi_volt\n', 'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '1\n' };
  expect(await machine({ ...files, ...drivers }).power()).toMatchObject({ underVoltage: { now: true } });
});

test("without both, Linux's own drivers tell low voltage and a limited processor", async () => {
  const board = (files: Readonly<Record<string, string>>) =>
    machine({ 'sys/class/hwmon/hwmon1/name': 'rpi_volt\n', ...files });
  const power = async (files: Readonly<Record<string, string>>) => {
    const { underVoltage, slowed } = (await board(files).power()) ?? {};
    return [underVoltage?.now, slowed?.now];
  };
  const alarm = 'sys/class/hwmon/hwmon1/in0_lcrit_alarm';
  const cooler = 'sys/class/thermal/cooling_device0';
  expect(await power({ [alarm]: '0\n' })).toEqual([false, false]);
  expect(await power({ [alarm]: '1\n' })).toEqual([true, false]);
  const limited = { [`${cooler}/type`]: 'cpufreq-cpu0\n', [`${cooler}/cur_state`]: '2\n' };
  expect(await power({ [alarm]: '0\n', ...limited })).toEqual([false, true]);
  // A fan that turns is a cooling device, too.
  const fan = { [`${cooler}/type`]: 'pwm-fan\n', [`${cooler}/cur_state`]: '4\n' };
  expect(await power({ [alarm]: '0\n', ...fan })).toEqual([false, false]);
});

test.for([
  [undefined, {}],
  [false, { fan1_input: '2400', pwm1: '120' }],
  [true, { fan1_input: '0', pwm1: '120' }],
  // Cool enough without it.
  [false, { fan1_input: '0', pwm1: '0' }],
  [false, { fan1_input: '0' }],
  [true, { fan1_input: '900', fan1_fault: '1' }],
  [undefined, { fan1_input: 'unknown', pwm1: '120' }],
] as const)('a stopped fan: %s of %o', async ([isStopped, files]) => {
  const named = Object.entries(files).map(([name, text]) => [`sys/class/hwmon/hwmon0/${name}`, `${text}\n`]);
  expect(await machine(Object.fromEntries(named)).hasStoppedFan()).toBe(isStopped);
});

test('swap space comes from the kernel; without any there is none', async () => {
  const meminfo = (text: string) => machine({ 'proc/meminfo': text }).swap();
  expect(await meminfo('MemTotal: 900 kB\nSwapTotal:     2000 kB\nSwapFree:       500 kB\n')).toEqual({
    ...{ totalBytes: 2_048_000, freeBytes: 512_000 },
  });
  expect(await meminfo('MemTotal: 900 kB\nSwapTotal:        0 kB\nSwapFree:        0 kB\n')).toBeUndefined();
  expect(await machine({}).swap()).toBeUndefined();
});

test.for([
  ['network', { 'run/systemd/timesync/synchronized': '' }],
  ['battery', { 'sys/class/rtc/rtc0/since_epoch': `${Date.UTC(2026, 5, 1) / 1000}\n` }],
  ['none', {}],
] as const)('a clock is known to have its time from: %s', async ([source, files]) => {
  expect(await machine(files).clockSource(Date.UTC(2026, 5, 1))).toBe(source);
});

test('this machine answers each question, if only with nothing', async () => {
  const here = machineSensors();
  const network = await here.network();
  expect(network.every(({ name, addresses }) => name !== 'lo' && addresses.length > 0)).toBe(true);
  expect(Array.isArray(await here.drives())).toBe(true);
  expect(['string', 'undefined']).toContain(typeof (await here.model()));
  expect(['number', 'undefined']).toContain(typeof (await here.temperatureCelsius()));
});

const ODD = [
  ['empty', ''],
  ['a word', 'unknown\n'],
  ['no number', 'NaN\n'],
  ['endless', 'Infinity\n'],
  ['below nothing', '-5\n'],
  ['far too large', `${'9'.repeat(40)}\n`],
  ['bytes that are no text', '\u0000\u0001\ufffd'],
  ['a megabyte', 'x'.repeat(1 << 20)],
] as const;

test.for(ODD)('kernel entries that are %s count as missing', async ([, text]) => {
  const odd = machine({
    'sys/class/thermal/thermal_zone0/temp': text,
    'sys/class/thermal/thermal_zone1/temp': '45000\n',
    'sys/devices/platform/soc/soc:firmware/get_throttled': text,
    'sys/block/mmcblk0/device/name': 'SD64G\n',
    'sys/block/mmcblk0/device/life_time': text,
    'sys/block/mmcblk0/size': text,
    'sys/block/mmcblk0/stat': text,
    'proc/uptime': text,
    'sys/class/rtc/rtc0/since_epoch': text,
    'proc/device-tree/model': text,
  });
  expect(await odd.temperatureCelsius()).toBe(45);
  expect(await odd.power()).toBeUndefined();
  const [card] = (await odd.drives()).filter(({ name }) => name === 'mmcblk0');
  expect(card).toMatchObject({ sizeBytes: 0, wornPercent: undefined, writtenBytesPerDay: undefined });
  expect(await odd.clockSource(Date.UTC(2026, 5, 1))).toBe('none');
  const model = await odd.model();
  expect(model === undefined || (model.length > 0 && model.length <= 100)).toBe(true);
});

test('a folder in place of a file, and a file in place of a folder, yield no value', async () => {
  const odd = machine({
    'sys/class/thermal/thermal_zone0/temp/more': '1\n',
    'sys/devices/platform/soc/soc:firmware/get_throttled/more': '1\n',
    'sys/block/mmcblk0/size/more': '1\n',
    'sys/class/rtc': '',
    'proc/device-tree/model/more': '1\n',
  });
  expect(await odd.power()).toBeUndefined();
  expect(['number', 'undefined']).toContain(typeof (await odd.temperatureCelsius()));
  expect((await odd.drives()).find(({ name }) => name === 'mmcblk0')).toMatchObject({ model: '', sizeBytes: 0 });
  expect(await odd.clockSource(Date.UTC(2026, 5, 1))).toBe('none');
});
