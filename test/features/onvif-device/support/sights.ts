import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [['onvif', '#/settings/system/onvif', '.servers .switch']];
