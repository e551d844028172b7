import { spaced } from '../../../words/format.ts';
import type { RulesWords } from '../words/en.ts';

interface Stop {
  readonly preset: string;
  readonly seconds: number;
}

/** Its keys of a path. */
export interface PositionsConfig {
  readonly ptzGuard?: string;
  readonly ptzPatrol?: readonly Stop[];
}

/** What the camera does when nobody steers it. */
export const HABITS = ['stays', 'returns', 'patrols'] as const;
type Habit = (typeof HABITS)[number];

export interface PositionsSettings {
  readonly habit: Habit;
  /** Name or token of a preset, or empty. */
  readonly guard: string;
  readonly stops: readonly string[];
  /** Seconds at each of them. */
  readonly pause: number;
}

export const PAUSE_STEPS = [20, 30, 45, 60, 120, 180, 300, 600, 1_800, 3_600];
const USUAL_PAUSE = 30;
/** The box has the same limit. */
const MAX_STOPS = 64;
/** Cameras list up to 300 presets, and among them some that do something else, such as a restart. */
const FIRST_STOPS = 2;

export const settingsOf = ({ ptzGuard = '', ptzPatrol = [] }: PositionsConfig): PositionsSettings => ({
  habit: ptzPatrol.length > 0 ? 'patrols' : ptzGuard === '' ? 'stays' : 'returns',
  guard: ptzGuard,
  stops: ptzPatrol.map(({ preset }) => preset),
  pause: ptzPatrol[0]?.seconds ?? USUAL_PAUSE,
});

/** The keys of the configuration. Pauses that differ stay until the pause is changed. */
export function keysOf(changed: Partial<PositionsSettings>, config: PositionsConfig): PositionsConfig {
  const { habit, guard, stops, pause } = { ...settingsOf(config), ...changed };
  if (habit !== 'patrols') {
    return { ptzGuard: habit === 'returns' ? guard : '', ptzPatrol: [] };
  }
  const former = changed.pause === undefined ? (config.ptzPatrol ?? []) : [];
  const secondsAt = (preset: string, at: number): number =>
    (former[at]?.preset === preset ? former[at] : former.find((stop) => stop.preset === preset))?.seconds ?? pause;
  return { ptzPatrol: stops.map((preset, at) => ({ preset, seconds: secondsAt(preset, at) })) };
}

/** The settings with another habit, which has presets as soon as the camera does. */
export function withHabit(
  settings: PositionsSettings,
  habit: Habit,
  presets: readonly string[],
): Partial<PositionsSettings> {
  const isNewGuard = habit === 'returns' && settings.guard === '';
  const isNewPatrol = habit === 'patrols' && settings.stops.length === 0;
  return {
    habit,
    ...(isNewGuard && { guard: presets[0] ?? '' }),
    ...(isNewPatrol && { stops: presets.slice(0, FIRST_STOPS) }),
  };
}

/** With the preset at the end, or without it; a patrol has 1 to `MAX_STOPS`. */
export function toggled(stops: readonly string[], preset: string): readonly string[] {
  const left = stops.filter((stop) => stop !== preset);
  if (left.length === stops.length) {
    return stops.length < MAX_STOPS ? [...stops, preset] : stops;
  }
  return left.length === 0 ? stops : left;
}

export const habitText = (habit: Habit, t: RulesWords): string =>
  ({ stays: t.stays, returns: t.returns, patrols: t.patrols })[habit];

/** `30 sec`, `2 min`, `1 hr`. */
export function pauseText(seconds: number, language: string): string {
  const [count, unit] =
    seconds % 3_600 === 0
      ? [seconds / 3_600, 'hour']
      : seconds % 60 === 0
        ? [seconds / 60, 'minute']
        : [seconds, 'second'];
  const format = new Intl.NumberFormat(language, { style: 'unit', unit: String(unit), unitDisplay: 'short' });
  return spaced(format.format(Number(count)));
}
