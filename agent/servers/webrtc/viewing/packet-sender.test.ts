import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/fake-clock.ts';
import { H264_TRACK } from '../../../../test/tracks.ts';
import type { Track } from '../../../media/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { AES128_CM_HMAC_SHA1_80, type SrtpKeys } from '../secure/srtp-keys.ts';
import type { SecureLink } from '../session-media.ts';
import { PacketSlots } from '../transport/packet-slots.ts';
import type { Route } from '../transport/route.ts';
import { PacketSender } from './packet-sender.ts';

const AUDIO: Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: 1 };
/** A network that takes everything, until it is told not to. Notes `ssrc:sequence number`. */
class Network implements Route, SecureLink {
  readonly protocol = 'udp';
  readonly family = 'IPv4';
  readonly address = '192.0.2.1';
  readonly port = 5;
  readonly slots = new PacketSlots();
  readonly keys: SrtpKeys = {
    profile: AES128_CM_HMAC_SHA1_80,
    localKey: new Uint8Array(16),
    localSalt: new Uint8Array(14),
    remoteKey: new Uint8Array(16),
    remoteSalt: new Uint8Array(14),
  };
  readonly sent: string[] = [];
  isCongested = false;

  get route(): Route {
    return this;
  }

  send(bytes: Uint8Array, offset: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
    this.sent.push(`${view.getUint32(8)}:${view.getUint16(2)}`);
  }

  sendRtcp(): number {
    return 0;
  }

  admit(): void {}

  close(reason?: string): void {
    throw new Error(reason);
  }
}

function open(tracks: readonly Track[]) {
  const stream = new Stream(tracks);
  const network = new Network();
  const outbound = tracks.map((_, i) => ({
    ssrc: i + 1,
    payloadType: 96,
    timestampOffset: 0,
    packetIndex: 100,
    packets: 0,
    octets: 0,
  }));
  const video = tracks.findIndex((track) => track.kind === 'video');
  const sender = new PacketSender({
    link: network,
    stream,
    tracks: outbound,
    videoTrack: video,
    cname: 'test',
    clock: new FakeClock(),
    onReordered: () => {},
  });
  const picture = (key: boolean): void => {
    const data = Uint8Array.of(0, 0, 0, 2, key ? 0x65 : 0x41, 0);
    stream.write(video, { pts: 0, dts: 0, wall: 0, key, data });
  };
  const sound = (): void => {
    stream.write(tracks.length - 1, { pts: 0, dts: 0, wall: 0, key: true, data: new Uint8Array(160) });
  };
  return { network, sender, picture, sound };
}

test('nothing is sent before a key frame; sound starts with it and the very first packet goes out twice', () => {
  const { network, picture, sound } = open([H264_TRACK, AUDIO]);
  sound();
  picture(false);
  expect(network.sent).toEqual([]);
  picture(true);
  sound();
  picture(false);
  expect(network.sent).toEqual(['1:100', '1:101', '1:100', '2:100', '1:102']);
});

test('sound without picture starts at once', () => {
  const { network, sound } = open([AUDIO]);
  sound();
  expect(network.sent).toEqual(['1:100', '1:100']);
});

test('a network that takes no more loses whole groups: the picture goes on at the next key frame, numbered without a gap', () => {
  const { network, sender, picture, sound } = open([H264_TRACK, AUDIO]);
  picture(true);
  network.isCongested = true;
  picture(false);
  sound();
  network.isCongested = false;
  network.sent.length = 0;
  picture(false);
  sound();
  picture(true);
  picture(false);
  expect(network.sent).toEqual(['2:100', '1:102', '1:103', '1:104']);
  expect(sender).toMatchObject({ framesDiscarded: 2, packets: 6 });
});
