import type { CameraMeans } from './means.ts';
import { NIGHT_HOURS, type Rule, USUAL_PAUSE } from './rules-data.ts';

/** A rule without a name yet. */
export type Draft = Omit<Rule, 'name'>;

interface Known {
  readonly path: string;
  readonly title: string;
  readonly means: CameraMeans | undefined;
  /** Always, also without a rule. */
  readonly isRecorded: boolean;
}

const TURN_SECONDS = 30;
const LIGHT_SECONDS = 60;
const RECORD_SECONDS = 60;

/** Up to three starting points that the cameras at hand can do, without those that are rules already. */
export function suggestionsFor(cameras: readonly Known[], rules: readonly Rule[]): readonly Draft[] {
  return [turning(cameras), lighting(cameras), recording(cameras)].filter(
    (draft) => draft !== undefined && !rules.some((rule) => isLike(rule, draft)),
  ) as readonly Draft[];
}

const isLike = (rule: Rule, draft: Draft): boolean =>
  draft.actions.every((wanted) =>
    rule.actions.some(
      ({ path, preset, output, record }) =>
        path === wanted.path &&
        (preset !== undefined) === (wanted.preset !== undefined) &&
        (output !== undefined) === (wanted.output !== undefined) &&
        (record !== undefined) === (wanted.record !== undefined),
    ),
  );

/** A camera turns to where another one has seen a person: to the preset that has its name, if there is one. */
function turning(cameras: readonly Known[]): Draft | undefined {
  const pairs = cameras.flatMap((turned) =>
    (turned.means?.presets ?? []).flatMap((preset) =>
      cameras.filter((seen) => seen !== turned).map((seen) => ({ turned, preset, seen })),
    ),
  );
  const isNamed = ({ preset, seen }: (typeof pairs)[number]) => preset.toLowerCase() === seen.title.toLowerCase();
  const pair = pairs.find(isNamed) ?? pairs[0];
  return (
    pair && {
      when: { event: 'person', path: pair.seen.path },
      actions: [{ preset: pair.preset, path: pair.turned.path, seconds: TURN_SECONDS }],
      pause: USUAL_PAUSE,
    }
  );
}

function lighting(cameras: readonly Known[]): Draft | undefined {
  const lit = cameras.flatMap(({ path, means }) =>
    (means?.outputs ?? []).filter(({ kind }) => kind === 'light').map(({ id }) => ({ path, id })),
  )[0];
  return (
    lit && {
      when: { event: 'person', path: lit.path, hours: NIGHT_HOURS },
      actions: [{ output: lit.id, path: lit.path, seconds: LIGHT_SECONDS }],
      pause: USUAL_PAUSE,
    }
  );
}

function recording(cameras: readonly Known[]): Draft | undefined {
  const second =
    cameras.slice(1).find(({ isRecorded }) => !isRecorded) ?? cameras.find(({ isRecorded }) => !isRecorded);
  const first = cameras.find((one) => one !== second);
  return (
    first &&
    second && {
      when: { event: 'person', path: first.path },
      actions: [{ record: true, path: second.path, seconds: RECORD_SECONDS }],
      pause: USUAL_PAUSE,
    }
  );
}
