import { lazyPage } from '../../ui/lazy/lazy-page.tsx';
import type { FeatureEntry } from '../contract.ts';
import { modesWords } from './words.ts';

export const modes: FeatureEntry = {
  name: 'modes',
  section: {
    name: 'modes',
    before: 'storage',
    icon: 'night',
    title: () => modesWords.value.modes,
    page: lazyPage(() => import('./modes-page.tsx').then((page) => page.ModesPage)),
  },
};
