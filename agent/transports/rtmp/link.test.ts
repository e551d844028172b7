import { expect, test } from 'vitest';
import type { ByteChannel } from '../../base/network/socket-channel.ts';
import { RtmpLink } from './link.ts';
import { CHUNK_STREAM, EVENT, MESSAGE, writeControl, writeEvent, writeMessage } from './messages.ts';

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
  const damage: string[] = [];
  const media: number[] = [];
  const link = new RtmpLink(channel, true, {
    onOpen: () => {},
    onCommand: () => {},
    onMedia: (type) => media.push(type),
    onDamage: (reason) => damage.push(reason),
    onHeld: (bytes) => held.push(bytes),
    onEnd: (cause) => {
      throw cause;
    },
  });
  const send = (bytes: Buffer) => link.onBytes(bytes, bytes.length);
  send(Buffer.concat([Buffer.of(3), Buffer.alloc(2 * 1_536)]));
  return { send, held, damage, media, queued: () => written };
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

test.for<[what: string, type: number, body: string, skipped: string]>([
  ['a command without a name', MESSAGE.command, '05', 'RTMP command'],
  ['a command that is cut', MESSAGE.command, '0200ff41', 'RTMP command'],
  ['an empty command', MESSAGE.command, '', 'RTMP command'],
  ['a command of AMF3 that is not AMF0', MESSAGE.commandAmf3, '00 ff', 'RTMP command'],
  ['an aggregate with a cut tag', MESSAGE.aggregate, '09 0000ff 000000 00 000000 17', 'FLV tag of 255 bytes'],
])('%s is skipped and reported, and the next message is read', ([, type, body, skipped]) => {
  const { send, damage, media } = open();
  send(writeMessage(CHUNK_STREAM.command, type, 0, Buffer.from(body.replaceAll(' ', ''), 'hex')));
  send(writeMessage(CHUNK_STREAM.command, MESSAGE.video, 1, Buffer.of(0x17)));
  expect(damage).toEqual([expect.stringContaining(skipped)]);
  expect(media).toEqual([MESSAGE.video]);
});
