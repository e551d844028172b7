import type { FeatureEntry } from '../contract.ts';
import { ServerPage } from './server-page.tsx';
import { acmeWords } from './words.ts';

export const acme: FeatureEntry = {
  name: 'acme',
  pages: [
    {
      section: 'system',
      part: 'server',
      row: () => ({ title: acmeWords.value.title, text: acmeWords.value.row }),
      page: ServerPage,
    },
  ],
};
