/** What of a path's settings the page looks at, as `/v3/config/paths/get` has them. */
export interface PathConfig {
  readonly name: string;
  /** The path is wrong in the file: it has nothing else then. */
  readonly error?: string;
  readonly source?: string;
  readonly record?: boolean | 'motion';
  readonly recordPath?: string;
  readonly recordDeleteAfter?: string;
  readonly recordMaxSize?: string;
  readonly audio?: boolean;
  readonly camera?: Readonly<Record<string, unknown>> & { readonly name?: string };
}

export type RecordWhen = 'always' | 'motion' | 'no';

/** What the form of a camera holds. */
export interface CameraSettings {
  readonly name: string;
  readonly record: RecordWhen;
  /** `FOR_EVER`: until the room is needed. */
  readonly days: number;
  /** Of all its recordings; `NO_LIMIT`: as many as fit. */
  readonly maxBytes: number;
  readonly sound: boolean;
}

/** Larger than all other steps. */
export const FOR_EVER = 1_000_000;
export const DAY_STEPS = [1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 180, 365, FOR_EVER];

export const NO_LIMIT = 1e18;
const GB = 1_000_000_000;
export const SIZE_STEPS = [...[10, 20, 50, 100, 200, 500, 1000, 2000, 5000].map((size) => size * GB), NO_LIMIT];

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS };

/** `14d`, `1h30m0s` in days; nothing is for ever. */
export function daysOf(text: string): number {
  let ms = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    ms += Number(amount) * (UNITS[unit] ?? 0);
  }
  return ms === 0 ? FOR_EVER : ms / DAY_MS;
}

export const durationOf = (days: number): string =>
  days === FOR_EVER ? '0s' : Number.isInteger(days) ? `${days}d` : `${Math.round((days * DAY_MS) / 1000)}s`;

/** As the device says sizes: `46.6G`, in powers of 1024. */
export function bytesOf(text: string): number {
  const [, amount = '0', unit = ''] = /^([\d.]+)([KMGT]?)/.exec(text) ?? [];
  const bytes = Math.round(Number(amount) * 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf(unit));
  return bytes === 0 ? NO_LIMIT : bytes;
}

const sizeTextOf = (bytes: number): string => (bytes === NO_LIMIT ? '0B' : `${bytes}B`);

export const recordWhen = ({ record }: Pick<PathConfig, 'record'>): RecordWhen =>
  record === 'motion' ? record : record === true ? 'always' : 'no';

/** @param name what it is called where nobody has named it */
export const settingsOf = (config: PathConfig, name: string): CameraSettings => ({
  name: config.camera?.name ?? name,
  record: recordWhen(config),
  days: daysOf(config.recordDeleteAfter ?? ''),
  maxBytes: bytesOf(config.recordMaxSize ?? ''),
  sound: config.audio !== false,
});

/** What is sent to the device. Of the camera's block all that was shown goes with it: its passwords are kept where they are hidden. */
export const changeOf = (changed: Partial<CameraSettings>, { camera }: PathConfig): object => ({
  ...(changed.name === undefined ? {} : { camera: { ...camera, name: changed.name.trim() } }),
  ...(changed.record === undefined
    ? {}
    : { record: changed.record === 'motion' ? changed.record : changed.record === 'always' }),
  ...(changed.days === undefined ? {} : { recordDeleteAfter: durationOf(changed.days) }),
  ...(changed.maxBytes === undefined ? {} : { recordMaxSize: sizeTextOf(changed.maxBytes) }),
  ...(changed.sound === undefined ? {} : { audio: changed.sound }),
});

/** What recordings of a path take, as `/v3/recordings/usage` has it. */
export interface PathUse {
  readonly path: string;
  readonly title: string | null;
  readonly configured: boolean;
  readonly bytes: number;
  readonly bytesPerDay: number | null;
  readonly reachesBackDays: number | null;
  readonly wantedDays: number | null;
  readonly fitsDays: number | null;
}

export interface StorageUse {
  readonly bytes: number;
  readonly bytesPerDay: number | null;
  readonly reachesBackDays: number | null;
  readonly items: readonly PathUse[];
}

/** A disk that recordings go to, as `/v3/disks` has it. */
export interface RecordingDisk {
  readonly folder: string;
  readonly totalBytes: number;
  /** Null: the disk is not there. */
  readonly freeBytes: number | null;
  readonly state: 'ok' | 'filling' | 'nearlyFull' | 'full' | 'readOnly' | 'vanished' | 'hanging' | 'failing';
  readonly error: string | null;
  readonly since: string;
  readonly minFreeBytes: number;
  readonly fullInDays: number | null;
  readonly keepsDays: number | null;
  readonly deletionsHeld: string | null;
  readonly deletionsHeldWhy: 'protection' | 'clock' | 'date' | null;
}

/** The disk that a camera's recordings go to: the deepest folder above them. */
export function diskOf(recordPath: string, disks: readonly RecordingDisk[]): RecordingDisk | undefined {
  const above = disks.filter(({ folder }) => `${recordPath}/`.startsWith(`${folder.replace(/\/$/, '')}/`));
  return above.sort((a, b) => b.folder.length - a.folder.length)[0] ?? (disks.length === 1 ? disks[0] : undefined);
}

/** What so many days take at the rate of the last day; undefined: nobody knows yet. */
export function costBytes(use: PathUse | undefined, days: number, maxBytes: number): number | undefined {
  const perDay = use?.bytesPerDay ?? undefined;
  return perDay === undefined || days === FOR_EVER ? undefined : Math.min(maxBytes, perDay * days);
}

/** How many days there will be; undefined: as many as are wanted, or nobody knows. */
export const fewerDays = (use: PathUse | undefined, days: number): number | undefined => {
  const fits = use?.fitsDays ?? undefined;
  return fits !== undefined && fits < days && days !== FOR_EVER ? fits : undefined;
};
