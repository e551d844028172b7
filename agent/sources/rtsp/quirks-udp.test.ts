// @also without-ffi in long

import { expect, test } from 'vitest';
import {
  expectPictures,
  FRAME_TICKS,
  framesOf,
  numbered,
  type Packet,
  PICTURE_SDP,
  PICTURES,
  packetsOf,
} from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { type Script, scriptedCamera } from '../../../test/support/cameras/scripted-camera.ts';
import { udpCamera } from '../../../test/support/cameras/udp-camera.ts';
import { hex, sampleOf } from '../../../test/support/media/units.ts';

const UDP = { rtspTransport: 'udp' } as const;
const FRAME_HEADER_BYTES = 4;
const datagramsOf = (packets: readonly Packet[]) =>
  framesOf(packets).map((frame) => frame.subarray(FRAME_HEADER_BYTES));
/** Follows the last picture, so that the reorder buffer does not wait for the clock. */
const NEXT = Array.from({ length: 40 }, (_, i) => ({
  payload: hex('06 0504aabbccdd 80'),
  ticks: (4 + i) * FRAME_TICKS,
}));
const PACKETS = numbered([...packetsOf(), ...NEXT]);

test.for<[quirk: string, transport: (port: number) => string]>([
  ['both ports', (port) => `server_port=${port}-${port + 1}`],
  ['one port', (port) => `server_port=${port}`],
  ['no port', () => ''],
  ['port 0', () => 'server_port=0-0'],
  [
    'host names for source and destination',
    (port) => `source=cam.local;destination=viewer;server_port=${port}-${port + 1}`,
  ],
  ['0.0.0.0 for a source', (port) => `source=0.0.0.0;server_port=${port}-${port + 1}`],
  ['the address behind its router for a source', (port) => `source=192.168.200.9;server_port=${port}-${port + 1}`],
  [
    'an SSRC that is filled up with blanks (Hikvision)',
    (port) => `server_port=${port}-${port + 1};ssrc=     4d2;mode="PLAY"`,
  ],
])('video over UDP of a camera that answers SETUP with %s', async ([, transport]) => {
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(datagramsOf(PACKETS), transport(udp.ports[0])), PICTURE_SDP);
  await using run = new Run(url(camera), UDP);
  await expectPictures(run);
});

test('datagrams of ten thousand bytes are received whole (Tapo)', async () => {
  const sei = Uint8Array.from({ length: 9_900 }, (_, i) => [6, 5, 80][i] ?? 0x55);
  const [key = sei, ...rest] = PICTURES;
  const packets = numbered([{ payload: sei }, ...packetsOf([key]), ...packetsOf(rest, 1), ...NEXT]);
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(datagramsOf(packets)), PICTURE_SDP);
  await using run = new Run(url(camera), UDP);
  await expectPictures(run, [Uint8Array.from([...sampleOf(sei), ...key]), ...rest]);
});

test.for<[quirk: string, packets: readonly Packet[]]>([
  [
    'swapped in pairs',
    PACKETS.map((_, i) => PACKETS[i === 0 ? 0 : ((i - 1) ^ 1) + 1] ?? PACKETS[i]).filter(
      (packet) => packet !== undefined,
    ),
  ],
  ['twice', PACKETS.flatMap((packet) => [packet, packet])],
  ['with every third one late by three', PACKETS.toSorted((a, b) => lateness(a) - lateness(b))],
])('fragments that arrive %s form complete pictures', async ([, packets]) => {
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(datagramsOf(packets)), PICTURE_SDP);
  await using run = new Run(url(camera), UDP);
  await expectPictures(run);
  expect(run.stream?.framesInError).toBe(0);
});

function lateness({ sequence }: Packet): number {
  return sequence % 3 === 2 ? sequence + 3.5 : sequence;
}

test('after a lost fragment the rest of its group is dropped', async () => {
  const groups = numbered([
    ...packetsOf(),
    ...packetsOf(PICTURES, 4),
    ...packetsOf(PICTURES, 8),
    ...NEXT.map((part) => ({ ...part, ticks: part.ticks + 8 * FRAME_TICKS })),
  ]);
  const lost = packetsOf().length + 1;
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(datagramsOf(groups.filter((_, i) => i !== lost))), PICTURE_SDP);
  await using run = new Run(url(camera), UDP);
  await expectPictures(run, [...PICTURES, ...PICTURES]);
  expect(run.source.statistics).toMatchObject({ lost: 1 });
});

test('UDP packets that arrive before the last SETUP are kept with their times', async () => {
  await using udp = await udpCamera();
  const onSetup = udp.script([]);
  const sdp = `${PICTURE_SDP}m=audio 0 RTP/AVP 0\r\na=control:track2\r\n`;
  const script: Script = (request, caller) => {
    if (request.method !== 'SETUP' || !request.uri.endsWith('track2')) {
      return onSetup(request, caller);
    }
    // To the ports of the first track; they arrive before the reply about the second.
    udp.send(...datagramsOf(PACKETS));
    setImmediate(() => setImmediate(() => caller.reply(request, 404)));
    return true;
  };
  await using camera = await scriptedCamera(script, sdp);
  await using run = new Run(url(camera), UDP);
  await expectPictures(run);
});

test('after TCP is rejected, UDP is requested at once', async () => {
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(datagramsOf(PACKETS)), PICTURE_SDP);
  await using run = new Run(url(camera));
  await expectPictures(run);
  expect(camera.callers[0]?.methods).toContain('SETUP');
  expect(lastCaller(camera).methods).toContain('PLAY');
  expect(run.source.statistics).toMatchObject({ transport: 'UDP' });
});
