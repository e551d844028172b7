import { acme } from '../../features/acme/feature.ts';
import { archive } from '../../features/archive/feature.ts';
import { away } from '../../features/away/feature.ts';
import { backfill } from '../../features/backfill/feature.ts';
import { boxes } from '../../features/boxes/feature.ts';
import { cameraNetwork } from '../../features/camera-network/feature.ts';
import type { Feature } from '../../features/contract.ts';
import { demo } from '../../features/demo/feature.ts';
import { fleet } from '../../features/fleet/feature.ts';
import { modes } from '../../features/modes/feature.ts';
import { motion } from '../../features/motion/feature.ts';
import { mqtt } from '../../features/mqtt/feature.ts';
import { notify } from '../../features/notify/feature.ts';
import { objects } from '../../features/objects/feature.ts';
import { onvifDevice } from '../../features/onvif-device/feature.ts';
import { reach } from '../../features/reach/feature.ts';
import { rules } from '../../features/rules/feature.ts';
import { signing } from '../../features/signing/feature.ts';
import { transfer } from '../../features/transfer/feature.ts';
import { updates } from '../../features/updates/feature.ts';
import { zlm } from '../../features/zlm/feature.ts';

export const FEATURES: readonly Feature[] = [
  cameraNetwork,
  acme,
  mqtt,
  notify,
  onvifDevice,
  signing,
  transfer,
  updates,
  archive,
  modes,
  motion,
  boxes,
  demo,
  zlm,
  objects,
  rules,
  backfill,
  away,
  reach,
  fleet,
];
