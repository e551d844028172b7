import type { SystemFacts } from './system-facts.ts';

/** Most serious first. */
export type SystemTrouble = 'file' | 'fan' | 'hot' | 'weakNow' | 'slowed' | 'swap' | 'clock' | 'weakBefore';

export function troublesOf(facts: SystemFacts): readonly SystemTrouble[] {
  const { configFault, power, temperatureCelsius, clock, hardwareFaults } = facts;
  const isHot = power?.hot.now === true && temperatureCelsius !== null;
  const weak = power?.underVoltage;
  const has = (why: string): boolean => hardwareFaults.some((fault) => fault.why === why);
  return [
    ...(configFault ? (['file'] as const) : []),
    ...(has('fan') ? (['fan'] as const) : []),
    ...(isHot ? (['hot'] as const) : []),
    ...(weak?.now ? (['weakNow'] as const) : []),
    ...(has('slowed') && !isHot && !weak?.now ? (['slowed'] as const) : []),
    ...(has('swap') ? (['swap'] as const) : []),
    ...(clock.set ? [] : (['clock'] as const)),
    ...(weak?.sinceStart && !weak.now ? (['weakBefore'] as const) : []),
  ];
}

/** The kind of fault in `hardwareFaults`. */
const WHY: Partial<Record<SystemTrouble, string>> = {
  fan: 'fan',
  hot: 'hot',
  weakNow: 'underVoltage',
  slowed: 'slowed',
  swap: 'swap',
};

/** RFC 3339. */
export const sinceOf = (trouble: SystemTrouble, { hardwareFaults }: SystemFacts): string | undefined =>
  hardwareFaults.find(({ why }) => why === WHY[trouble])?.since;

/** Tolerance for transfer time and clock drift. */
const NEAR_MS = 2_000;

/** The box has no time and could take that of the browser. */
export const needsTime = ({ set, canBeSet, behindMs }: SystemFacts['clock']): boolean =>
  !set && canBeSet && Math.abs(behindMs) > NEAR_MS;

/** Number of points. */
const KEPT = 60;

/** Recent values as `points` of an SVG polyline of 96 × 24. */
export class Sparkline {
  #values: readonly number[] = [];

  push(value: number): void {
    this.#values = [...this.#values, value].slice(-KEPT);
  }

  /** @param top minimum of the scale. Undefined without enough values */
  points(top: number): string | undefined {
    if (this.#values.length < 2) {
      return undefined;
    }
    const most = Math.max(top, ...this.#values);
    const step = 96 / (this.#values.length - 1);
    return this.#values
      .map((value, i) => `${(i * step).toFixed(1)},${(22 - (20 * value) / most).toFixed(1)}`)
      .join(' ');
  }
}
