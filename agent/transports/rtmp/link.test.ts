import { expect, test } from 'vitest';
import type { ByteChannel } from '../../base/network/socket-channel.ts';
import { RtmpLink } from './link.ts';
import { EVENT, MESSAGE, writeControl, writeEvent } from './messages.ts';

/** A peer that reads nothing after the handshake. */
function open() {
  let written = 0;
  const channel: ByteChannel = {
    sink: undefined,
    get queuedBytes() {
      return written;
    },
    remote: '192.0.2.1:4000',
    write: (bytes) => {
      written += bytes.length;
    },
    end: () => {},
    destroy: () => {},
    pause: () => {},
    resume: () => {},
  };
  const held: number[] = [];
  const link = new RtmpLink(channel, true, {
    onOpen: () => {},
    onCommand: () => {},
    onMedia: () => {},
    onHeld: (bytes) => held.push(bytes),
    onEnd: (cause) => {
      throw cause;
    },
  });
  const send = (bytes: Buffer) => link.onBytes(bytes, bytes.length);
  send(Buffer.concat([Buffer.of(3), Buffer.alloc(2 * 1_536)]));
  return { send, held, queued: () => written };
}

test.for([
  ['pings', writeEvent(EVENT.pingRequest, 1)],
  ['bytes to acknowledge', writeControl(MESSAGE.windowSize, 1)],
] as const)('a peer that floods with %s and reads nothing costs little memory', ([, message]) => {
  const { send, held, queued } = open();
  for (let i = 0; i < 20_000; i += 1) {
    send(message);
  }
  expect(queued()).toBeLessThan(100 << 10);
  expect(held.at(-1)).toBeGreaterThanOrEqual(queued());
});
