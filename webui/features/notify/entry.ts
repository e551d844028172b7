import { lazyPage } from '../../ui/lazy/lazy-page.tsx';
import type { FeatureEntry } from '../contract.ts';
import { NotifyRow } from './notify-row.tsx';
import { notifyWords } from './words.ts';

export const notify: FeatureEntry = {
  name: 'notify',
  section: {
    name: 'notifications',
    before: 'people',
    icon: 'bell',
    title: () => notifyWords.value.title,
    page: lazyPage(() => import('./notify-sheet.tsx').then((part) => part.NotifyPage)),
  },
  cards: [{ at: 'you', part: NotifyRow }],
};
