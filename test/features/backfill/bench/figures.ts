import type { Figure } from '../../../bench/measure/figure.ts';
import { backfillLive, backfillMemory, backfillSpeed } from './fetch.ts';

export const figures: readonly Figure[] = [backfillSpeed, backfillLive, backfillMemory];
