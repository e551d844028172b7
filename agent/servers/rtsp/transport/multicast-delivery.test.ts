// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { freeUdpPair } from '../../../../test/support/base/free-port.ts';
import { UdpPair } from '../../../../test/support/clients/webrtc/udp-pair.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import { silentLogger } from '../../../base/log.ts';
import { writeReceiverReport } from '../../../media/rtcp/write.ts';
import { RtpHeader } from '../../../media/rtp/header.ts';
import type { Pair, Transport } from '../../../media/rtsp/transport.ts';
import type { G711Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { Multicast } from './multicast.ts';
import { MulticastDelivery } from './multicast-delivery.ts';

const G711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const wanted: Transport = { protocol: 'udp', isSecure: false, isMulticast: true };
const sound = (pts: number) => ({ pts, dts: pts, wall: 1_000 + pts / 8, key: true, data: new Uint8Array(160) });

function picture(pts: number, key: boolean) {
  return { pts, dts: pts, wall: 1_000 + pts / 90, key, data: Uint8Array.of(0, 0, 0, 2, key ? 0x65 : 0x41, 0x88) };
}

class Place implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly ends: string[] = [];
  readonly multicast: Multicast;
  readonly ports: Pair;
  readonly #deliveries: MulticastDelivery[] = [];

  static async open(range: string): Promise<Place> {
    const [rtpPort, rtcpPort] = await freeUdpPair();
    return new Place(range, rtpPort, rtcpPort);
  }

  private constructor(range: string, rtpPort: number, rtcpPort: number) {
    this.ports = [rtpPort, rtcpPort];
    this.multicast = new Multicast({ range, rtpPort, rtcpPort }, this.clock, silentLogger);
  }

  deliver(stream: Stream, ip = '127.0.0.1'): MulticastDelivery {
    const owner = { onMediaEnd: (reason: string) => this.ends.push(reason), writeFrames: () => {} };
    const delivery = new MulticastDelivery(
      { name: 'garden', stream, ip, wantsPlaceholders: false, owner },
      this.multicast,
      { maxPayloadBytes: 1440, isSecure: false },
    );
    this.#deliveries.push(delivery);
    return delivery;
  }

  /** Lets packets go that waited for their socket to open. */
  async flow(until: () => boolean): Promise<void> {
    while (!until()) {
      await this.clock.advance(2);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const delivery of this.#deliveries) {
      delivery.close();
    }
  }
}

test('a stream has one group with ports per track, the same for all readers', async () => {
  await using place = await Place.open('239.77.0.0/24');
  const stream = new Stream([H264_TRACK, G711]);
  const [one, two] = [place.deliver(stream), place.deliver(stream)];
  const answers = [one.setUp(0, wanted), one.setUp(1, wanted)];
  const [rtp, rtcp] = place.ports;
  expect(answers[0]).toMatchObject({ isMulticast: true, destination: '239.77.0.0', port: [rtp, rtcp], ttl: 16 });
  expect(answers[1]).toMatchObject({ destination: '239.77.0.0', port: [rtp + 2, rtcp + 2] });
  expect([two.setUp(0, wanted), two.setUp(1, wanted)]).toEqual(answers);
  expect(place.multicast.addressOf(stream)).toMatchObject({
    group: '239.77.0.0',
    ports: answers.map(({ port }) => port),
  });
  expect(place.multicast.addressOf(new Stream([G711])).group).toBe('239.77.0.1');
});

test('a stream is sent to its group once, from the first reader to the last', async () => {
  await using place = await Place.open('239.77.1.0/24');
  const stream = new Stream([H264_TRACK, G711]);
  stream.write(0, picture(0, true));
  stream.write(1, sound(0));
  const [one, two] = [place.deliver(stream), place.deliver(stream)];
  const { destination = '', port = [0, 0] } = one.setUp(0, wanted);
  await using receiver = await UdpPair.join(destination, port, one.egress);
  one.start();
  one.flow();
  await place.flow(() => receiver.rtp.length === 2);
  two.setUp(0, wanted);
  two.start();
  two.flow();
  stream.write(0, picture(3_000, false));
  await place.flow(() => receiver.rtp.length === 3);
  one.close();
  stream.write(0, picture(6_000, false));
  await place.flow(() => receiver.rtp.length === 4);
  const byes = () => receiver.rtcp.filter((packet) => packet[1] === 203).length;
  expect(byes()).toBe(0);
  two.close();
  expect(stream.readers).toEqual([]);
  // Listeners without a session get the BYE, on the first track's port.
  await receiver.until(() => byes() === 1);
  const header = new RtpHeader();
  const sequences = receiver.rtp.map((packet) => {
    header.parse(packet, 0, packet.length);
    return header.sequence;
  });
  expect(sequences.map((sequence) => (sequence - (sequences[0] ?? 0)) & 0xffff)).toEqual([0, 1, 2, 3]);
});

test('a reader counts packets since it joined', async () => {
  await using place = await Place.open('239.77.2.0/24');
  const stream = new Stream([G711]);
  const [one, two] = [place.deliver(stream), place.deliver(stream)];
  one.setUp(0, wanted);
  one.start();
  one.flow();
  stream.write(0, sound(0));
  await place.flow(() => one.sent.rtpPackets === 1);
  two.start();
  two.flow();
  stream.write(0, sound(160));
  await place.flow(() => one.sent.rtpPackets === 2);
  expect(two.sent).toMatchObject({ rtpPackets: 1, bytes: 172 });
});

test('reports to the group show that a reader lives; our own do not', async () => {
  await using place = await Place.open('239.77.3.0/24');
  const stream = new Stream([G711]);
  const delivery = place.deliver(stream);
  const { destination = '', port = [0, 0], ssrc = 0 } = delivery.setUp(0, wanted);
  await using receiver = await UdpPair.join(destination, port, delivery.egress);
  delivery.start();
  delivery.flow();
  stream.write(0, sound(0));
  await place.flow(() => receiver.rtp.length === 1);
  await place.clock.advance(10_000);
  await receiver.until(() => receiver.rtcp.length === 1);
  expect(delivery.lastReceivedMs).toBe(0);
  const report = { ssrc: 1, fractionLost: 0, highest: 9, jitterTicks: 0, lastReport: 0, sinceLastReportMs: 0 };
  await receiver.send('rtcp', writeReceiverReport({ ...report, sourceSsrc: ssrc, lost: 4 }, 'x'), port[1], destination);
  await place.flow(() => delivery.lastReceivedMs > 0);
  expect(delivery.sent.reportedLost).toBe(4);
});

test('the end of the stream ends all readers', async () => {
  await using place = await Place.open('239.77.4.0/24');
  const stream = new Stream([G711]);
  for (const delivery of [place.deliver(stream), place.deliver(stream)]) {
    delivery.setUp(0, wanted);
    delivery.start();
    delivery.flow();
  }
  stream.close();
  expect(place.ends).toEqual(['the stream has ended', 'the stream has ended']);
});

test('readers over IPv6 are rejected: groups are IPv4', async () => {
  await using place = await Place.open('239.77.5.0/24');
  expect(() => place.deliver(new Stream([G711]), 'fd00::2')).toThrow('multicast needs an IPv4 reader, not fd00::2');
});

test('a stream that returns while another uses its group gets a different group', async () => {
  await using place = await Place.open('239.77.6.0/31');
  const [first, second, third] = [new Stream([G711]), new Stream([G711]), new Stream([G711])];
  const groupOf = (stream: Stream) => place.multicast.addressOf(stream).group;
  expect([first, second, third].map(groupOf)).toEqual(['239.77.6.0', '239.77.6.1', '239.77.6.0']);
  const delivery = place.deliver(third);
  delivery.setUp(0, wanted);
  delivery.start();
  delivery.flow();
  expect([first, second, third].map(groupOf)).toEqual(['239.77.6.1', '239.77.6.1', '239.77.6.0']);
  const other = place.deliver(second);
  other.setUp(0, wanted);
  other.start();
  other.flow();
  expect(() => groupOf(first)).toThrow('all 2 group addresses of multicastIPRange 239.77.6.0/31 are in use');
  delivery.close();
  expect(groupOf(first)).toBe('239.77.6.0');
});
