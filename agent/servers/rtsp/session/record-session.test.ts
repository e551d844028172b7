import { expect, test } from 'vitest';
import type { RtspCaller } from '../../../../test/support/clients/rtsp-caller.ts';
import { RtspHarness } from '../../../../test/support/harness/servers/rtsp-harness.ts';
import { writeRtpHeader } from '../../../media/rtp/header.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';

const SDP_TYPE: HeaderField = ['Content-Type', 'application/sdp'];
const TWO_SOUNDS = [
  'v=0',
  'a=control:*',
  'm=audio 0 RTP/AVP 8',
  'a=control:streamid=0',
  'm=audio 0 RTP/AVP 0',
  'a=control:streamid=1',
].join('\r\n');
const ONE_SOUND = ['v=0', 'm=audio 0 RTP/AVP 8', ''].join('\r\n');

const tcp = (channels: string): HeaderField => ['Transport', `RTP/AVP/TCP;unicast;interleaved=${channels};mode=record`];

async function openBox(): Promise<RtspHarness> {
  const box = await RtspHarness.open();
  box.paths.waiting.add('studio');
  return box;
}

/** From ANNOUNCE to before RECORD. */
async function announce(box: RtspHarness): Promise<RtspCaller> {
  const caller = await box.call();
  await caller.ask('ANNOUNCE', box.url('studio'), [SDP_TYPE, ['User-Agent', 'Lavf']], TWO_SOUNDS);
  await caller.ask('SETUP', box.url('studio/streamid=0'), [tcp('0-1')]);
  await caller.ask('SETUP', box.url('studio/streamid=1'), [tcp('2-3')]);
  return caller;
}

/** 20 ms of sound on a channel. */
function sound(channel: number, payloadType: number, number: number): Buffer {
  const frame = Buffer.alloc(4 + 12 + 160);
  frame.set([0x24, channel, 0, 172]);
  writeRtpHeader(frame, 4, false, payloadType, number, 160 * number, 77);
  return frame;
}

test('a publisher passes ANNOUNCE, SETUP, RECORD and TEARDOWN, and its stream ends with it', async () => {
  await using box = await openBox();
  const caller = await announce(box);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ state: 'idle', path: 'studio', userAgent: 'Lavf' }]);
  expect((await caller.ask('RECORD', box.url('studio'))).status).toBe(200);
  const [session] = box.server.rtsp.sessions.list();
  expect(session).toMatchObject({ state: 'publish', transport: 'TCP' });
  expect(box.paths.publishers.get('studio')).toMatchObject({ kind: { apiType: 'rtspSession' }, id: session?.id });
  for (let i = 0; i < 3; i += 1) {
    caller.socket.write(Buffer.concat([sound(0, 8, i), sound(2, 0, i)]));
  }
  await caller.ask('GET_PARAMETER', box.url('studio'));
  expect(box.paths.streams.get('studio')?.tracks.map(({ codec }) => codec)).toEqual(['g711', 'g711']);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ inboundRTPPackets: 6, inboundBytes: 6 * 172 }]);
  expect((await caller.ask('TEARDOWN', box.url('studio'))).status).toBe(200);
  expect(box.paths.publishers.size).toBe(0);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
});

test('the only media without control is set up with the URL of ANNOUNCE', async () => {
  await using box = await openBox();
  const caller = await box.call();
  await caller.ask('ANNOUNCE', box.url('studio'), [SDP_TYPE], ONE_SOUND);
  const reply = await caller.ask('SETUP', box.url('studio'), [tcp('0-1')]);
  expect(reply.headers.get('Transport')).toBe('RTP/AVP/TCP;unicast;interleaved=0-1;mode=record');
  expect((await caller.ask('RECORD', box.url('studio'))).status).toBe(200);
});

test.for([
  ['an unknown media', 'studio/streamid=2', '2-3', 400],
  ['a media twice', 'studio/streamid=0', '2-3', 400],
  ['channels that are taken', 'studio/streamid=1', '0-1', 461],
] as const)('SETUP of %s is rejected, and so is RECORD while it is missing', async ([, name, channels, status]) => {
  await using box = await openBox();
  const caller = await box.call();
  await caller.ask('ANNOUNCE', box.url('studio'), [SDP_TYPE], TWO_SOUNDS);
  await caller.ask('SETUP', box.url('studio/streamid=0'), [tcp('0-1')]);
  expect((await caller.ask('SETUP', box.url(name), [tcp(channels)])).status).toBe(status);
  expect((await caller.ask('RECORD', box.url('studio'))).status).toBe(400);
  expect(box.paths.publishers.size).toBe(0);
});

test('publishing by multicast is rejected', async () => {
  await using box = await openBox();
  const caller = await box.call();
  await caller.ask('ANNOUNCE', box.url('studio'), [SDP_TYPE], ONE_SOUND);
  expect((await caller.ask('SETUP', box.url('studio'), [['Transport', 'RTP/AVP;multicast']])).status).toBe(461);
});

test('a path’s rejection of RECORD is a 400', async () => {
  await using box = await openBox();
  const first = await announce(box);
  const second = await announce(box);
  expect((await first.ask('RECORD', box.url('studio'))).status).toBe(200);
  expect((await second.ask('RECORD', box.url('studio'))).status).toBe(400);
  expect(box.log.join('')).toContain("someone is already publishing to path 'studio'");
});

test('a publisher cannot PLAY, nor RECORD before SETUP or twice', async () => {
  await using box = await openBox();
  const caller = await box.call();
  await caller.ask('ANNOUNCE', box.url('studio'), [SDP_TYPE], ONE_SOUND);
  expect((await caller.ask('RECORD', box.url('studio'))).status).toBe(455);
  await caller.ask('SETUP', box.url('studio'), [tcp('0-1')]);
  expect((await caller.ask('PLAY', box.url('studio'))).status).toBe(455);
  await caller.ask('RECORD', box.url('studio'));
  expect((await caller.ask('RECORD', box.url('studio'))).status).toBe(455);
  expect((await caller.ask('SETUP', box.url('studio'), [tcp('2-3')])).status).toBe(400);
});

test('PAUSE ends the publication, and RECORD begins another', async () => {
  await using box = await openBox();
  const caller = await announce(box);
  await caller.ask('RECORD', box.url('studio'));
  expect((await caller.ask('PAUSE', box.url('studio'))).status).toBe(200);
  expect(box.paths.publishers.size).toBe(0);
  caller.socket.write(sound(0, 8, 0));
  expect((await caller.ask('RECORD', box.url('studio'))).status).toBe(200);
  expect(box.paths.publishers.size).toBe(1);
  caller.socket.write(Buffer.concat([sound(0, 8, 1), sound(2, 0, 1)]));
  await caller.ask('GET_PARAMETER', box.url('studio'));
  expect(box.paths.streams.get('studio')?.bytesReceived).toBe(320);
});

test('a replaced publisher is ended with its connection', async () => {
  await using box = await openBox();
  const caller = await announce(box);
  await caller.ask('RECORD', box.url('studio'));
  box.paths.publishers.get('studio')?.onReplaced('another publisher has taken the path', 'publisher');
  await caller.until(() => caller.hasEnded);
  expect(box.log.join('')).toContain('another publisher has taken the path');
});

test('a publisher silent for readTimeout is ended, another one continues', async () => {
  await using box = await openBox();
  const caller = await announce(box);
  await caller.ask('RECORD', box.url('studio'));
  for (let i = 0; i < 4; i += 1) {
    await box.clock.advance(9_000);
    caller.socket.write(sound(0, 8, i));
    await caller.ask('GET_PARAMETER', box.url('studio'));
  }
  await box.clock.advance(12_000);
  await caller.until(() => caller.hasEnded);
  expect(box.log.join('')).toContain('no packets from the publisher for 10 s');
  expect(box.paths.publishers.size).toBe(0);
});

test('a publisher’s stream ends with its connection', async () => {
  await using box = await openBox();
  const caller = await announce(box);
  await caller.ask('RECORD', box.url('studio'));
  caller.socket.destroy();
  const probe = await box.call();
  while (box.paths.publishers.size > 0) {
    await probe.ask('OPTIONS', '*');
  }
  expect(box.server.rtsp.sessions.list()).toEqual([]);
});

test('PAUSE before the stream has opened only pauses', async () => {
  await using box = await openBox();
  const caller = await announce(box);
  await caller.ask('RECORD', box.url('studio'));
  caller.socket.write(sound(0, 8, 0));
  await caller.ask('PAUSE', box.url('studio'));
  await box.clock.advance(8_000);
  expect(box.paths.streams.size).toBe(0);
  expect((await caller.ask('RECORD', box.url('studio'))).status).toBe(200);
});

/** Four seconds of sound on both channels, in one go. */
function fourSeconds(first = 0): Buffer {
  return Buffer.concat(Array.from({ length: 200 }, (_, i) => [sound(0, 8, first + i), sound(2, 0, first + i)]).flat());
}

const FOUR_SECONDS_BYTES = 400 * 160;
const received = (box: RtspHarness) => box.paths.streams.get('studio')?.bytesReceived ?? 0;

/** A publisher has sent four seconds of audio, of which two are accepted. */
async function hurry(box: RtspHarness): Promise<RtspCaller> {
  const caller = await announce(box);
  await caller.ask('RECORD', box.url('studio'));
  caller.socket.write(fourSeconds());
  const probe = await box.call();
  while (received(box) < FOUR_SECONDS_BYTES / 2) {
    await probe.ask('OPTIONS', '*');
  }
  return caller;
}

test('a publisher that sends too fast is paused, and its requests are answered in turn', async () => {
  await using box = await openBox();
  const caller = await hurry(box);
  const reply = caller.ask('GET_PARAMETER', box.url('studio'));
  await box.clock.advance(1_000);
  expect(received(box)).toBeGreaterThan(FOUR_SECONDS_BYTES * 0.6);
  expect(received(box)).toBeLessThan(FOUR_SECONDS_BYTES * 0.8);
  await box.clock.advance(1_500);
  expect((await reply).status).toBe(200);
  expect(received(box)).toBe(FOUR_SECONDS_BYTES);
  expect(box.log.filter((line) => line.includes('faster than real time'))).toHaveLength(1);
});

test('everything a publisher sent before leaving is received in real time', async () => {
  await using box = await openBox();
  const caller = await hurry(box);
  const stream = box.paths.streams.get('studio');
  caller.socket.end();
  await box.clock.advance(1_000);
  expect(box.paths.publishers.size).toBe(1);
  await box.clock.advance(1_500);
  const probe = await box.call();
  while (box.paths.publishers.size > 0) {
    await probe.ask('OPTIONS', '*');
  }
  expect(stream?.bytesReceived).toBe(FOUR_SECONDS_BYTES);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
  expect(box.server.rtsp.conns.list()).toEqual([]);
});

test('a paused publisher can be closed without a trace', async () => {
  await using box = await openBox();
  const caller = await hurry(box);
  const [session] = box.server.rtsp.sessions.list();
  expect(box.server.rtsp.sessions.kick(session?.id ?? '')).toBe(true);
  await caller.until(() => caller.hasEnded);
  await box.clock.advance(60_000);
  expect(box.paths.publishers.size).toBe(0);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
  expect(box.server.rtsp.conns.list()).toEqual([]);
});
