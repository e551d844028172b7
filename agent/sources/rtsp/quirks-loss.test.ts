// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { numbered, PICTURE_SDP, packetsOf } from '../../../test/support/cameras/picture-camera.ts';
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { rtpFrame, type Script, scriptedCamera, soundPackets } from '../../../test/support/cameras/scripted-camera.ts';
import { soundPacket, udpCamera } from '../../../test/support/cameras/udp-camera.ts';
import { skipPicture } from '../../../test/support/media/tiny-h264.ts';
import { createLogger } from '../../base/log.ts';

test('remembered UDP that loses 2 % of its packets for ten seconds changes to TCP and is logged', async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  await using udp = await udpCamera();
  let takesTcp = false;
  const overUdp = udp.script([]);
  const script: Script = (request, caller) => {
    const isTcp = caller.requests.some(({ headers }) => headers.get('Transport')?.includes('TCP'));
    return takesTcp && isTcp ? undefined : overUdp(request, caller);
  };
  await using camera = await scriptedCamera(script);
  let sequence = 0;
  /** Fifty packets, one of them lost, and half a second. */
  const half = async (run: Run, isLossy: boolean) => {
    const packets = Array.from({ length: 50 }, (_, i) => soundPacket(sequence + i));
    sequence += 50;
    const { packets: before } = run.source.statistics;
    udp.send(...packets.filter((_, i) => !isLossy || i !== 25));
    await expect.poll(() => run.source.statistics.packets).toBeGreaterThan(before + 20);
    await clock.advance(500);
  };
  let source: Run['source'];
  {
    await using first = new Run(url(camera), { readTimeoutMs: 60_000, log }, clock);
    await udp.until(() => udp.rtp.length > 0);
    await half(first, false);
    source = first.source;
  }
  takesTcp = true;
  const punched = udp.rtp.length;
  await using second = new Run('', { source }, clock);
  await udp.until(() => udp.rtp.length > punched);
  for (let i = 0; i < 22 && source.statistics.transport === 'UDP'; i += 1) {
    await half(second, true).catch(() => {});
  }
  await expect.poll(() => source.statistics.transport).toBe('TCP');
  expect(lines.map((line) => JSON.parse(line)).at(-1)).toMatchObject({
    transport: 'UDP',
    reason: expect.stringMatching(/^[12]\.\d % of the packets from the camera of path 'garden' are lost over UDP$/),
    next: 'TCP',
  });
  camera.callers.at(-1)?.send(...soundPackets(5, 5));
});

test('after a picture is lost over UDP, a key frame is requested once a second until one arrives', async () => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  const packets = numbered(packetsOf()).map(({ payload, ...header }) => rtpFrame(0, payload, header).subarray(4));
  const script = udp.script(packets);
  await using camera = await scriptedCamera(script, PICTURE_SDP);
  await using run = new Run(url(camera), { rtspTransport: 'udp', readTimeoutMs: 60_000 }, clock);
  await run.sampled(4);
  await clock.advance(2_000);
  const plis = () => udp.rtcp.filter((report) => report.includes('81ce0002'));
  expect(plis()).toEqual([]);
  const picture = (sequence: number, ticks: number, frame: number) => {
    const header = { type: 96, marker: true, sequence: packets.length + sequence, ticks };
    return rtpFrame(0, skipPicture(frame).subarray(4), header).subarray(4);
  };
  udp.send(picture(1, 18_000, 6));
  // The reorder buffer waits for missing packets by the clock.
  await expect
    .poll(async () => {
      await clock.advance(500);
      return plis().length;
    })
    .toBeGreaterThan(0);
  expect(plis()[0]).toMatch(/81ce0002[0-9a-f]{8}00000001$/);
  expect(run.samples).toHaveLength(4);
});
