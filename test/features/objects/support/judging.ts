import type { LabelType } from './cut-outs.ts';
import type { Presence } from './scenes.ts';

/** An event of Perch, in seconds since the scene began. */
export interface JudgedEvent {
  readonly startS: number;
  /** Infinity: it goes on. */
  readonly endS: number;
  /** Undefined: it was not examined. */
  readonly labels: readonly { readonly type: LabelType; readonly atS: number }[] | undefined;
}

/** A picture is some tenths of a second older than the stream's clock says. */
const TOLERANCE_S = 1.5;

export interface Verdict {
  /** Presences, and those with a label of their type in their time. */
  readonly found: readonly { readonly presence: Presence; readonly isFound: boolean; readonly hasEvent: boolean }[];
  /** Labels for what was not there. */
  readonly falseLabels: readonly { readonly type: LabelType; readonly atS: number }[];
  readonly events: number;
  readonly examined: number;
}

const isDuring = (atS: number, { fromS, toS }: Presence): boolean =>
  atS >= fromS - TOLERANCE_S && atS <= toS + TOLERANCE_S;

/** @param presences what is in the scene; @param events what Perch says of it */
export function judgeScene(presences: readonly Presence[], events: readonly JudgedEvent[]): Verdict {
  const labels = events.flatMap((event) => event.labels ?? []);
  return {
    found: presences.map((presence) => ({
      presence,
      isFound: labels.some(({ type, atS }) => type === presence.type && isDuring(atS, presence)),
      hasEvent: events.some(({ startS, endS }) => startS <= presence.toS && endS >= presence.fromS),
    })),
    falseLabels: labels.filter(
      ({ type, atS }) => !presences.some((presence) => presence.type === type && isDuring(atS, presence)),
    ),
    events: events.length,
    examined: events.filter((event) => event.labels !== undefined).length,
  };
}

/** Share of the presences that pass a test and were found; NaN without one. */
export function recallOf(verdicts: readonly Verdict[], counts: (presence: Presence) => boolean): number {
  const all = verdicts.flatMap(({ found }) => found).filter(({ presence }) => counts(presence));
  return all.filter(({ isFound }) => isFound).length / all.length;
}
