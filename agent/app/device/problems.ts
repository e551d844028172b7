import { isSerious, type Problem, problemText } from '../../config/yaml/problem.ts';
import type { ProblemItem } from '../../http/api/device/problems.ts';
import type { PathStatus } from '../../paths/path-status.ts';
import type { DiskStatus } from '../../record/space/disks.ts';
import type { HardwareFault } from './hardware-watch.ts';

export interface ProblemFacts {
  readonly configuration: readonly Problem[];
  readonly isClockTrusted: boolean;
  readonly hardware: readonly HardwareFault[];
  readonly disks: readonly Pick<DiskStatus, 'folder' | 'state' | 'error' | 'since'>[];
  readonly paths: readonly ProblemPath[];
  readonly features: readonly ProblemItem[];
}

/** The part of a path's status that may report a problem. */
export type ProblemPath = Pick<
  PathStatus,
  | 'name'
  | 'configError'
  | 'leftOut'
  | 'ready'
  | 'sourceState'
  | 'lastError'
  | 'lastErrorWhy'
  | 'offlineSince'
  | 'recording'
>;

/** Kinds of problems by the hardware's faults. */
const KINDS = { underVoltage: 'power', slowed: 'power', hot: 'power', fan: 'fan', swap: 'memory' } as const;

/** The present problems: of the box, then of its disks and paths. */
export function problemsOf(facts: ProblemFacts): ProblemItem[] {
  const { configuration, isClockTrusted, hardware, disks, paths, features } = facts;
  const item = (
    kind: ProblemItem['kind'],
    name: string | null,
    text: string,
    more: Partial<Pick<ProblemItem, 'why' | 'since'>> = {},
  ): ProblemItem => ({ kind, name, why: null, text, since: null, ...more });
  return [
    ...configuration
      .filter(isSerious)
      .map((fault) =>
        fault.why === 'temporary'
          ? item('disk', fault.file, fault.message, { why: fault.why })
          : item('configuration', fault.key || null, problemText(fault), { why: fault.why ?? null }),
      ),
    ...(isClockTrusted ? [] : [item('clock', null, 'the time is not known')]),
    ...hardware.map(({ why, name, text, sinceMs }) => {
      const more = { why, since: new Date(sinceMs).toISOString() };
      return why === 'failing' || why === 'worn' ? item('drive', name, text, more) : item(KINDS[why], name, text, more);
    }),
    ...disks.flatMap(({ folder, state: why, error, since }) =>
      error === null ? [] : [item('disk', folder, error, { why, since })],
    ),
    ...features,
    ...paths.flatMap(({ name, ...path }) => {
      const { configError, leftOut, sourceState, ready, lastError, lastErrorWhy, offlineSince, recording } = path;
      return [
        ...(configError === null ? [] : [item('path', name, configError)]),
        ...(leftOut === null ? [] : [item('path', name, leftOut, { why: 'leftOut' })]),
        ...(sourceState === 'stopped' || ready || lastError === null
          ? []
          : [item('path', name, lastError, { why: lastErrorWhy, since: offlineSince })]),
        ...(recording === null || recording.error === null
          ? []
          : [item('recording', name, recording.error, { why: recording.why, since: recording.since })]),
      ];
    }),
  ];
}
