import { acmeParts } from '../../features/acme/parts.ts';
import { boxesParts } from '../../features/boxes/parts.ts';
import type { FeatureParts } from '../../features/contract.ts';
import { modesParts } from '../../features/modes/parts.ts';
import { motionParts } from '../../features/motion/parts.ts';
import { notifyParts } from '../../features/notify/parts.ts';

const FEATURES: readonly FeatureParts[] = [modesParts, motionParts, notifyParts, boxesParts, acmeParts];

const all: FeatureParts = Object.assign({}, ...FEATURES);
export const {
  notifySheet: NotifySheet,
  liveButton: LiveButton,
  offeredCameras: OfferedCameras,
  privacyLink: PrivacyLink,
  recordedTool: RecordedTool,
  serverLink: ServerLink,
  serverPage: SERVER_PAGE,
} = all;
