import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import { loadSettingsWords } from '../../words/words.ts';
import type { FeatureParts } from '../contract.ts';

export const notifyParts: FeatureParts = {
  notifySheet: lazyPart(async () => {
    const [part] = await Promise.all([import('./notify-sheet.tsx'), loadSettingsWords()]);
    return part.NotifySheet;
  }),
};
