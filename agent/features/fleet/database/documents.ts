/** The documents that servers share. All others are of one server, and stay files. */
export const SHARED_DOCUMENTS: readonly string[] = [
  'users.json',
  'guests.json',
  'device-passwords.json',
  'servers.json',
  'secret.json',
  'sessions.json',
  'second-factor.json',
  'layouts.json',
  'boxes.json',
  'seen-events.json',
  'push-key.json',
  'push-subscriptions.json',
  'notify-channels.json',
  'mode.json',
  'fleet-bundle.json',
  'fleet-box-keys.json',
];
