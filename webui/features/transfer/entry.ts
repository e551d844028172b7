import { copyingWords } from '../../words/settings/copying.ts';
import type { FeatureEntry } from '../contract.ts';
import { ImportPage } from './import.tsx';
import { MovePage } from './move.tsx';
import { RecorderPage } from './recorder.tsx';
import { transferWords } from './words.ts';

export const transfer: FeatureEntry = {
  name: 'transfer',
  pages: [
    {
      section: 'storage',
      part: 'move',
      row: () => ({ title: copyingWords.value.move, text: transferWords.value.moveRow }),
      page: MovePage,
    },
    {
      section: 'storage',
      part: 'import',
      row: () => ({ title: copyingWords.value.import, text: transferWords.value.importRow }),
      page: ImportPage,
    },
    {
      section: 'storage',
      part: 'recorder',
      row: () => ({ title: copyingWords.value.importFromRecorder, text: transferWords.value.recorderRow }),
      page: RecorderPage,
    },
  ],
};
