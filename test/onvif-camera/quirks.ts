import type { CardQuirks } from './quirks/card.ts';
import type { DeviceQuirks } from './quirks/device.ts';
import type { DiscoveryQuirks } from './quirks/discovery.ts';
import type { EventQuirks } from './quirks/events.ts';
import type { LoginQuirks } from './quirks/login.ts';
import type { MediaQuirks } from './quirks/media.ts';
import type { OutputQuirks } from './quirks/outputs.ts';
import type { PtzQuirks } from './quirks/ptz.ts';
import type { ReplyQuirks } from './quirks/replies.ts';
import type { StreamQuirks } from './quirks/streams.ts';
import type { TransportQuirks } from './quirks/transport.ts';

/** Named deviations of real cameras, in any combination. Without any the camera follows the standard. */
export type Quirks = TransportQuirks &
  ReplyQuirks &
  LoginQuirks &
  DeviceQuirks &
  MediaQuirks &
  StreamQuirks &
  PtzQuirks &
  OutputQuirks &
  EventQuirks &
  CardQuirks &
  DiscoveryQuirks;
