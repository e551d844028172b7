import { expect, onTestFinished, test } from 'vitest';
import { byesOf, replayedUnits } from '../../../../test/features/onvif-device/support/replay-client.ts';
import type { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import type { RtspCaller } from '../../../../test/support/clients/rtsp-caller.ts';
import { record, temporaryFolder, WALL } from '../../../../test/support/disks/recordings.ts';
import { openPlayback } from '../../../../test/support/harness/playback.ts';
import { RtspHarness, type RtspHarnessOptions } from '../../../../test/support/harness/servers/rtsp-harness.ts';
import type { Clock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { bodyText, type HeaderField } from '../../../media/rtsp/message.ts';
import type { RtspReplays } from '../../../protocols/contract.ts';
import { Replays } from './replays.ts';

const QUERY = '?onvif-replay';
const REPLAY: HeaderField = ['Require', 'onvif-replay'];
const UNPACED: HeaderField = ['Rate-Control', 'no'];
const tcp = (first: number): HeaderField => ['Transport', `RTP/AVP/TCP;unicast;interleaved=${first}-${first + 1}`];
const clock = (from: string, to = ''): HeaderField => ['Range', `clock=20260701T${from}Z-${to && `20260701T${to}Z`}`];

/** A server with six seconds of pictures, a gap of ten seconds, and three more. */
async function openBox(
  options: RtspHarnessOptions & {
    sound?: boolean;
    make?: (folder: string) => Promise<unknown>;
    /** Default: all clients, which have the same address, share. */
    shareOf?: (client: string) => string;
  } = {},
) {
  const { sound = false, make, shareOf = (client) => client, ...rest } = options;
  const folder = temporaryFolder();
  if (make) {
    await make(folder.path);
  } else {
    await record(folder.path, 6, { sound });
    await record(folder.path, 3, { sound, wall: WALL + 16_000 });
  }
  const playback = openPlayback(folder.path);
  let sessions: Replays | undefined;
  const replays = (fake: FakeClock): RtspReplays => {
    // The recordings are from the past of the box.
    const late: Clock = {
      monoMs: () => fake.monoMs(),
      wallMs: () => WALL + 3_600_000,
      idleMs: () => fake.idleMs(),
      sleep: (ms, signal) => fake.sleep(ms, signal),
      every: (ms, tick) => fake.every(ms, tick),
      eachSecond: (tick) => fake.eachSecond(tick),
    };
    const made = new Replays({ clock: late, log: silentLogger, recordings: playback });
    sessions = made;
    return {
      takes: (query) => query.startsWith('onvif-replay'),
      tracks: (path) => made.tracks(path),
      open: async (path, tracks, link, client) => made.open(path, tracks, link, shareOf(client)),
    };
  };
  const box = await RtspHarness.open({ replays, ...rest });
  onTestFinished(async () => {
    await box[Symbol.asyncDispose]();
    await playback.close();
    folder[Symbol.dispose]();
  });
  return { box, playback, sessions: () => sessions?.count };
}

/** A client after SETUP of the tracks. */
async function setUp(box: RtspHarness, tracks = 1): Promise<RtspCaller> {
  const caller = await box.call();
  for (let track = 0; track < tracks; track += 1) {
    const reply = await caller.ask('SETUP', `${box.url('cam')}${QUERY}/trackID=${track}`, [tcp(2 * track), REPLAY]);
    expect(reply.status).toBe(200);
  }
  return caller;
}

const play = (caller: RtspCaller, box: RtspHarness, ...headers: HeaderField[]) =>
  caller.ask('PLAY', `${box.url('cam')}${QUERY}`, [REPLAY, ...headers]);

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const seconds = (unixMs: number) => (unixMs - WALL) / 1000;

test('DESCRIBE names the tracks of the recordings, also while the camera is away', async () => {
  const { box } = await openBox({ sound: true });
  const caller = await box.call();
  const reply = await caller.ask('DESCRIBE', `${box.url('cam')}${QUERY}`, [REPLAY]);
  expect(reply.status).toBe(200);
  expect(bodyText(reply).match(/^(?:m=\w+|a=x-onvif-track:.*)/gm)).toEqual([
    ...['m=video', 'a=x-onvif-track:video0', 'm=audio', 'a=x-onvif-track:audio1'],
  ]);
  // GStreamer 1.22 joins URLs by RFC 3986: a relative control would replace the path.
  const [control = ''] = bodyText(reply).match(/(?<=a=control:)rtsp:.*0\?.*/) ?? [];
  expect(control.trim()).toBe(`${box.url('cam')}/trackID=0${QUERY}`);
  expect((await caller.ask('SETUP', control.trim(), [tcp(0), REPLAY])).status).toBe(200);
  expect(box.paths.opened).toEqual([]);
  expect((await caller.ask('DESCRIBE', `${box.url('other')}${QUERY}`, [REPLAY])).status).toBe(404);
});

test('without rate control all comes at once, with the recorded times; a gap and the end are marked', async () => {
  const { box } = await openBox();
  const caller = await setUp(box);
  const reply = await play(caller, box, clock('120000', '120100'), UNPACED);
  expect(reply.headers.get('Range')).toBe('clock=20260701T120000.000Z-20260701T120100.000Z');
  await caller.until(() => byesOf(caller) === 1);
  const units = replayedUnits(caller);
  const expected = [
    ...Array.from({ length: 60 }, (_, i) => i / 10),
    ...Array.from({ length: 30 }, (_, i) => 16 + i / 10),
  ];
  expect(units.map(({ unixMs }) => seconds(unixMs))).toEqual(expected);
  const marked = units.map(({ flags }, i) => `${i} ${flags}`).filter((text) => /[EDT]/.test(text));
  expect(marked).toEqual(['0 CD', '59 E', '60 CD', '89 ET']);
  expect(units.filter(({ flags }) => flags.includes('C'))).toHaveLength(9);
  expect(new Set(units.map(({ cseq }) => cseq))).toEqual(new Set([2]));
  // RTP times are those of the recording, with its gap.
  const ticks = units.map(({ rtpTime }) => (rtpTime - (units[0]?.rtpTime ?? 0)) >>> 0);
  expect(ticks).toEqual(expected.map((at) => Math.round(at * 90_000)));
  const info = reply.headers.get('RTP-Info');
  expect(info).toContain(`seq=${units[0]?.sequence};rtptime=${units[0]?.rtpTime}`);
});

test('both tracks are sent in the order of their times, each with its own end', async () => {
  const { box } = await openBox({ sound: true });
  const caller = await setUp(box, 2);
  await play(caller, box, clock('120000', '120006'), UNPACED);
  await caller.until(() => byesOf(caller) === 2);
  expect([replayedUnits(caller, 0).length, replayedUnits(caller, 2).length]).toEqual([60, 300]);
  expect([replayedUnits(caller, 0).at(-1)?.flags, replayedUnits(caller, 2).at(-1)?.flags]).toEqual(['ET', 'CET']);
});

test('a range within a group begins with its key frame, and ends before its end', async () => {
  const { box } = await openBox();
  const caller = await setUp(box);
  const reply = await play(caller, box, clock('120002.500', '120003.200'), UNPACED);
  await caller.until(() => byesOf(caller) === 1);
  const units = replayedUnits(caller);
  expect([units[0]?.flags, units.at(-1)?.flags]).toEqual(['CD', 'ET']);
  expect(units.map(({ unixMs }) => seconds(unixMs))).toEqual(Array.from({ length: 12 }, (_, i) => (20 + i) / 10));
  expect(reply.headers.get('Range')).toMatch(/^clock=20260701T120002.500Z-/);
});

test('with rate control it plays in real time, skips the gap, and a second PLAY goes elsewhere', async () => {
  const { box } = await openBox();
  const caller = await setUp(box);
  await play(caller, box, clock('120005'));
  const seen = () => replayedUnits(caller).map(({ unixMs }) => seconds(unixMs));
  await expect.poll(seen).toEqual([5]);
  for (let i = 0; i < 5; i += 1) {
    await box.clock.advance(100);
    await expect.poll(() => seen().length).toBe(2 + i);
  }
  for (let i = 0; i < 6; i += 1) {
    await box.clock.advance(100);
    await expect.poll(() => seen().length).toBe(7 + i);
  }
  expect(seen().slice(-3)).toEqual([5.9, 16, 16.1]);
  const rtp = replayedUnits(caller).map(({ rtpTime }) => rtpTime);
  expect(rtp.slice(1).map((time, i) => (time - (rtp[i] ?? 0)) >>> 0)).toEqual(rtp.slice(1).map(() => 9_000));
  const last = await play(caller, box, clock('120001'), ['Immediate', 'yes']);
  expect(last.status).toBe(200);
  await expect.poll(() => seen().at(-1)).toBe(1);
  expect(replayedUnits(caller).at(-1)).toMatchObject({ flags: 'CD', cseq: 3 });
});

test('Scale plays faster, and says how fast', async () => {
  const { box } = await openBox();
  const caller = await setUp(box);
  const reply = await play(caller, box, clock('120000'), ['Scale', '4.0']);
  expect(reply.headers.get('Scale')).toBe('4');
  await expect.poll(() => replayedUnits(caller).length).toBe(1);
  await box.clock.advance(25);
  await expect.poll(() => replayedUnits(caller).length).toBe(2);
});

test.for([
  ['intra', [0, 1, 2, 3, 4, 5]],
  ['intra/2500', [0, 3]],
] as const)('Frames: %s sends key frames alone', async ([frames, expected]) => {
  const { box } = await openBox({ sound: true });
  const caller = await setUp(box, 2);
  await play(caller, box, clock('120000', '120006'), UNPACED, ['Frames', frames]);
  await caller.until(() => byesOf(caller) === 2);
  expect(replayedUnits(caller).map(({ unixMs }) => seconds(unixMs))).toEqual(expected);
  expect(replayedUnits(caller, 2)).toEqual([]);
});

test('PAUSE stops, and PLAY without a range continues from the key frame before', async () => {
  const { box } = await openBox();
  const caller = await setUp(box);
  await play(caller, box, clock('120000'));
  const seen = () => replayedUnits(caller).map(({ unixMs }) => seconds(unixMs));
  for (let i = 0; i < 14; i += 1) {
    await expect.poll(() => seen().length).toBe(i + 1);
    await box.clock.advance(100);
  }
  await expect.poll(() => seen().length).toBe(15);
  await caller.ask('PAUSE', `${box.url('cam')}${QUERY}`);
  await box.clock.advance(1_000);
  expect(seen().length).toBe(15);
  await play(caller, box);
  await expect.poll(() => seen().at(-1)).toBe(1);
});

test('a client that does not read stops the reading of files, and gets the rest later', async () => {
  const make = (folder: string) => record(folder, 400, { segmentDurationMs: 20_000 });
  const { box } = await openBox({ make });
  const caller = await setUp(box);
  caller.socket.pause();
  caller.say('PLAY', `${box.url('cam')}${QUERY}`, [clock('120000', '120640'), UNPACED]);
  const sent = () => box.server.rtsp.sessions.list()[0]?.outboundBytes ?? 0;
  let before = -1;
  await expect
    .poll(() => {
      const isStill = sent() === before && before > 0;
      before = sent();
      return isStill;
    })
    .toBe(true);
  caller.socket.resume();
  const ended = async () => {
    await box.clock.advance(20);
    return byesOf(caller);
  };
  await expect.poll(ended, { interval: 2 }).toBe(1);
  expect(replayedUnits(caller)).toHaveLength(4_000);
});

test.for([
  ['before all recordings', clock('100000', '100100'), 457],
  ['in the gap', clock('120007', '120009'), 457],
  ['that ends before it begins', clock('120010', '120000'), 400],
  ['of another unit', ['Range', 'smpte=10:07:00-'], 400],
  ['backwards', ['Scale', '-1.0'], 400],
  ['of unknown frames', ['Frames', 'every'], 400],
] as const)('PLAY %s is refused', async ([, header, status]) => {
  const { box } = await openBox();
  const caller = await setUp(box);
  expect((await play(caller, box, header)).status).toBe(status);
  expect(replayedUnits(caller)).toEqual([]);
});

test('what is deleted during a replay is not sent, also within the file that is being read', async () => {
  const { box, playback } = await openBox({ sound: true });
  const caller = await setUp(box, 2);
  await play(caller, box, clock('120000'));
  const seen = (channel: number) => replayedUnits(caller, channel).map(({ unixMs }) => seconds(unixMs));
  const advance = async (until: () => boolean) => {
    const step = async () => {
      await box.clock.advance(20);
      return until();
    };
    await expect.poll(step, { interval: 2 }).toBe(true);
  };
  await advance(() => seen(0).length > 10);
  const deleted = (fromMs: number, toMs: number) => ({
    path: 'cam',
    startUs: (WALL + fromMs) * 1000,
    endUs: (WALL + toMs) * 1000,
  });
  playback.hide([deleted(1_800, 3_500), deleted(5_500, 17_500)]);
  await advance(() => byesOf(caller) === 2);
  const expected = [...range(0, 18), ...range(40, 55), ...range(180, 190)].map((tenths) => tenths / 10);
  expect(seen(0)).toEqual(expected);
  expect(seen(2).some((at) => at >= 1.8 && at < 3.5)).toBe(false);
  const marked = replayedUnits(caller)
    .map(({ flags }, i) => `${i} ${flags}`)
    .filter((text) => /[EDT]/.test(text));
  expect(marked).toEqual(['0 CD', '17 E', '18 CD', '32 E', '33 CD', '42 ET']);
});

test('UDP is refused, so that a client comes by TCP', async () => {
  const { box } = await openBox();
  const caller = await box.call();
  const udp: HeaderField = ['Transport', 'RTP/AVP;unicast;client_port=5000-5001'];
  expect((await caller.ask('SETUP', `${box.url('cam')}${QUERY}/trackID=0`, [udp])).status).toBe(461);
  const both: HeaderField = ['Transport', `${udp[1]},${tcp(0)[1]}`];
  const reply = await caller.ask('SETUP', `${box.url('cam')}${QUERY}/trackID=0`, [both]);
  expect([reply.status, reply.headers.get('Transport')]).toEqual([200, expect.stringContaining('RTP/AVP/TCP')]);
});

test('a session of recordings needs the right to play them, also while it is paused', async () => {
  const { box } = await openBox();
  await setUp(box);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ state: 'idle', action: 'playback' }]);
});

test('who may only watch live gets no recordings', async () => {
  const users = [{ user: 'any', pass: '', ips: [], permissions: [{ action: 'read' as const, path: '' }] }];
  const { box } = await openBox({ users });
  const caller = await box.call();
  expect((await caller.ask('DESCRIBE', `${box.url('cam')}${QUERY}`)).status).toBe(401);
  expect((await caller.ask('SETUP', `${box.url('cam')}${QUERY}/trackID=0`, [tcp(0)])).status).toBe(401);
});

test('a client has eight sessions at most', async () => {
  const { box } = await openBox();
  for (let i = 0; i < 8; i += 1) {
    await setUp(box);
  }
  const late = await box.call();
  expect((await late.ask('SETUP', `${box.url('cam')}${QUERY}/trackID=0`, [tcp(0)])).status).toBe(453);
  expect(box.log.join('\n')).toContain("8 sessions of '127.0.0.1' play recordings, which is the limit");
});

test('a session that plays nothing for a minute ends, whatever keeps it alive; one that plays does not', async () => {
  const { box, sessions } = await openBox({ make: (folder) => record(folder, 400, { segmentDurationMs: 20_000 }) });
  const [idle, playing] = [await setUp(box), await setUp(box)];
  await play(playing, box, clock('120000'));
  for (let s = 0; s < 70; s += 10) {
    expect((await idle.ask('GET_PARAMETER', box.url('cam'))).status).toBe(200);
    await box.clock.advance(10_000);
    await expect.poll(() => box.server.rtsp.sessions.list().length).toBe(s < 60 ? 2 : 1);
  }
  expect(sessions()).toBe(1);
  expect(box.log.join('\n')).toContain('nothing was played for 60 s');
});

test('a client that leaves while its PLAY is prepared is no fault', async () => {
  let [enter, leave] = [() => {}, () => {}];
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const { box, playback, sessions } = await openBox();
  const { media } = playback;
  playback.media = async function* (range) {
    enter();
    await left;
    range.signal.throwIfAborted();
    yield* media.call(playback, range);
  };
  const caller = await setUp(box);
  caller.say('PLAY', `${box.url('cam')}${QUERY}`, [REPLAY, clock('120000')]);
  await entered;
  caller.socket.destroy();
  await expect.poll(sessions).toBe(0);
  leave();
  await expect.poll(() => box.log.some((line) => line.includes('"PLAY"'))).toBe(true);
  expect(box.log.filter((line) => line.includes('request failed'))).toEqual([]);
});

test('the seventeenth session is refused until another one ends', async () => {
  let count = 0;
  const { box, sessions } = await openBox({ shareOf: () => `client ${count++ % 4}` });
  const callers = [];
  for (let i = 0; i < 16; i += 1) {
    callers.push(await setUp(box));
  }
  const late = await box.call();
  const ask = () => late.ask('SETUP', `${box.url('cam')}${QUERY}/trackID=0`, [tcp(0)]);
  expect((await ask()).status).toBe(453);
  expect((await callers[0]?.ask('TEARDOWN', box.url('cam')))?.status).toBe(200);
  expect((await ask()).status).toBe(200);
  for (const caller of callers) {
    caller.socket.destroy();
  }
  await expect.poll(() => sessions()).toBe(1);
});
