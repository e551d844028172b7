import type { Figure } from '../../../bench/measure/figure.ts';
import { archiveFirstByte } from './archive-first-byte.ts';
import { archiveCpu, archiveMemory } from './archive-load.ts';

export const figures: readonly Figure[] = [archiveCpu, archiveMemory, archiveFirstByte];
