import type { FeatureEntry } from '../contract.ts';
import { ArchivePage } from './archive.tsx';
import { archiveWords } from './words.ts';

export const archive: FeatureEntry = {
  name: 'archive',
  pages: [
    {
      section: 'storage',
      part: 'archive',
      row: () => ({ title: archiveWords.value.archive, text: archiveWords.value.row }),
      page: ArchivePage,
    },
  ],
};
