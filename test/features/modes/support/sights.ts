import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [['modes', '#/settings/modes', '.segment']];
