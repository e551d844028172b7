import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import type { FeatureEntry } from '../contract.ts';
import { ObjectsPage } from './objects-page.tsx';
import { objectsWords } from './words.ts';

const load = () => import('./objects-sheet.tsx');

export const objects: FeatureEntry = {
  name: 'objects',
  pages: [
    {
      section: 'cameras',
      part: 'objects',
      row: () => ({ icon: 'person', title: objectsWords.value.title, text: objectsWords.value.kinds }),
      page: ObjectsPage,
    },
  ],
  cameraRows: [
    {
      row: lazyPart(() => load().then((sheet) => sheet.ObjectsRow)),
      sheet: lazyPart(() => load().then((sheet) => sheet.ObjectsSheet)),
    },
  ],
};
