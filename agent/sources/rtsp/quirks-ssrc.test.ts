import { expect, test } from 'vitest';
import {
  expectPictures,
  framesOf,
  numbered,
  type Packet,
  PICTURES,
  packetsOf,
  pictureCamera,
} from '../../../test/support/cameras/picture-camera.ts';
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { toHex } from '../../../test/support/media/units.ts';
import { writeBye } from '../../media/rtcp/write.ts';

const OWN = numbered([...packetsOf(), ...packetsOf(PICTURES, 4), ...packetsOf(PICTURES, 8)], 500);
/** A former session, in the middle of another group. */
const FORMER: readonly Packet[] = packetsOf(PICTURES.slice(1), 900).map((packet, i) => ({
  ...packet,
  ssrc: 0xbad,
  sequence: 40_000 + i,
}));
const bye = (): Uint8Array => {
  const packet = writeBye(0xbad);
  return Buffer.concat([Uint8Array.of(0x24, 1, 0, packet.length), packet]);
};
const between = OWN.flatMap((packet, i) => [FORMER[i % FORMER.length] as Packet, packet]);
const before = [...FORMER, ...FORMER.map((packet) => ({ ...packet, sequence: packet.sequence + 50 })), ...between];

/** PLAY is answered between packets of the former session, in one segment or later. */
test.for<[when: string, pauseMs: number, early: readonly Packet[], later: readonly Packet[]]>([
  ['in one segment', 0, FORMER, between.slice(1)],
  ['300 ms later', 300, FORMER, OWN.flatMap((packet, i) => [packet, FORMER[i % FORMER.length] as Packet])],
  ['after more than 500 ms', 700, FORMER, OWN],
  ['after its own first packets', 300, [...FORMER, ...OWN.slice(0, 6)], between.slice(13)],
  ['after its own first packets, which come first', 300, [...OWN.slice(0, 6), ...FORMER], between.slice(13)],
])('packets of a former session before PLAY is answered change no picture: %s', async ([, pauseMs, early, later]) => {
  await using camera = await pictureCamera(
    (request, caller) => {
      if (request.method !== 'PLAY') {
        return undefined;
      }
      const head = Buffer.concat(framesOf(early));
      const answer = Buffer.from(`RTSP/1.0 200 OK\r\nCSeq: ${request.headers.get('CSeq')}\r\nSession: 4711\r\n\r\n`);
      const rest = [answer, ...framesOf(later)];
      if (pauseMs === 0) {
        caller.send(Buffer.concat([head, ...rest]));
        return true;
      }
      caller.send(head);
      setTimeout(() => caller.send(Buffer.concat(rest)), pauseMs);
      return true;
    },
    { frames: [] },
  );
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  await expectPictures(run, [...PICTURES, ...PICTURES, ...PICTURES]);
  expect(run.source.statistics).toMatchObject({ lost: 0, late: 0, jumps: 0 });
});

test.for([
  ['RTP-Info names it', 'RTP-Info: url=track1;seq=500\r\n'],
  ['it comes first', ''],
])(
  'a sender that has played before PLAY is answered for a second gives way to the one of the session: %s',
  async ([, info]) => {
    await using camera = await pictureCamera(
      (request, caller) => {
        if (request.method !== 'PLAY') {
          return undefined;
        }
        const [first, ...rest] = framesOf(FORMER);
        caller.send(first as Uint8Array);
        setTimeout(() => caller.send(...rest), 1_100);
        const head = `RTSP/1.0 200 OK\r\nCSeq: ${request.headers.get('CSeq')}\r\nSession: 4711\r\n${info}\r\n`;
        const next = info === '' ? between.slice(1) : between;
        setTimeout(() => caller.send(head, ...framesOf(next)), 1_300);
        return true;
      },
      { frames: [] },
    );
    await using run = new Run(url(camera), { rtspTransport: 'tcp' });
    const own = [...PICTURES, ...PICTURES, ...PICTURES];
    await expect.poll(() => run.samples.length).toBeGreaterThanOrEqual(own.length);
    await expect
      .poll(() => run.samples.slice(-own.length).map(({ sample }) => toHex(sample.data)))
      .toEqual(own.map(toHex));
  },
);

test.for<[by: string, transport: string, rtpInfo: string, packets: readonly Packet[]]>([
  ['Transport', ';ssrc=00000001', '', between],
  ['Transport', ';ssrc=1', 'url=track1;seq=7', before],
  ['RTP-Info', '', 'url=rtsp://127.0.0.1/live/track1;seq=500;rtptime=0', between],
  ['RTP-Info', '', 'url=track1;seq=500', before],
  ['RTP-Info, after a wrong Transport,', ';ssrc=DEADBEEF', 'url=track1;seq=500', before],
  ['the first packet', '', '', [...OWN.slice(0, 1), ...between.slice(2)]],
])(
  'packets of a former session between those of the one that %s names (live555) change no picture',
  async ([, transport, rtpInfo, packets]) => {
    await using camera = await pictureCamera(
      (request, caller) => {
        if (request.method === 'SETUP') {
          caller.reply(request, 200, [
            ['Session', '4711'],
            ['Transport', `RTP/AVP/TCP;unicast;interleaved=0-1${transport}`],
          ]);
          return true;
        }
        if (request.method !== 'PLAY') {
          return undefined;
        }
        const info: [string, string][] = rtpInfo === '' ? [] : [['RTP-Info', rtpInfo]];
        caller.reply(request, 200, [['Session', '4711'], ...info]);
        setTimeout(() => caller.send(...framesOf(packets), bye()), 30);
        return true;
      },
      { frames: [] },
    );
    await using run = new Run(url(camera), { rtspTransport: 'tcp' });
    await expectPictures(run, [...PICTURES, ...PICTURES, ...PICTURES]);
    expect(run.source.statistics).toMatchObject({ lost: 0, late: 0, jumps: 0 });
  },
);
