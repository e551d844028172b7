import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { parseJson } from '../agent/base/files/parse-json.ts';
import { asksTimedate, readClockSigns } from './clock-signs.ts';
import { type PowerState, parseLifeTime, parseThrottled } from './raspberry.ts';

/** The state of a drive by its own measurements, or undefined if it reports none. */
interface Smart {
  readonly health: 'ok' | 'failing' | undefined;
  /** Used part of its life, at most 100. */
  readonly wornPercent: number | undefined;
  readonly temperatureCelsius: number | undefined;
}

/** Bit of the critical warnings (NVM Express Base 2.0, figure 207): the temperature is out of its range, which passes. */
const TEMPERATURE_WARNING = 1 << 1;
/** Statistics of solid state devices, and its percentage used (ATA ACS-4, 9.5.10). */
const SSD_PAGE = 7;
const PERCENTAGE_USED = 8;

/** @param output of `smartctl --json`, parsed; smartctl 7.0 and later */
export function parseSmart(output: unknown): Smart {
  const { passed, nvme } = recordOf(of(output, 'smart_status'));
  const warnings = smartCountOf(of(nvme, 'value')) ?? 0;
  const isHeatAlone = warnings === TEMPERATURE_WARNING;
  const degrees = of(of(output, 'temperature'), 'current');
  return {
    health: passed === true || (passed === false && isHeatAlone) ? 'ok' : passed === false ? 'failing' : undefined,
    wornPercent: wornPercentOf(output),
    temperatureCelsius: typeof degrees === 'number' && degrees > 0 && degrees < 150 ? degrees : undefined,
  };
}

function wornPercentOf(output: unknown): number | undefined {
  const page = listOf(of(of(output, 'ata_device_statistics'), 'pages')).find((one) => of(one, 'number') === SSD_PAGE);
  const statistic = listOf(of(page, 'table')).find((one) => of(one, 'offset') === PERCENTAGE_USED);
  const percent =
    smartCountOf(of(of(output, 'nvme_smart_health_information_log'), 'percentage_used')) ??
    smartCountOf(of(statistic, 'value')) ??
    smartCountOf(of(output, 'scsi_percentage_used_endurance_indicator'));
  return percent === undefined ? undefined : Math.min(100, percent);
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
const of = (value: unknown, key: string): unknown => recordOf(value)[key];
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const smartCountOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;

/** Source of the box's clock: the network, a clock with a battery, or unknown. */
export type ClockSource = 'network' | 'battery' | 'none';

export interface NetworkCount {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Counted since the interface came up, or undefined if not counted. */
  readonly receivedBytes: number | undefined;
  readonly sentBytes: number | undefined;
}

export interface Drive extends Smart {
  /** `/dev/sda`, `mmcblk0`. */
  readonly name: string;
  readonly model: string;
  readonly kind: string;
  readonly sizeBytes: number;
  /** The mean since the start of the machine, by the kernel's counter; undefined within the first hour. */
  readonly writtenBytesPerDay: number | undefined;
}

export interface SwapSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** Readings of a machine. Undefined, or an empty list: not available. */
export interface Sensors {
  temperatureCelsius(): Promise<number | undefined>;
  power(): Promise<PowerState | undefined>;
  /** Whether a fan is driven and does not turn. */
  hasStoppedFan(): Promise<boolean | undefined>;
  swap(): Promise<SwapSpace | undefined>;
  network(): Promise<readonly NetworkCount[]>;
  drives(): Promise<readonly Drive[]>;
  model(): Promise<string | undefined>;
  clockSource(wallMs: number): Promise<ClockSource>;
}

const SECTOR_BYTES = 512;
const DAY_SECONDS = 86_400;
const THROTTLED_FILE = 'sys/devices/platform/soc/soc:firmware/get_throttled';
const VCGENCMD = 'usr/bin/vcgencmd';
/** Output of smartctl for each drive, from `perch-drives.service`: Perch itself is not allowed to open drives there. */
const DRIVE_READINGS = 'run/perch-host/drives';

export function machineSensors(root = '/'): Sensors {
  return {
    temperatureCelsius: temperatureOf(root),
    power: () => power(root),
    hasStoppedFan: () => hasStoppedFan(root),
    swap: () => swap(root),
    network: () => network(root),
    drives: () => drives(root),
    model: () => model(root),
    clockSource: async (wallMs) => {
      const { isSet, markedMs } = readClockSigns(root, wallMs);
      const isFromNetwork = markedMs.length > 0 || (await asksTimedate(root));
      return isFromNetwork ? 'network' : isSet ? 'battery' : 'none';
    },
  };
}

/** Kernel files, else systeminformation, which runs programs; not called again if it finds nothing. */
function temperatureOf(root: string): () => Promise<number | undefined> {
  let isMissing = false;
  return async () => {
    const folder = join(root, 'sys/class/thermal');
    const zones = (await namesIn(folder)).filter((name) => name.startsWith('thermal_zone'));
    const read = await Promise.all(zones.map((zone) => fileText(join(folder, zone, 'temp'))));
    const degrees = read.map((text) => Number(text) / 1000).filter((value) => value > 0 && value < 150);
    if (degrees.length > 0 || isMissing) {
      return degrees.length > 0 ? Math.max(...degrees) : undefined;
    }
    const { main } = await (await systemInformation()).cpuTemperature();
    isMissing = main === null;
    return main !== null && main > 0 && main < 150 ? main : undefined;
  };
}

/** From the firmware, else from Linux's drivers: a service without devices may not ask the firmware. */
async function power(root: string): Promise<PowerState | undefined> {
  const text = await fileText(join(root, THROTTLED_FILE));
  const program = join(root, VCGENCMD);
  return (
    (text === undefined ? undefined : parseThrottled(text)) ??
    (existsSync(program) ? parseThrottled(await outputOf(program, ['get_throttled'])) : undefined) ??
    kernelPower(root)
  );
}

/**
 * From Linux's own drivers: `raspberrypi-hwmon` notices low voltage, and thermal zones limit the processor's frequency
 * as a cooling device.
 */
async function kernelPower(root: string): Promise<PowerState | undefined> {
  const [monitors, coolers] = await Promise.all([
    entriesOf(root, 'sys/class/hwmon', ['name', 'in0_lcrit_alarm']),
    entriesOf(root, 'sys/class/thermal', ['type', 'cur_state']),
  ]);
  const voltage = monitors.find(([name]) => name === 'rpi_volt')?.[1];
  const limits = coolers
    .filter(([type = '']) => /cpufreq|^Processor$/.test(type))
    .map(([, state]) => Number(state) > 0);
  if (voltage === undefined && limits.length === 0) {
    return undefined;
  }
  const seen = (now: boolean) => ({ now, sinceStart: now });
  return { underVoltage: seen(voltage === '1'), slowed: seen(limits.includes(true)), hot: seen(false) };
}

/** By the files of Linux's hwmon: `fan1_input` in revolutions per minute, `pwm1` from 0 to 255. */
async function hasStoppedFan(root: string): Promise<boolean | undefined> {
  const monitors = await entriesOf(root, 'sys/class/hwmon', ['fan1_input', 'fan1_fault', 'pwm1']);
  const fans = monitors.filter(([speed]) => speed !== undefined && countOf(speed) !== undefined);
  const isStopped = ([speed, fault, drive]: readonly (string | undefined)[]) =>
    fault === '1' || (Number(speed) === 0 && Number(drive ?? 0) > 0);
  return fans.length === 0 ? undefined : fans.some(isStopped);
}

async function swap(root: string): Promise<SwapSpace | undefined> {
  const text = (await fileText(join(root, 'proc/meminfo'))) ?? '';
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d{1,12}) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
  const totalBytes = bytes('SwapTotal');
  return totalBytes === 0 ? undefined : { totalBytes, freeBytes: bytes('SwapFree') };
}

/** The files `names` of each entry of a folder of sysfs. */
async function entriesOf(
  root: string,
  folder: string,
  names: readonly string[],
): Promise<readonly (string | undefined)[][]> {
  const entries = await namesIn(join(root, folder));
  return Promise.all(
    entries.map((entry) => Promise.all(names.map((name) => fileText(join(root, folder, entry, name))))),
  );
}

async function network(root: string): Promise<readonly NetworkCount[]> {
  const outside = Object.entries(networkInterfaces()).flatMap(([name, all = []]): [string, string[]][] => {
    const addresses = all.filter(({ internal }) => !internal).map(({ address }) => address);
    return addresses.length === 0 ? [] : [[name, addresses]];
  });
  const count = async (name: string, what: string): Promise<number | undefined> => {
    const text = await fileText(join(root, 'sys/class/net', name, 'statistics', what));
    return text === undefined ? undefined : countOf(text);
  };
  return Promise.all(
    outside.map(async ([name, addresses]) => ({
      name,
      addresses,
      receivedBytes: await count(name, 'rx_bytes'),
      sentBytes: await count(name, 'tx_bytes'),
    })),
  );
}

async function drives(root: string): Promise<readonly Drive[]> {
  const [disks, cards] = await Promise.all([(await systemInformation()).diskLayout(), flashCards(root)]);
  const others = disks.filter(({ device }) => !cards.some(({ name }) => device.endsWith(name)));
  const drives = others.map(async ({ device, name, type, size, smartData, smartStatus }): Promise<Drive> => {
    const block = device.replace(/^.*\//, '');
    const smart = parseSmart((await jsonOf(join(root, DRIVE_READINGS, `${block}.json`))) ?? smartData);
    return {
      name: device,
      model: printableText(name),
      kind: type,
      sizeBytes: Math.max(0, size || 0),
      ...smart,
      // After a drive without SMART the library has no data of the others, but their status.
      health: smart.health ?? (/^ok$/i.test(smartStatus) ? 'ok' : /fail/i.test(smartStatus) ? 'failing' : undefined),
      writtenBytesPerDay: await writtenBytesPerDay(root, block),
    };
  });
  return [...(await Promise.all(drives)), ...cards];
}

async function flashCards(root: string): Promise<readonly Drive[]> {
  const folder = join(root, 'sys/block');
  const names = (await namesIn(folder)).filter((name) => /^mmcblk\d+$/.test(name));
  return Promise.all(
    names.map(async (name): Promise<Drive> => {
      const read = async (file: string) => (await fileText(join(folder, name, file))) ?? '';
      return {
        name,
        model: printableText(await read('device/name')),
        kind: 'SD',
        // The kernel counts sectors of 512 bytes, whatever the card's sector size.
        sizeBytes: (countOf(await read('size')) ?? 0) * SECTOR_BYTES,
        health: undefined,
        wornPercent: parseLifeTime(await read('device/life_time')),
        writtenBytesPerDay: await writtenBytesPerDay(root, name),
        temperatureCelsius: undefined,
      };
    }),
  );
}

/** Linux, Documentation/block/stat.rst. @param name of the block device */
async function writtenBytesPerDay(root: string, name: string): Promise<number | undefined> {
  const [stat, up] = await Promise.all([
    fileText(join(root, 'sys/block', name, 'stat')),
    fileText(join(root, 'proc/uptime')),
  ]);
  const sectors = countOf(stat?.split(/\s+/)[6] ?? '');
  const seconds = Number(/^\d{1,12}/.exec(up ?? '')?.[0]);
  return sectors !== undefined && seconds >= 3_600
    ? Math.round((sectors * SECTOR_BYTES * DAY_SECONDS) / seconds)
    : undefined;
}

async function model(root: string): Promise<string | undefined> {
  const board = printableText((await fileText(join(root, 'proc/device-tree/model'))) ?? '');
  if (board !== '') {
    return board;
  }
  const { manufacturer, model: name } = await (await systemInformation()).system();
  return [manufacturer, name].filter(Boolean).join(' ') || undefined;
}

/** Device trees have placeholder entries: values that are not numbers are left out. */
const countOf = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined);

/** A name as the firmware writes it, cleaned for display. */
const printableText = (text: string): string =>
  text
    .replaceAll(/\p{C}|\ufffd/gu, '')
    .trim()
    .slice(0, 100);

/** Imported at first use, so that a start does not pay for it. */
const systemInformation = async () => (await import('systeminformation')).default;

async function fileText(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch {
    return undefined;
  }
}

const jsonOf = async (file: string): Promise<unknown> => parseJson((await fileText(file)) ?? '');

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

const outputOf = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile(program, args, { timeout: 2_000 }, (error, output) => resolve(error ? '' : output));
  });
