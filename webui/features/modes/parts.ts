import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import type { FeatureParts } from '../contract.ts';

const load = () => import('./live-button.tsx');

export const modesParts: FeatureParts = {
  liveButton: lazyPart(() => load().then((part) => part.ModeButton)),
  privacyLink: lazyPart(() => load().then((part) => part.ModesLink)),
};
