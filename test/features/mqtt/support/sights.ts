import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [['mqtt', '#/settings/system/mqtt', '.mqtt .switch']];
