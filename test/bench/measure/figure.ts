/** One number that a user feels, measured several times. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly goal: number;
  /** The goal is a minimum; otherwise it is a maximum. */
  readonly isAtLeast?: boolean;
  /** Absolute figures (ms, µs) are compared after division by the machine's calibration. */
  readonly isAbsolute: boolean;
  /** An absolute figure is processor time, which other programs hardly add to. */
  readonly isCpuTime?: boolean;
  readonly about: string;
  /** The single runs' values; the median counts. */
  measure(note: (text: string) => void): Promise<number[]>;
}

export interface Result {
  readonly name: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  readonly goal: number;
  readonly isAtLeast: boolean;
  readonly ok: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Factors by which this machine is slower than the one of the goals (1 = the same). */
export interface Calibration {
  /** Factor of elapsed time: other programs delay work. */
  readonly time: number;
  /** Factor of CPU time. */
  readonly cpuTime: number;
}

export const factorOf = ({ isCpuTime = false }: Figure, { time, cpuTime }: Calibration): number =>
  isCpuTime ? cpuTime : time;

export function judge(figure: Figure, values: readonly number[], calibration: Calibration): Result {
  const value = median(values);
  const compared = figure.isAbsolute ? value / factorOf(figure, calibration) : value;
  const { name, unit, goal, isAtLeast = false } = figure;
  const ok = isAtLeast ? compared >= goal : compared <= goal;
  return { name, value, min: Math.min(...values), max: Math.max(...values), unit, goal, isAtLeast, ok };
}
