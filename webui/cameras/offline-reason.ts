/**
 * `refuses`: the camera answers without video. `closed`: its port is closed. `silent`: no answer at its address. `boxAway`: no
 * answer of the box whose camera it is. `notShared`: that box does not show it to this one, or has ended the pairing.
 */
const KNOWN = [
  ...(['password', 'forbidden', 'noStream', 'noRoom', 'refuses', 'closed', 'silent', 'noNetwork'] as const),
  'boxAway',
  'notShared',
] as const;
export type OfflineReason = (typeof KNOWN)[number] | 'unknown';

const SAME: Readonly<Record<string, OfflineReason>> = { unknownName: 'silent', boxRefuses: 'notShared' };

/** From `lastErrorWhy`. */
export const offlineReasonOf = (why: string | null | undefined): OfflineReason =>
  SAME[why ?? ''] ?? KNOWN.find((reason) => reason === why) ?? 'unknown';
