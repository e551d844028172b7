import { formatSize } from '../../config/values/size.ts';
import { adviceOf } from '../file/disk-fault.ts';

/** What a disk is worth to recordings. */
export const DISK_STATES = [
  'ok',
  /** Recordings go on, but not for long. */
  'filling',
  /** Recording has stopped before the last bytes are gone. */
  'nearlyFull',
  /** A write was refused for want of space. */
  'full',
  'readOnly',
  /** The disk that recordings went to is not mounted. */
  'vanished',
  /** The disk answers nothing. */
  'hanging',
  /** The disk answers with errors. */
  'failing',
] as const;
export type DiskStateName = (typeof DISK_STATES)[number];

export interface DiskState {
  readonly name: DiskStateName;
  /** One line: what is wrong and what to do; undefined when nothing is. */
  readonly text: string | undefined;
}

export const OK: DiskState = { name: 'ok', text: undefined };

/** In these no recording is begun, and those that are open are finished. */
const STOPPED: ReadonlySet<DiskStateName> = new Set(['nearlyFull', 'readOnly', 'vanished']);
/** In this one nothing new is begun, and what is open waits. */
const REJECTED: ReadonlySet<DiskStateName> = new Set([...STOPPED, 'hanging']);

export const stopsRecording = ({ name }: DiskState): boolean => STOPPED.has(name);
export const rejectsRecording = ({ name }: DiskState): boolean => REJECTED.has(name);

/** The folder is not there, and cannot be made. @param code the system's */
export function missingFolderState(code: string, isOwnDisk: boolean): DiskState {
  if (isOwnDisk) {
    return { name: 'readOnly', text: adviceOf(code) };
  }
  const text =
    'no disk is mounted there, and Perch may not make the folder: mount one, or choose another place for recordings';
  return { name: 'vanished', text };
}

/** A hundredth of the disk, or half of what was to stay free, if that is less. */
export function stopBytesOf(totalBytes: number, minFreeBytes: number): number {
  const hundredth = totalBytes / 100;
  return Math.floor(minFreeBytes > 0 ? Math.min(hundredth, minFreeBytes / 2) : hundredth);
}

/** Recording goes on when there is so much more again. */
const RESUME_FACTOR = 1.5;
const FORECAST_DAYS = 7;

export interface SpaceFacts {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly minFreeBytes: number;
  readonly fullInDays: number | undefined;
  /** Why nothing can be deleted although there is too little space. */
  readonly stuck: string | undefined;
  /** A write was refused a moment ago. */
  readonly wasRefused: boolean;
}

/** @param before the disk's state so far: what has stopped goes on only when there is clearly more space */
export function spaceState(facts: SpaceFacts, before: DiskStateName): DiskState {
  const { totalBytes, freeBytes, minFreeBytes, stuck, fullInDays } = facts;
  const stopBytes = stopBytesOf(totalBytes, minFreeBytes);
  const wasStopped = before === 'nearlyFull' || before === 'full';
  const free = `${formatSize(freeBytes)} of ${formatSize(totalBytes)} are free`;
  const wayOut = stuck ?? (minFreeBytes > 0 ? 'old recordings are being deleted' : 'free space or set recordMinFree');
  if (freeBytes < stopBytes * (wasStopped ? RESUME_FACTOR : 1)) {
    return { name: 'nearlyFull', text: `recording has stopped, ${free}: ${wayOut}` };
  }
  if (facts.wasRefused) {
    // Deleting has nothing to do there: a quota, or no more room for names of files.
    const isRoomy = stuck === undefined && minFreeBytes > 0 && freeBytes >= minFreeBytes;
    const advice = isRoomy ? 'look for a quota, or set a larger recordMinFree' : wayOut;
    return { name: 'full', text: `the disk has refused a write, ${free}: ${advice}` };
  }
  if (stuck !== undefined) {
    return { name: 'filling', text: `less is free than there should be, ${free}: ${stuck}` };
  }
  if (fullInDays !== undefined && fullInDays < FORECAST_DAYS * (before === 'filling' ? 1.1 : 1)) {
    const days = fullInDays < 1 ? 'within a day' : `in ${Math.floor(fullInDays)} day${fullInDays < 2 ? '' : 's'}`;
    const advice = minFreeBytes > 0 ? 'free space or set a larger recordMinFree' : 'free space or set recordMinFree';
    return { name: 'filling', text: `at today's rate the disk is full ${days}: ${advice}` };
  }
  return OK;
}
