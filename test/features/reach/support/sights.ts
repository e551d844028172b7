import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [['reach', '#/settings/system/reach', '.reach .switch']];
