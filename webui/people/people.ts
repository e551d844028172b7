/** Times are RFC 3339. */
export interface GuestItem {
  readonly id: string;
  readonly paths: CameraSelection;
  readonly live: boolean;
  readonly recordings: boolean;
  /** The link shows this clip and no cameras. */
  readonly clip: { readonly path: string; readonly start: string; readonly end: string } | null;
  readonly until: string;
  /** Whether the link has expired or was revoked. */
  readonly over: boolean;
  readonly note: string;
}

export const DEVICE_RIGHTS = ['live', 'recordings', 'publish', 'onvif'] as const;
export type DeviceRight = (typeof DEVICE_RIGHTS)[number];

/** A password for a player, recorder or publisher. */
export interface DeviceItem extends Readonly<Record<DeviceRight, boolean>> {
  readonly id: string;
  readonly name: string;
  /** User name of the device. */
  readonly user: string;
  readonly paths: CameraSelection;
}

/** A program that uses a person's page password. `last` is RFC 3339. */
export interface PageLoginItem {
  readonly id: string;
  readonly user: string;
  /** `rtsp`, or `playback`. */
  readonly protocol: string;
  readonly address: string;
  readonly last: string;
}

/** All cameras, including later ones; or names of paths. */
export type CameraSelection = 'all' | readonly string[];
export type AccessLevel = 'live' | 'both';

/** Toggles a camera. Without the last one nothing is selected, which the form rejects. */
export const toggled = <T extends string>(chosen: 'all' | readonly T[], name: T): readonly T[] => {
  const before = chosen === 'all' ? [] : chosen;
  return before.includes(name) ? before.filter((one) => one !== name) : [...before, name];
};

/** A fleet gets events of all cameras: the right ends when no longer all are chosen, and a person may choose it again. */
export const rightsFor = <Right extends string>(
  rights: readonly Right[],
  former: CameraSelection,
  cameras: CameraSelection,
): readonly Right[] => (former === 'all' && cameras !== 'all' ? rights.filter((right) => right !== 'fleet') : rights);

/** `9:05` */
export function timeLeft(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
