import type { FeatureParts } from '../../features/contract.ts';
import { notifyParts } from '../../features/notify/parts.ts';

const FEATURES: readonly FeatureParts[] = [notifyParts];

export const NotifySheet = FEATURES.find(({ notifySheet }) => notifySheet)?.notifySheet;
