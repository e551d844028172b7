import { clock, type I18n, moment } from '../../words/format.ts';
import { sentences } from '../../words/sentences.ts';
import type { RulesWords } from './words/en.ts';

/** What became of a rule, as the box lists it. */
export interface RuleStatus {
  readonly name: string;
  /** null: it has not run since the box started. */
  readonly last: {
    /** RFC 3339 */
    readonly time: string;
    readonly results: readonly {
      /** null: the box acted. */
      readonly path: string | null;
      /** In English; null: it was done. */
      readonly problem: string | null;
    }[];
  } | null;
  /** RFC 3339; null: nothing lasts. */
  readonly runningUntil: string | null;
  /** Why it does not run, in English. */
  readonly problems: readonly string[];
}

interface LastRun {
  readonly text: string;
  /** In English, from the box. */
  readonly reasons: readonly string[];
}

/** `Ran: 21:04`, `Running until 21:05`, `Ran: 21:04. Yard did not do it.`, or not all of it. */
export function lastRun(
  { last, runningUntil, problems }: RuleStatus,
  nowMs: number,
  t: RulesWords,
  i18n: I18n,
  titleOf: (path: string) => string,
): LastRun {
  const failed = last?.results.filter(({ problem }) => problem !== null) ?? [];
  const missed = [...new Set(failed.map(({ path }) => path))];
  const when = last ? moment(Date.parse(last.time), nowMs, i18n) : '';
  const state = !last
    ? t.never
    : runningUntil !== null
      ? t.running(clock(Date.parse(runningUntil), i18n.language))
      : t.ranAt(when);
  const reasons = problems.length > 0 ? problems : failed.flatMap(({ problem }) => problem ?? []);
  return {
    text: sentences([
      missed.length > 0 ? `${state}${t.stop}` : state,
      ...missed.map((path) => {
        const hasActed = last?.results.some((one) => one.path === path && one.problem === null);
        return path === null ? t.boxDidNot : (hasActed ? t.didPart : t.didNot)(titleOf(path));
      }),
    ]),
    reasons: [...new Set(reasons)].map((reason) => reason.replace(/^rule '.*?': /s, '')),
  };
}
