import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { SocketChannel } from '../../../base/network/socket-channel.ts';
import { HttpTunnels } from './http-tunnels.ts';
import { ProtocolSniffer } from './protocol-sniffer.ts';

const NOTHING = new Uint8Array(0);

/** A connection from an address that this box does not have. */
function arrivalFrom(ip: string): ProtocolSniffer {
  const handlers = { onRtsp: () => {}, onHttp: () => {}, onBroken: () => {}, onGone: () => {} };
  return new ProtocolSniffer(new SocketChannel(new Socket()), ip, 10_000, handlers);
}

test('the addresses of one IPv6 subscriber share the places of one', () => {
  const tunnels = new HttpTunnels(() => expect.unreachable('no half finds another'));
  const take = (ip: string, cookie: string) => tunnels.takePost(arrivalFrom(ip), cookie, NOTHING)?.message;
  for (let i = 0; i < 32; i += 1) {
    expect(take(`2001:db8::${i.toString(16)}`, 'a')).toBeUndefined();
  }
  expect(take('2001:db8::ffff', 'a')).toBe('32 HTTP tunnels of this address wait for their other half');
  expect(take('2001:db8:0:1::1', 'a')).toBeUndefined();
  tunnels.close();
});
