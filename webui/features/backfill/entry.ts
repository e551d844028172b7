import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import type { FeatureEntry } from '../contract.ts';

const load = () => import('./backfill-sheet.tsx');

export const backfill: FeatureEntry = {
  name: 'backfill',
  cameraRows: [
    {
      row: lazyPart(() => load().then((sheet) => sheet.BackfillRow)),
      sheet: lazyPart(() => load().then((sheet) => sheet.BackfillSheet)),
    },
  ],
};
