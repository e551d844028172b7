import type { SystemFacts } from './system-facts.ts';

/** Most serious first. */
export type SystemTrouble = 'file' | 'hot' | 'weakNow' | 'clock' | 'weakBefore';

export function troublesOf({ configFault, power, temperatureCelsius, clock }: SystemFacts): readonly SystemTrouble[] {
  const isHot = power?.hot.now === true && temperatureCelsius !== null;
  const weak = power?.underVoltage;
  return [
    ...(configFault ? (['file'] as const) : []),
    ...(isHot ? (['hot'] as const) : []),
    ...(weak?.now ? (['weakNow'] as const) : []),
    ...(clock.set ? [] : (['clock'] as const)),
    ...(weak?.sinceStart && !weak.now ? (['weakBefore'] as const) : []),
  ];
}

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
