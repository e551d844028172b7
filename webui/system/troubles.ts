import type { SystemFacts } from './system-facts.ts';

/** What should be looked at, gravest first. */
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

/** What the way from the device takes, and what two good clocks differ. */
const NEAR_MS = 2_000;

/** The device does not know the time, and would take that of this device. */
export const needsTime = ({ set, canBeSet, behindMs }: SystemFacts['clock']): boolean =>
  !set && canBeSet && Math.abs(behindMs) > NEAR_MS;

/** So many looks are in the small curves. */
const KEPT = 60;

/** What was seen lately: in `points` for a curve of 96 × 24, from 0 to the highest of all. */
export class Sparkline {
  #values: readonly number[] = [];

  push(value: number): void {
    this.#values = [...this.#values, value].slice(-KEPT);
  }

  /** @param top at least this stands for the whole height. Undefined: there is no curve yet. */
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
