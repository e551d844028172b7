import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import { loadSettingsWords } from '../../words/words.ts';
import type { FeatureParts } from '../contract.ts';

export const motionParts: FeatureParts = {
  recordedTool: lazyPart(async () => {
    const [part] = await Promise.all([import('./recorded-tool.tsx'), loadSettingsWords()]);
    return part.FindMotion;
  }),
};
