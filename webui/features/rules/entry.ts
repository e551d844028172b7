import { lazyPage, lazyPart } from '../../ui/lazy/lazy-page.tsx';
import type { FeatureEntry } from '../contract.ts';
import { rulesWords } from './words.ts';

const loadPositions = () => import('./positions/positions-sheet.tsx');

export const rules: FeatureEntry = {
  name: 'rules',
  section: {
    name: 'rules',
    before: 'storage',
    icon: 'bolt',
    title: () => rulesWords.value.rules,
    page: lazyPage(() => import('./rules-page.tsx').then((page) => page.RulesPage)),
  },
  cameraRows: [
    {
      row: lazyPart(() => loadPositions().then((sheet) => sheet.PositionsRow)),
      sheet: lazyPart(() => loadPositions().then((sheet) => sheet.PositionsSheet)),
    },
  ],
};
