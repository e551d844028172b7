import type { Figure } from '../../../bench/measure/figure.ts';
import { objectsMemory, objectsMs, objectsOverhead } from './detector-figures.ts';
import { objectsCpu, objectsCpuIdle } from './objects-cpu.ts';
import { objectsFalse, objectsRecall } from './objects-events.ts';

export const figures: readonly Figure[] = [
  ...[objectsRecall, objectsFalse, objectsCpu, objectsCpuIdle],
  ...[objectsMs, objectsOverhead, objectsMemory],
];
