/** Why a path is not recorded for a while. */
export const GAP_REASONS = [
  'offline',
  'paused',
  'recordingOff',
  'diskFull',
  'diskAway',
  'diskFault',
  'boxOff',
  'clockSet',
  /** `record: motion`, and nothing that was to be recorded. */
  'nothingSeen',
] as const;
export type GapReason = (typeof GAP_REASONS)[number];

/** As much of a path's state as tells why it is not recorded. */
export interface WatchedPath {
  readonly name: string;
  readonly ready: boolean;
  readonly paused: boolean;
  /** Pulled only while somebody reads. */
  readonly sourceOnDemand: boolean;
  /** Null: it is not to be recorded. */
  readonly recording: { readonly active: boolean; readonly error: string | null } | null;
}

export interface PathFacts {
  readonly isAroundEvents: boolean;
  /** Of the disk that it is recorded to, as `/v3/disks` names it; undefined: there is none that is known. */
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

/** 'unknown': whatever was true goes on, as while the first key frame is waited for. */
export function gapReasonOf(path: WatchedPath, facts: PathFacts): GapReason | 'recorded' | 'unknown' {
  const { recording } = path;
  if (recording === null) {
    return 'recordingOff';
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

/** Under which name the index keeps a path's reasons beside its events: no path can be called so. */
export const gapsName = (path: string): string => `~gaps/${path}`;
