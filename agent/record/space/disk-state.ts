import { formatSize } from '../../config/values/size.ts';
import { adviceOf } from '../file/disk-fault.ts';
import type { Slowdown } from './flush-age.ts';

export const DISK_STATES = [
  'ok',
  /** Recording continues, but not for long. */
  'filling',
  /** Flushes have become much slower over weeks: a card ages. */
  'slowing',
  /** Recording stopped before the disk is full. */
  'nearlyFull',
  'full',
  'readOnly',
  'vanished',
  'hanging',
  'failing',
] as const;
export type DiskStateName = (typeof DISK_STATES)[number];

export interface DiskState {
  readonly name: DiskStateName;
  /** What is wrong and what to do. */
  readonly text: string | undefined;
}

export const OK: DiskState = { name: 'ok', text: undefined };

/** No recording starts, and open ones are finished. */
const STOPPED: ReadonlySet<DiskStateName> = new Set(['nearlyFull', 'readOnly', 'vanished']);
/** No recording starts, and open ones wait. */
const REJECTED: ReadonlySet<DiskStateName> = new Set([...STOPPED, 'hanging']);

export const stopsRecording = ({ name }: DiskState): boolean => STOPPED.has(name);
export const rejectsRecording = ({ name }: DiskState): boolean => REJECTED.has(name);

/** The folder is missing and cannot be created. @param code the system's */
export function missingFolderState(code: string, isOwnDisk: boolean): DiskState {
  if (isOwnDisk) {
    return { name: 'readOnly', text: adviceOf(code) };
  }
  const text =
    'no disk is mounted there, and Perch may not create the folder: mount one, or choose another place for recordings';
  return { name: 'vanished', text };
}

/** Two checks, and the end of the files. */
const AHEAD_SECONDS = 15;

/**
 * One percent of the disk, or half of the reserved space if that is less. On a small disk that fills fast: what fills it within 15 s, at most
 * that half, so that open files can still be finished, and then deleted.
 * @param bytesPerSecond how fast the disk fills
 */
export function stopBytesOf(totalBytes: number, minFreeBytes: number, bytesPerSecond = 0): number {
  const hundredth = totalBytes / 100;
  const aheadBytes = Math.max(hundredth, bytesPerSecond * AHEAD_SECONDS);
  return Math.floor(minFreeBytes > 0 ? Math.min(aheadBytes, minFreeBytes / 2) : hundredth);
}

/** Recording resumes when this multiple of the stop limit is free. */
const RESUME_FACTOR = 1.5;
const FORECAST_DAYS = 7;

export interface SpaceFacts {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly minFreeBytes: number;
  /** See `stopBytesOf`. */
  readonly stopBytes: number;
  readonly fullInDays: number | undefined;
  /** Why nothing can be deleted. */
  readonly stuck: string | undefined;
  readonly wasRefused: boolean;
  readonly slowdown: Slowdown | undefined;
}

/** @param before the current state: recording resumes only with clearly more space */
export function spaceState(facts: SpaceFacts, before: DiskStateName): DiskState {
  const { totalBytes, freeBytes, minFreeBytes, stopBytes, stuck, fullInDays } = facts;
  const wasStopped = before === 'nearlyFull' || before === 'full';
  const free = `${formatSize(freeBytes)} of ${formatSize(totalBytes)} are free`;
  const wayOut = stuck ?? (minFreeBytes > 0 ? 'old recordings are being deleted' : 'free space or set recordMinFree');
  if (freeBytes < stopBytes * (wasStopped ? RESUME_FACTOR : 1)) {
    return { name: 'nearlyFull', text: `recording has stopped, ${free}: ${wayOut}` };
  }
  if (facts.wasRefused) {
    // A quota, or no space for file names: deleting does not help.
    const isRoomy = stuck === undefined && minFreeBytes > 0 && freeBytes >= minFreeBytes;
    const advice = isRoomy ? 'check for a quota, or set a larger recordMinFree' : wayOut;
    return { name: 'full', text: `the disk rejected a write, ${free}: ${advice}` };
  }
  if (stuck !== undefined) {
    return { name: 'filling', text: `too little space is free, ${free}: ${stuck}` };
  }
  if (fullInDays !== undefined && fullInDays < FORECAST_DAYS * (before === 'filling' ? 1.1 : 1)) {
    const days = fullInDays < 1 ? 'within a day' : `in ${Math.floor(fullInDays)} day${fullInDays < 2 ? '' : 's'}`;
    const advice = minFreeBytes > 0 ? 'free space or set a larger recordMinFree' : 'free space or set recordMinFree';
    return { name: 'filling', text: `at today's rate the disk is full ${days}: ${advice}` };
  }
  if (facts.slowdown) {
    const { times, nowMs } = facts.slowdown;
    const text = `the disk takes ${Math.round(times)} times as long to store data as in its first weeks, ${Math.round(nowMs)} ms`;
    return {
      name: 'slowing',
      text: `${text}: cards that age do so before they fail; copy important recordings and replace it`,
    };
  }
  return OK;
}
