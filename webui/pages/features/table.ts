import { acme } from '../../features/acme/entry.ts';
import { archive } from '../../features/archive/entry.ts';
import { away } from '../../features/away/entry.ts';
import { backfill } from '../../features/backfill/entry.ts';
import { boxes } from '../../features/boxes/entry.ts';
import { cameraNetwork } from '../../features/camera-network/entry.ts';
import type { CameraRow, FeatureCard, FeatureEntry, FeaturePage, FeatureSection } from '../../features/contract.ts';
import { modes } from '../../features/modes/entry.ts';
import { motion } from '../../features/motion/entry.ts';
import { mqtt } from '../../features/mqtt/entry.ts';
import { notify } from '../../features/notify/entry.ts';
import { objects } from '../../features/objects/entry.ts';
import { onvifDevice } from '../../features/onvif-device/entry.ts';
import { reach } from '../../features/reach/entry.ts';
import { rules } from '../../features/rules/entry.ts';
import { signing } from '../../features/signing/entry.ts';
import { transfer } from '../../features/transfer/entry.ts';
import { updates } from '../../features/updates/entry.ts';

const FEATURES: readonly FeatureEntry[] = [
  cameraNetwork,
  acme,
  mqtt,
  notify,
  onvifDevice,
  signing,
  updates,
  archive,
  transfer,
  boxes,
  modes,
  motion,
  objects,
  backfill,
  rules,
  away,
  reach,
];

/** The features' pages below a section of the settings, with the features' names. */
export const featurePages = (section: string): readonly (FeaturePage & { readonly feature: string })[] =>
  FEATURES.flatMap(({ name: feature, pages = [] }) => pages.map((page) => ({ feature, ...page }))).filter(
    (page) => page.section === section,
  );

export const CAMERA_ROWS: readonly CameraRow[] = FEATURES.flatMap(({ cameraRows = [] }) => cameraRows);
export const systemRows = FEATURES.flatMap((feature) => feature.systemRows ?? []);

export const featureSections: readonly FeatureSection[] = FEATURES.flatMap(({ section = [] }) => section);

export const featureCards = (at: FeatureCard['at']): readonly FeatureCard[] =>
  FEATURES.flatMap(({ cards = [] }) => cards).filter((card) => card.at === at);
