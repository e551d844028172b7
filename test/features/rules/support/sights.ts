import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [['rules', '#/settings/rules', '.settings-page .button']];
