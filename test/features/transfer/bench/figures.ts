import type { Figure } from '../../../bench/measure/figure.ts';
import { transferImport, transferMove } from './transfer.ts';

export const figures: readonly Figure[] = [transferMove, transferImport];
