import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [
  ['camera-network', '#/settings/system/camera-network', '.camera-network .message-card, .camera-network .card'],
];
