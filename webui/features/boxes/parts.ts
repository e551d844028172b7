import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import { loadSettingsWords } from '../../words/words.ts';
import type { FeatureParts } from '../contract.ts';

export const boxesParts: FeatureParts = {
  offeredCameras: lazyPart(async () => {
    const [part] = await Promise.all([import('./pairing-link.tsx'), loadSettingsWords()]);
    return part.PairingLink;
  }),
};
