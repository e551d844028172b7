import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { lastCaller } from '../../../../test/support/cameras/rtsp-run.ts';
import { scriptedCamera } from '../../../../test/support/cameras/scripted-camera.ts';
import { deaf, heard, loudspeakerAt, never, offering } from '../../../../test/support/cameras/talkative-camera.ts';

// go2rtc#331, #2007, #987: Reolink doorbells take each packet for a frame of 1,024 samples.
test.for([
  ['a frame server', 'a=tool:BC Streaming Media v202210012022.10.01\n', '', [1_024, 1_024, 1_024], 'd5'],
  ['a ptime of 40 ms', '', 'a=ptime:40\n', [320, 320, 320, 320, 320, 320, 320, 160], undefined],
  ['a ptime above its maxptime', '', 'a=ptime:100\na=maxptime:60\n', [480, 480, 480, 480, 480], undefined],
  ['a maxptime below the audio that comes', '', 'a=maxptime:10\n', Array.from({ length: 30 }, () => 80), undefined],
  ['neither', '', '', Array.from({ length: 15 }, () => 160), undefined],
] as const)('packets have the size that the camera takes: %s', async ([, tool, lines, sizes, filler]) => {
  const [script, sdp] = offering([['8', 'PCMA/8000']], lines);
  await using camera = await scriptedCamera(script, sdp.replace('v=0\n', `v=0\n${tool}`));
  const clock = new FakeClock();
  const channel = await loudspeakerAt(camera, clock).open(deaf, never);
  for (let i = 0; i < 15; i += 1) {
    channel.send(Buffer.alloc(160, 'a'), 5_000 + i * 160);
  }
  // The rest is sent when the speaker pauses.
  await clock.advance(2_000);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length >= sizes.length);
  const packets = heard(caller);
  expect(packets.map(({ payload }) => payload.length)).toEqual(sizes);
  const [{ ticks = 0 } = {}] = packets;
  let at = 0;
  for (const packet of packets) {
    expect((packet.ticks - ticks) >>> 0).toBe(at);
    at += packet.payload.length;
  }
  expect(packets.map(({ first }) => first)).toEqual(packets.map((_, i) => (i === 0 ? '8088' : '8008')));
  const end = Buffer.from(packets.at(-1)?.payload.at(-1) ?? '', 'latin1').toString('hex');
  expect(end).toBe(filler ?? '61');
  // A pause is a gap in the timestamps, and begins a packet.
  channel.send(Buffer.alloc(2_048, 'b'), 20_000);
  await camera.until(() => heard(caller).length > sizes.length);
  const next = heard(caller)[sizes.length];
  expect([((next?.ticks ?? 0) - ticks) >>> 0, next?.payload.slice(0, 1)]).toEqual([15_000, 'b']);
  channel.close();
});
