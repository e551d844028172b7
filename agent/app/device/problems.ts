import { isSerious, type Problem, problemText } from '../../config/yaml/problem.ts';
import type { BoxAnswer } from '../../features/boxes/routes.ts';
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
  readonly boxes: readonly Pick<BoxAnswer, 'name' | 'state' | 'since' | 'error' | 'clockOffset'>[];
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

/** A larger offset of a box's clock is a problem: on a timeline of both, recordings of the same moment are shown at different times. */
const MAX_CLOCK_OFFSET_S = 2;

/** Kinds of problems by the hardware's faults. */
const KINDS = { underVoltage: 'power', slowed: 'power', hot: 'power', fan: 'fan', swap: 'memory' } as const;

const isClockOff = (offset: number | null): offset is number =>
  offset !== null && Math.abs(offset) > MAX_CLOCK_OFFSET_S;

const clockText = (offset: number): string =>
  `its clock is ${Math.abs(offset)} s ${offset > 0 ? 'ahead of' : 'behind'} the clock here: its recordings and events have other times than those of this server; enable time synchronisation on both`;

/** The present problems: of the box, then of its disks and paths. */
export function problemsOf(facts: ProblemFacts): ProblemItem[] {
  const { configuration, isClockTrusted, hardware, disks, paths, features, boxes } = facts;
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
    ...boxes.flatMap(({ name, state, since, error, clockOffset }) => [
      ...(state === 'refused' ? [item('box', name, error ?? state, { why: state, since })] : []),
      ...(isClockOff(clockOffset) ? [item('box', name, clockText(clockOffset), { why: 'clock' })] : []),
    ]),
    ...paths.flatMap(({ name, ...path }) => {
      const { configError, leftOut, sourceState, ready, lastError, lastErrorWhy, offlineSince, recording } = path;
      return [
        ...(configError === null ? [] : [item('path', name, configError)]),
        ...(leftOut === null ? [] : [item('path', name, leftOut, { why: 'leftOut' })]),
        ...(sourceState !== 'waiting' || ready || lastError === null
          ? []
          : [item('path', name, lastError, { why: lastErrorWhy, since: offlineSince })]),
        ...(recording === null || recording.error === null
          ? []
          : [item('recording', name, recording.error, { why: recording.why, since: recording.since })]),
      ];
    }),
  ];
}
