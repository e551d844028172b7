import { counter } from '../../grammar/plural.ts';

const countText = counter('en');

/** Settings: servers that a camera is forwarded to. */
export const forwards = {
  forwarding: 'Forwarding',
  forwardingHint:
    'Other servers get the video while the camera is online. One with a fast connection can serve more viewers than the box.',
  noServer: 'To no server yet',
  servers: (count: number) => countText(count, { one: 'To one server', other: 'To # servers' }),
  someFail: (failing: number, count: number) =>
    `${failing} of ${countText(count, { one: '1 server', other: '# servers' })}: no connection`,

  sending: (size: string) => `Sending, ${size} so far`,
  notSending: 'Not sending: the camera is offline, another server sends, or the connection is not ready yet',
  noConnection: 'No connection, retried every few seconds',
  failed: (why: string) => `Not sending, retried every few seconds: ${why}`,

  addServer: 'Add a server',
  address: 'Address',
  addressHint: 'Starts with rtsp, rtmp, srt or whip, for example rtsp://user:password@media.example:8554/door',
  addressEmpty: 'Enter the address of the server.',
  token: 'Token',
  tokenHint: 'If the server requires one.',
  sendsAtOnce: 'Sent from now on. Password and key are not shown again.',
  add: 'Add',
  added: 'Server added.',

  removeServer: 'Remove this server',
  removeText: 'It gets no more video. Press again to remove.',
  removed: 'Server removed.',
};

export type ForwardsWords = typeof forwards;
