// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freeUdpPair } from '../../../test/support/base/free-port.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { scriptedCamera, soundPackets } from '../../../test/support/cameras/scripted-camera.ts';
import { bound, soundFrom, soundPacket, udpCamera } from '../../../test/support/cameras/udp-camera.ts';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { writeBye, writeSenderReport } from '../../media/rtcp/write.ts';
import { RtspSource } from './client.ts';
import type { RtspSourceOptions } from './request/settings.ts';

const UDP: Partial<RtspSourceOptions> = { rtspTransport: 'udp' };
const firstBytes = (run: Run) => run.samples.map(({ sample }) => sample.data[0]);

test('RTP arrives on an even port, and RTCP on the next one', async () => {
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 5)));
  await using run = new Run(url(camera), UDP);
  await run.sampled(5);
  expect(lastCaller(camera).methods).toEqual(['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY']);
  expect(run.samples.map(({ sample }) => sample.pts)).toEqual([0, 160, 320, 480, 640]);
  const [rtp = 0, rtcp = 0] = udp.asked?.clientPort ?? [];
  expect(rtp % 2).toBe(0);
  expect(rtcp).toBe(rtp + 1);
  expect([rtp >= 32_768, rtcp <= 60_999]).toEqual([true, true]);
  expect(run.source.statistics).toMatchObject({ transport: 'UDP', packets: 5, lost: 0, reordered: 0 });
});

test('ports are taken from the configured range', async () => {
  const [first, last] = await freeUdpPair();
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 1)));
  await using run = new Run(url(camera), { ...UDP, rtspUDPSourcePortRange: [first - 1, last] });
  await run.sampled(1);
  expect(udp.asked?.clientPort).toEqual([first, last]);
});

test('a range without a free pair is an error', async () => {
  const [first, last] = await freeUdpPair();
  await using camera = await scriptedCamera(() => undefined);
  const taken = await bound(last);
  await using run = new Run(url(camera), { ...UDP, rtspUDPSourcePortRange: [first, last] });
  expect(await run.failure()).toContain(`no pair of UDP ports from ${first} to ${last} is free for path 'garden'`);
  taken.close();
});

test('each port sends a packet to the camera before and after PLAY, so that firewalls let the replies in', async () => {
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 1)));
  await using run = new Run(url(camera), UDP);
  await run.sampled(1);
  await udp.until(() => udp.rtp.length === 2 && udp.rtcp.length === 2);
  expect(udp.rtp[0]).toMatch(/^8000000000000000[0-9a-f]{8}$/);
  expect(udp.rtcp[0]).toMatch(/^80c90001[0-9a-f]{8}$/);
});

test('reordered and duplicate packets are delivered in order, and counted', async () => {
  await using udp = await udpCamera();
  const order = [0, 2, 1, 1, 5, 4, 3, 6];
  await using camera = await scriptedCamera(udp.script(order.map((sequence) => soundPacket(sequence))));
  await using run = new Run(url(camera), UDP);
  await run.sampled(7);
  expect(firstBytes(run)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(run.source.statistics).toMatchObject({ packets: 7, reordered: 3, late: 1, lost: 0 });
});

test('a lost packet is counted, and the packets after it are delivered without another one', async () => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  const packets = [soundPacket(0), soundPacket(1), soundPacket(3)];
  await using camera = await scriptedCamera(udp.script(packets));
  await using run = new Run(url(camera), { ...UDP, readTimeoutMs: 60_000 }, clock);
  await run.sampled(2);
  // Nothing follows the last packet, so this shows that it has arrived.
  udp.send(soundPacket(4));
  while (run.samples.length < 4) {
    await clock.advance(500);
  }
  expect(firstBytes(run)).toEqual([0, 1, 3, 4]);
  expect(run.source.statistics).toMatchObject({ lost: 1, late: 0 });
});

test('datagrams of 60,000 bytes are received whole', async () => {
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script([soundPacket(0, 60_000)]));
  await using run = new Run(url(camera), UDP);
  await run.sampled(Math.ceil(60_000 / 1024));
  expect(run.samples.reduce((bytes, { sample }) => bytes + sample.data.length, 0)).toBe(60_000);
});

/** Sends packet 0 from another sender, then packet 1 from the camera: the first received one shows whether the other was accepted. */
async function firstHeard(
  transport: string | undefined,
  options: Partial<RtspSourceOptions>,
  stranger: { readonly address?: string; readonly port?: number },
): Promise<{ first: number | undefined; badPackets: number | undefined }> {
  await using udp = await udpCamera();
  const other = await bound(stranger.port ?? 0, stranger.address);
  const script = udp.script([], transport?.replace('PORT', `${udp.ports[0]}-${udp.ports[1]}`));
  await using camera = await scriptedCamera((request, caller) => {
    const isDone = script(request, caller);
    const port = udp.asked?.clientPort?.[0];
    if (request.method === 'PLAY' && port !== undefined) {
      other.send(soundPacket(0), port, '127.0.0.1', () => udp.send(soundPacket(1)));
    }
    return isDone;
  });
  await using run = new Run(url(camera), { ...UDP, ...options });
  await run.sampled(1);
  other.close();
  return { first: firstBytes(run)[0], badPackets: run.source.statistics.badPackets };
}

test.for<[who: string, transport: string | undefined, options: Partial<RtspSourceOptions>, address: string]>([
  ['another address', undefined, {}, '127.0.0.2'],
  ['another address, with rtspAnyPort', undefined, { rtspAnyPort: true }, '127.0.0.2'],
  ['another address of a camera that names no port', '', {}, '127.0.0.2'],
  ['another port of the camera', undefined, {}, '127.0.0.1'],
  ['an address that no source can have', 'server_port=PORT;source=0.0.0.0', {}, '127.0.0.2'],
  ['a source that is a name', 'server_port=PORT;source=camera.local', {}, '127.0.0.2'],
])('datagrams of %s are dropped and counted', async ([, transport, options, address]) => {
  expect(await firstHeard(transport, options, { address })).toEqual({ first: 1, badPackets: 1 });
});

test.for<[who: string, transport: string | undefined, options: Partial<RtspSourceOptions>, address: string]>([
  ['another port of the camera, with rtspAnyPort', undefined, { rtspAnyPort: true }, '127.0.0.1'],
  ['whichever port of a camera that names none', '', {}, '127.0.0.1'],
])('datagrams of %s are accepted', async ([, transport, options, address]) => {
  expect(await firstHeard(transport, options, { address })).toMatchObject({ first: 0 });
});

test('datagrams of the source in the reply are accepted', async () => {
  await using udp = await udpCamera('127.0.0.3');
  const transport = `server_port=${udp.ports[0]}-${udp.ports[1]};source=127.0.0.3`;
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 2), transport));
  await using run = new Run(url(camera), UDP);
  await run.sampled(2);
  await udp.until(() => udp.rtp.length > 0);
});

test('receiver reports go to the RTCP port every five seconds and refer to the last sender report', async () => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 5)));
  await using run = new Run(url(camera), { ...UDP, readTimeoutMs: 60_000 }, clock);
  await run.sampled(5);
  const report = { ssrc: 1, unixMs: Date.UTC(2026, 0, 1), ticks: 800, packets: 5, payloadBytes: 800 };
  udp.sendControl(writeSenderReport(report, 'camera'));
  const ntpMiddle = Buffer.from(writeSenderReport(report, 'camera').subarray(10, 14)).toString('hex');
  const isReport = (hex: string) => hex.startsWith('81c90007') && hex.slice(48, 56) === ntpMiddle;
  // The sender report may arrive after the first receiver report.
  while (!udp.rtcp.some(isReport)) {
    const count = udp.rtcp.length;
    await clock.advance(5_000);
    await udp.until(() => udp.rtcp.length > count);
    udp.send(soundPacket(udp.rtcp.length + 10));
  }
});

test('an RTCP BYE ends the session', async () => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 1)));
  await using run = new Run(url(camera), { ...UDP, readTimeoutMs: 600_000 }, clock);
  await run.sampled(1);
  udp.sendControl(writeBye(1));
  const failure = run.failure();
  let isOver = false;
  failure.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await clock.advance(500);
  }
  expect(await failure).toBe("camera of path 'garden' ended the stream");
});

test('the end of the RTSP connection ends the session', async () => {
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 1)));
  await using run = new Run(url(camera), UDP);
  await run.sampled(1);
  lastCaller(camera).socket.destroy();
  expect(await run.failure()).toMatch(/^camera (closed|broke) the connection of path 'garden'$/);
});

test('a session without media ends after the read timeout', async () => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 1)));
  await using run = new Run(url(camera), { ...UDP, readTimeoutMs: 10_000 }, clock);
  await run.sampled(1);
  await clock.advance(10_500);
  expect(await run.failure()).toBe("camera of path 'garden' has sent no media for 10 s");
});

test('stopping sends TEARDOWN and frees the ports', async () => {
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 1)));
  {
    await using run = new Run(url(camera), UDP);
    await run.sampled(1);
  }
  expect(lastCaller(camera).methods.at(-1)).toBe('TEARDOWN');
  for (const port of udp.asked?.clientPort ?? []) {
    (await bound(port)).close();
  }
});

test('a path that fails to accept media ends the run, not the process', async () => {
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 5)));
  const options = { name: 'garden', url: url(camera), readTimeoutMs: 5000, ...UDP };
  const source = new RtspSource(options, systemClock, silentLogger);
  const open = () => {
    throw new PerchError('unavailable', 'the path is gone');
  };
  await expect(source.run({ publish: open }, new AbortController().signal)).rejects.toThrow('the path is gone');
});

test('media that arrives during TEARDOWN is dropped', async () => {
  await using udp = await udpCamera();
  const script = udp.script(soundFrom(0, 1));
  let isAsked = false;
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'TEARDOWN') {
      return script(request, caller);
    }
    isAsked = true;
    udp.send(...soundFrom(1, 5));
    // Datagrams sent before on another socket arrive before this one.
    setImmediate(() => caller.reply(request, 200));
    return true;
  });
  const run = new Run(url(camera), UDP);
  await run.sampled(1);
  await run[Symbol.asyncDispose]();
  expect(isAsked).toBe(true);
  expect(run.samples).toHaveLength(1);
});

test.for([
  ['has fallen silent', [soundPacket(0)], 10_500],
  ['never sent anything', [], 10_500],
] as const)('a camera that %s gets a TEARDOWN', async ([, packets, afterMs]) => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(packets));
  await using run = new Run(url(camera), { ...UDP, readTimeoutMs: 10_000 }, clock);
  await (packets.length > 0 ? run.sampled(1) : camera.until(() => camera.callers[0]?.methods.at(-1) === 'PLAY'));
  await clock.advance(0);
  await clock.advance(afterMs);
  await run.failure();
  expect(lastCaller(camera).methods.at(-1)).toBe('TEARDOWN');
});

test('a rejected SETUP leaves no port open', async () => {
  const [first, last] = await freeUdpPair();
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    caller.reply(request, 404);
    return true;
  });
  await using run = new Run(url(camera), { ...UDP, rtspUDPSourcePortRange: [first, last] });
  expect(await run.failure()).toContain('404');
  for (const port of [first, last]) {
    (await bound(port)).close();
  }
});

test('a camera that answers UDP with TCP is played over TCP', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method === 'SETUP') {
      caller.reply(request, 200, [['Transport', 'RTP/AVP/TCP;unicast;interleaved=4-5']]);
      return true;
    }
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200);
    caller.send(...soundPackets(0, 3, 4));
    return true;
  });
  await using run = new Run(url(camera), UDP);
  await run.sampled(3);
  expect(run.source.statistics.transport).toBe('TCP');
});
