import type { FeatureEntry } from '../contract.ts';
import { ReachPage } from './reach.tsx';
import { reachWords } from './words.ts';

export const reach: FeatureEntry = {
  name: 'reach',
  pages: [
    {
      section: 'system',
      part: 'reach',
      row: () => ({ title: reachWords.value.title, text: reachWords.value.row }),
      page: ReachPage,
    },
  ],
};
