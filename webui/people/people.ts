/** Somebody who can log in. */
export interface UserItem {
  readonly name: string;
  readonly role: 'owner' | 'viewer';
  readonly cameras: CameraSelection;
  readonly live: boolean;
  readonly recordings: boolean;
}

/** A guest's link. Times are RFC 3339. */
export interface GuestItem {
  readonly id: string;
  readonly paths: CameraSelection;
  readonly live: boolean;
  readonly recordings: boolean;
  readonly until: string;
  /** It opens nothing any more. */
  readonly over: boolean;
  readonly note: string;
}

/** A device that is logged in. Times are RFC 3339. */
export interface SessionItem {
  readonly id: string;
  readonly user: string;
  readonly lastUsed: string;
  readonly address: string;
  readonly device: string;
  readonly current: boolean;
}

export const DEVICE_RIGHTS = ['live', 'recordings', 'publish', 'onvif'] as const;
export type DeviceRight = (typeof DEVICE_RIGHTS)[number];

/** A password for a player, recorder or sender. */
export interface DeviceItem extends Readonly<Record<DeviceRight, boolean>> {
  readonly id: string;
  readonly name: string;
  /** What the device logs in as. */
  readonly user: string;
  readonly paths: CameraSelection;
}

/** A program that logs in with the page password of a person. `last` is RFC 3339. */
export interface PageLoginItem {
  readonly id: string;
  readonly user: string;
  readonly protocol: 'rtsp' | 'hls' | 'webrtc' | 'playback';
  readonly address: string;
  readonly last: string;
}

/** All of them, also those that come later; or the names of their paths. */
export type CameraSelection = 'all' | readonly string[];
export type AccessLevel = 'live' | 'both';

/** Chosen or not; the last one that is taken away leaves none, which the form finds wrong. */
export const toggled = (chosen: CameraSelection, name: string): readonly string[] => {
  const before = chosen === 'all' ? [] : chosen;
  return before.includes(name) ? before.filter((one) => one !== name) : [...before, name];
};
