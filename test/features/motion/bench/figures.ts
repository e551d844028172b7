import type { Figure } from '../../../bench/measure/figure.ts';
import { motionCpu, motionCpuDecoded, motionCpuH265, motionCpuMoving, motionCpuNight } from './motion-cpu.ts';
import { motionFalse, motionRecall } from './motion-events.ts';
import { motionMoments } from './motion-moments.ts';

export const figures: readonly Figure[] = [
  ...[motionCpu, motionCpuH265, motionCpuNight, motionCpuMoving, motionCpuDecoded],
  ...[motionRecall, motionFalse, motionMoments],
];
