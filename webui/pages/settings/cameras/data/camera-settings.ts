import type { DiskItem, StorageUse } from '../../../../api-client/api-types.ts';
import { daysOf, durationOf, FOR_EVER } from '../../../../forms/days.ts';

/** The part of `/v3/config/paths/get` that the page uses. */
export interface PathConfig {
  readonly name: string;
  /** The path is invalid; all other keys are missing then. */
  readonly error?: string;
  readonly source?: string;
  readonly rtpSDP?: string;
  readonly record?: boolean | 'motion';
  readonly recordPath?: string;
  readonly recordDeleteAfter?: string;
  readonly recordMaxSize?: string;
  readonly audio?: boolean;
  readonly camera?: Readonly<Record<string, unknown>> & { readonly name?: string };
}

export type RecordWhen = 'always' | 'motion' | 'no';

/** Values of the camera form. */
export interface CameraFormValues {
  readonly name: string;
  readonly record: RecordWhen;
  /** Days; `FOR_EVER`: until the space is needed. */
  readonly days: number;
  /** Bytes of all its recordings; `NO_LIMIT`: all that fit. */
  readonly maxBytes: number;
  readonly sound: boolean;
}

export const NO_LIMIT = 1e18;
const GB = 1_000_000_000;
export const SIZE_STEPS = [...[10, 20, 50, 100, 200, 500, 1000, 2000, 5000].map((size) => size * GB), NO_LIMIT];

/** As the box formats sizes: `46.6G`, in powers of 1024. */
export function bytesOf(text: string): number {
  const [, amount = '0', unit = ''] = /^([\d.]+)([KMGT]?)/.exec(text) ?? [];
  const bytes = Math.round(Number(amount) * 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf(unit));
  return bytes === 0 ? NO_LIMIT : bytes;
}

const sizeTextOf = (bytes: number): string => (bytes === NO_LIMIT ? '0B' : `${bytes}B`);

export const recordWhen = ({ record }: Pick<PathConfig, 'record'>): RecordWhen =>
  record === 'motion' ? record : record === true ? 'always' : 'no';

/** @param name fallback title */
export const settingsOf = (config: PathConfig, name: string): CameraFormValues => ({
  name: config.camera?.name ?? name,
  record: recordWhen(config),
  days: daysOf(config.recordDeleteAfter ?? ''),
  maxBytes: bytesOf(config.recordMaxSize ?? ''),
  sound: config.audio !== false,
});

/** The changes to send. The camera block is sent whole; the box keeps hidden passwords. */
export const changeOf = (changed: Partial<CameraFormValues>, { camera }: PathConfig): object => ({
  ...(changed.name === undefined ? {} : { camera: { ...camera, name: changed.name.trim() } }),
  ...(changed.record === undefined
    ? {}
    : { record: changed.record === 'motion' ? changed.record : changed.record === 'always' }),
  ...(changed.days === undefined ? {} : { recordDeleteAfter: durationOf(changed.days) }),
  ...(changed.maxBytes === undefined ? {} : { recordMaxSize: sizeTextOf(changed.maxBytes) }),
  ...(changed.sound === undefined ? {} : { audio: changed.sound }),
});

/** Use by a path, of `/v3/recordings/usage`. */
export type PathUse = StorageUse['items'][number];

/** The disk of a camera's recordings: the deepest folder above them. */
export function diskOf(recordPath: string, disks: readonly DiskItem[]): DiskItem | undefined {
  const above = disks.filter(({ folder }) => `${recordPath}/`.startsWith(`${folder.replace(/\/$/, '')}/`));
  return above.sort((a, b) => b.folder.length - a.folder.length)[0] ?? (disks.length === 1 ? disks[0] : undefined);
}

/** Bytes for this many days at the rate of the last day, or undefined if unknown. */
export function costBytes(use: PathUse | undefined, days: number, maxBytes: number): number | undefined {
  const perDay = use?.bytesPerDay ?? undefined;
  return perDay === undefined || days === FOR_EVER ? undefined : Math.min(maxBytes, perDay * days);
}

/** Days that fit, or undefined if all wanted days fit, or the number is unknown. */
export const fewerDays = (use: PathUse | undefined, days: number): number | undefined => {
  const fits = use?.fitsDays ?? undefined;
  return fits !== undefined && fits < days && days !== FOR_EVER ? fits : undefined;
};
