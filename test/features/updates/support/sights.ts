import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [['updates', '#/settings/system/updates', 'section .dim']];
