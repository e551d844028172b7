import type { GapReason } from '../../base/event-kinds.ts';

export interface WatchedPath {
  readonly name: string;
  readonly ready: boolean;
  readonly paused: boolean;
  readonly privacy: boolean;
  /** The source is pulled only while the path has readers. */
  readonly sourceOnDemand: boolean;
  /** null: the path is not to be recorded. */
  readonly recording: { readonly active: boolean; readonly error: string | null } | null;
  /** How often its source has failed: a stream may be back before it is missed. */
  readonly faults?: number;
}

export interface PathFacts {
  readonly isAroundEvents: boolean;
  /** State of its disk as in `/v3/disks`, or undefined if unknown. */
  readonly diskState: string | undefined;
}

const OF_DISK: Readonly<Record<string, GapReason>> = {
  nearlyFull: 'diskFull',
  full: 'diskFull',
  vanished: 'diskAway',
  readOnly: 'diskFault',
  hanging: 'diskFault',
  failing: 'diskFault',
};

/** 'unknown': the previous reason continues, as before the first key frame. */
export function gapReasonOf(path: WatchedPath, facts: PathFacts): GapReason | 'recorded' | 'unknown' {
  const { recording } = path;
  if (recording === null) {
    return 'recordingOff';
  }
  if (path.privacy) {
    return 'private';
  }
  if (path.paused) {
    return 'paused';
  }
  if (!path.ready) {
    return path.sourceOnDemand ? 'unknown' : 'offline';
  }
  if (recording.error !== null) {
    return OF_DISK[facts.diskState ?? ''] ?? 'unknown';
  }
  if (facts.isAroundEvents) {
    return 'nothingSeen';
  }
  return recording.active ? 'recorded' : 'unknown';
}

/** The index name for a path's gap reasons; not a valid path name. */
export const gapsName = (path: string): string => `~gaps/${path}`;
