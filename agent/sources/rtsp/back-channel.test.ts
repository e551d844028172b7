import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { lastCaller, Run, url } from '../../../test/rtsp-run.ts';
import { type Script, scriptedCamera } from '../../../test/scripted-camera.ts';
import { explain } from '../../base/errors.ts';
import type { BackChannel } from '../source.ts';

const REQUIRE = 'www.onvif.org/ver20/backchannel';
const TALK = `m=audio 0 RTP/AVP 97 8 0
a=rtpmap:97 G726-16/8000
a=control:talk
a=sendonly
`;
const PLAIN_SDP = 'v=0\nm=audio 0 RTP/AVP 0\na=control:listen\na=recvonly\n';

/** Shows the way to talk to those who ask for it, as ONVIF wants it. */
const talkative: Script = (request, caller) => {
  if (request.method !== 'DESCRIBE') {
    return undefined;
  }
  const isAsked = request.headers.get('Require') === REQUIRE;
  caller.reply(request, 200, [['Content-Type', 'application/sdp']], isAsked ? PLAIN_SDP + TALK : PLAIN_SDP);
  return true;
};

const refusing =
  (method: string, status: number): Script =>
  (request, caller) => {
    if (request.method === method && request.headers.get('Require') !== undefined) {
      caller.reply(request, status);
      return true;
    }
    return talkative(request, caller);
  };

const open = (run: Run): BackChannel => {
  const channel = run.source.openBackChannel();
  if (!channel) {
    throw new Error('there is no back channel');
  }
  return channel;
};

/** Interleaved frames on the back channel, as RTP fields and payload. */
const heard = (frames: readonly string[]) =>
  frames
    .filter((frame) => frame.startsWith('2:'))
    .map((frame) => {
      const packet = Buffer.from(frame.slice(2), 'hex');
      return {
        first: packet.readUInt16BE(0).toString(16),
        sequence: packet.readUInt16BE(2),
        ticks: packet.readUInt32BE(4),
        payload: packet.subarray(12).toString('latin1'),
      };
    });

test('the back channel is asked for, set up after the tracks and started with them', async () => {
  await using camera = await scriptedCamera(talkative);
  await using run = new Run(url(camera), { backChannel: true });
  await run.sampled(1);
  const { requests } = lastCaller(camera);
  const said = requests.map(({ method, uri, headers }) => [method, uri.split('/').at(-1), headers.get('Require')]);
  expect(said).toEqual([
    ['OPTIONS', 'live', undefined],
    ['DESCRIBE', 'live', REQUIRE],
    ['SETUP', 'listen', undefined],
    ['SETUP', 'talk', REQUIRE],
    ['PLAY', 'live', REQUIRE],
  ]);
  expect(requests[3]?.headers.get('Transport')).toBe('RTP/AVP/TCP;unicast;interleaved=2-3');
  expect(run.tracks).toHaveLength(1);
});

test('a source that is not asked to talk does not ask the camera either', async () => {
  await using camera = await scriptedCamera(talkative);
  await using run = new Run(url(camera));
  await run.sampled(1);
  expect(lastCaller(camera).requests.map(({ headers }) => headers.get('Require'))).toEqual(Array(4).fill(undefined));
  expect(run.source.openBackChannel()).toBeUndefined();
});

test('what is said arrives as G.711 with continuous time, its beginning marked', async () => {
  await using camera = await scriptedCamera(talkative);
  await using run = new Run(url(camera), { backChannel: true });
  await run.sampled(1);
  const channel = open(run);
  expect(channel).toMatchObject({ codec: 'PCMA', clockRate: 8000, channels: 1 });
  channel.send(Buffer.from('a'.repeat(160)), 1_000);
  channel.send(Buffer.from('b'.repeat(160)), 1_160);
  channel.send(Buffer.from('c'.repeat(1_000)), 1_320);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller.frames).length === 4);
  const packets = heard(caller.frames);
  expect(packets.map(({ payload }) => `${payload[0]}${payload.length}`)).toEqual(['a160', 'b160', 'c960', 'c40']);
  // Payload type 8, marker on the first.
  expect(packets.map(({ first }) => first)).toEqual(['8088', '8008', '8008', '8008']);
  const [{ sequence = 0, ticks = 0 } = {}] = packets;
  expect(packets.map((packet) => (packet.sequence - sequence) & 0xffff)).toEqual([0, 1, 2, 3]);
  expect(packets.map((packet) => (packet.ticks - ticks) >>> 0)).toEqual([0, 160, 320, 1_280]);
});

test('one talks at a time, and the next when he has closed', async () => {
  await using camera = await scriptedCamera(talkative);
  await using run = new Run(url(camera), { backChannel: true });
  await run.sampled(1);
  const first = open(run);
  expect(() => open(run)).toThrow("somebody is talking through the camera of path 'garden' already");
  first.close();
  const second = open(run);
  first.close();
  first.send(Buffer.from('x'), 0);
  second.send(Buffer.from('y'), 0);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller.frames).length > 0);
  expect(heard(caller.frames).map(({ payload }) => payload)).toEqual(['y']);
});

test.for([551, 400, 454, 500])('a camera that answers the Require with %i is asked without it', async (status) => {
  await using camera = await scriptedCamera(refusing('DESCRIBE', status));
  await using run = new Run(url(camera), { backChannel: true });
  await run.sampled(1);
  const described = lastCaller(camera).requests.filter(({ method }) => method === 'DESCRIBE');
  expect(described.map(({ headers }) => headers.get('Require'))).toEqual([REQUIRE, undefined]);
  expect(run.source.openBackChannel()).toBeUndefined();
});

test.for([453, 461, 406])(
  'a camera whose back channel is taken (%i) is watched all the same, and says why nobody can talk',
  async (status) => {
    await using camera = await scriptedCamera(refusing('SETUP', status));
    await using run = new Run(url(camera), { backChannel: true });
    await run.sampled(1);
    expect(lastCaller(camera).requests.at(-1)?.headers.get('Require')).toBeUndefined();
    let refusal: unknown;
    try {
      run.source.openBackChannel();
    } catch (error) {
      refusal = error;
    }
    expect(explain(refusal)).toMatch(
      /^camera of path 'garden' does not let us talk, perhaps because somebody else does: camera .*\b4\d\d\b/,
    );
    expect(explain(refusal)).toContain(`${status}`);
  },
);

test('a camera whose back channel is no G.711 has none', async () => {
  await using camera = await scriptedCamera(
    () => undefined,
    `${PLAIN_SDP}m=audio 0 RTP/AVP 97\na=rtpmap:97 G726-16/8000\na=sendonly\na=control:talk\n`,
  );
  await using run = new Run(url(camera), { backChannel: true });
  await run.sampled(1);
  expect(lastCaller(camera).methods).toEqual(['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY']);
  expect(run.source.openBackChannel()).toBeUndefined();
});

test('over UDP what is said goes to the port that the camera names', async () => {
  const ear = createSocket('udp4');
  ear.bind(0, '127.0.0.1');
  await once(ear, 'listening');
  const words = once(ear, 'message');
  try {
    await using camera = await scriptedCamera((request, caller) => {
      if (request.method !== 'SETUP') {
        return talkative(request, caller);
      }
      const ports = /client_port=\S+/.exec(request.headers.get('Transport') ?? '')?.[0];
      const serverPort = request.uri.endsWith('/talk') ? ear.address().port : 9;
      const transport = `RTP/AVP;unicast;${ports};server_port=${serverPort}-${serverPort + 1}`;
      caller.reply(request, 200, [
        ['Session', '4711'],
        ['Transport', transport],
      ]);
      return true;
    });
    await using run = new Run(url(camera), { backChannel: true, rtspTransport: 'udp' });
    await camera.until(() => camera.callers[0]?.methods.includes('PLAY') ?? false);
    const channel = open(run);
    channel.send(Buffer.from('hello'), 0);
    const [datagram] = await words;
    expect((datagram as Buffer).subarray(12).toString()).toBe('hello');
    channel.close();
  } finally {
    ear.close();
  }
});

test('what is said after the session is not heard, and harms nobody', async () => {
  await using camera = await scriptedCamera(talkative);
  let channel: BackChannel;
  {
    await using run = new Run(url(camera), { backChannel: true });
    await run.sampled(1);
    channel = open(run);
  }
  channel.send(Buffer.from('too late'), 0);
  channel.close();
  expect(heard(lastCaller(camera).frames)).toEqual([]);
});
