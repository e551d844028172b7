import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [['archive', '#/settings/storage/archive', '.archive .segment']];
