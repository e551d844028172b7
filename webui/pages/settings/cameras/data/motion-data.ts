import { camerasWords } from '../../../../words/settings/cameras.ts';
import type { PathConfig } from './camera-settings.ts';

export type MotionSource = 'camera' | 'stream' | 'both';

export interface MotionSettings {
  readonly source: MotionSource;
  /** 0 to 100. */
  readonly sensitivity: number;
}

export const SENSITIVITY_STEPS = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
/** Steps of sensitivity that double the score. */
const DOUBLING = 40;

export const motionOf = ({ motionSource = 'camera', motionSensitivity = 50 }: PathConfig): MotionSettings => ({
  source: motionSource,
  sensitivity: motionSensitivity,
});

/** A score that was measured with the sensitivity `from`, with the sensitivity `to`. */
export const scoreWith = (score: number, from: number, to: number): number => score * 2 ** ((to - from) / DOUBLING);

export function motionSourceText(source: MotionSource): string {
  const t = camerasWords.value;
  return { camera: t.motionByCamera, stream: t.motionByStream, both: t.motionByBoth }[source];
}
