import type { FeatureEntry } from '../contract.ts';
import { UpdatesPage } from './updates.tsx';
import { updatesWords } from './words.ts';

export const updates: FeatureEntry = {
  name: 'updates',
  pages: [
    {
      section: 'system',
      part: 'updates',
      row: (facts) => ({
        title: updatesWords.value.title,
        text: facts ? updatesWords.value.updateVersion(facts.version) : '',
      }),
      page: UpdatesPage,
    },
  ],
};
