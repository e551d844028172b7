import { Switch } from '../../config/schema/common/fields.ts';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';

const schema = {
  portMapping: Switch(
    false,
    'Have the router forward the https port to this box, by PCP, NAT-PMP or UPnP, and let it in by IPv6, by PCP, while the box has an owner.',
  ),
};

/** What lets people reach the box from the internet. */
export const REACH: FeatureKeys<typeof schema> = { title: 'Away from home', schema, isRight: true };
