import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import type { FeatureEntry } from '../contract.ts';

const load = () => import('./camera-sheet.tsx');

export const motion: FeatureEntry = {
  name: 'motion',
  cameraRows: [
    {
      row: lazyPart(() => load().then((sheet) => sheet.MotionRow)),
      sheet: lazyPart(() => load().then((sheet) => sheet.MotionSheet)),
    },
  ],
};
