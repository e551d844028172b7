import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [['server', '#/settings/system/server', '.server-steps .qr-code']];
