import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { lastCaller } from '../../../../test/support/cameras/rtsp-run.ts';
import { type Script, scriptedCamera } from '../../../../test/support/cameras/scripted-camera.ts';
import {
  deaf,
  heard,
  loudspeakerAt,
  never,
  REQUIRE,
  reasonOf,
  refusing,
  talkative,
} from '../../../../test/support/cameras/talkative-camera.ts';
import { systemClock } from '../../../base/clock.ts';

test('a check requests the description once and sets nothing up', async () => {
  await using camera = await scriptedCamera(talkative);
  const loudspeaker = loudspeakerAt(camera);
  expect(loudspeaker.state).toBe('unknown');
  await Promise.all([loudspeaker.check(never), loudspeaker.check(never)]);
  await loudspeaker.check(never);
  expect(loudspeaker.state).toBe('yes');
  expect(camera.callers.map(({ methods }) => methods)).toEqual([['OPTIONS', 'DESCRIBE']]);
  expect(lastCaller(camera).requests[1]?.headers.get('Require')).toBe(REQUIRE);
});

test('a talk sets up and plays only the back channel', async () => {
  await using camera = await scriptedCamera(talkative);
  const channel = await loudspeakerAt(camera).open(deaf, never);
  const { requests } = lastCaller(camera);
  const said = requests.map(({ method, uri, headers }) => [method, uri.split('/').at(-1), headers.get('Require')]);
  expect(said).toEqual([
    ['OPTIONS', 'live', undefined],
    ['DESCRIBE', 'live', REQUIRE],
    ['SETUP', 'talk', REQUIRE],
    ['PLAY', 'live', REQUIRE],
  ]);
  expect(requests[2]?.headers.get('Transport')).toBe('RTP/AVP/TCP;unicast;interleaved=0-1');
  channel.close();
  await camera.until(() => lastCaller(camera).methods.includes('TEARDOWN'));
});

test('audio arrives as G.711 with continuous time and a marker on the first packet', async () => {
  await using camera = await scriptedCamera(talkative);
  const channel = await loudspeakerAt(camera).open(deaf, never);
  expect(channel).toMatchObject({ codec: 'PCMA', clockRate: 8000, channels: 1 });
  channel.send(Buffer.from('a'.repeat(160)), 1_000);
  channel.send(Buffer.from('b'.repeat(160)), 1_160);
  channel.send(Buffer.from('c'.repeat(1_000)), 1_320);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length === 4);
  const packets = heard(caller);
  expect(packets.map(({ payload }) => `${payload[0]}${payload.length}`)).toEqual(['a160', 'b160', 'c960', 'c40']);
  // Payload type 8, marker on the first.
  expect(packets.map(({ first }) => first)).toEqual(['8088', '8008', '8008', '8008']);
  const [{ sequence = 0, ticks = 0 } = {}] = packets;
  expect(packets.map((packet) => (packet.sequence - sequence) & 0xffff)).toEqual([0, 1, 2, 3]);
  expect(packets.map((packet) => (packet.ticks - ticks) >>> 0)).toEqual([0, 160, 320, 1_280]);
  channel.close();
});

test('one speaker talks at a time; the next connects after the TEARDOWN of the first', async () => {
  await using camera = await scriptedCamera(talkative);
  const loudspeaker = loudspeakerAt(camera);
  const first = await loudspeaker.open(deaf, never);
  expect(await reasonOf(loudspeaker.open(deaf, never))).toBe(
    "another speaker is talking through the camera of path 'garden'",
  );
  first.close();
  await camera.until(() => camera.callers[0]?.methods.includes('TEARDOWN') ?? false);
  const second = await loudspeaker.open(deaf, never);
  first.close();
  first.send(Buffer.from('x'), 0);
  second.send(Buffer.from('y'), 0);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length > 0);
  expect(camera.callers.map((each) => heard(each).map(({ payload }) => payload))).toEqual([[], ['y']]);
  second.close();
});

test.for([551, 400, 454, 500])('a camera that answers the check with %i has no back channel', async (status) => {
  await using camera = await scriptedCamera(refusing('DESCRIBE', status));
  const loudspeaker = loudspeakerAt(camera);
  expect(await reasonOf(loudspeaker.check(never))).toBe("camera of path 'garden' has no back channel");
  expect(loudspeaker.state).toBe('no');
});

test('a camera without a back channel is checked again after ten minutes', async () => {
  let script: Script = () => undefined;
  await using camera = await scriptedCamera((request, caller) => script(request, caller));
  const clock = new FakeClock();
  const loudspeaker = loudspeakerAt(camera, clock);
  await reasonOf(loudspeaker.check(never));
  script = talkative;
  await clock.advance(599_000);
  expect(await reasonOf(loudspeaker.check(never))).toContain('has no back channel');
  expect(camera.callers).toHaveLength(1);
  await clock.advance(1_000);
  await loudspeaker.check(never);
  expect(loudspeaker.state).toBe('yes');
});

test('a connection closed during the check leaves the state unknown and delays the next check', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.socket.destroy();
    return true;
  });
  const clock = new FakeClock();
  const loudspeaker = loudspeakerAt(camera, clock);
  for (const expectedCallers of [1, 1, 2]) {
    expect(await reasonOf(loudspeaker.check(never))).toMatch(/^camera (closed|broke) the connection of path 'garden'/);
    expect(camera.callers).toHaveLength(expectedCallers);
    await clock.advance(expectedCallers * 7_500);
    expect(loudspeaker.state).toBe('unknown');
  }
});

test.for([453, 461, 406])('a back channel in use (%i) is reported', async (status) => {
  await using camera = await scriptedCamera(refusing('SETUP', status));
  const loudspeaker = loudspeakerAt(camera);
  const reason = await reasonOf(loudspeaker.open(deaf, never));
  expect(reason).toMatch(
    /^camera of path 'garden' rejects two-way audio; another client may be using it: camera .*\b4\d\d\b/,
  );
  expect(reason).toContain(`${status}`);
  expect(loudspeaker.state).toBe('yes');
  // The failed attempt does not block the next one.
  expect(await reasonOf(loudspeaker.open(deaf, never))).toBe(reason);
});

test('a wrong password is not sent again', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    caller.reply(request, 401, [['WWW-Authenticate', 'Basic realm="camera"']]);
    return true;
  });
  const clock = new FakeClock();
  const loudspeaker = loudspeakerAt(camera, clock);
  await reasonOf(loudspeaker.check(never));
  await clock.advance(299_000);
  expect(await reasonOf(loudspeaker.open(deaf, never))).toContain('camera requires a password (401)');
  expect(camera.callers).toHaveLength(1);
});

test('a password that became wrong after the check is not sent again', async () => {
  let isChanged = false;
  await using camera = await scriptedCamera((request, caller) => {
    if (isChanged && request.method === 'DESCRIBE') {
      caller.reply(request, 401, [['WWW-Authenticate', 'Basic realm="cam"']]);
      return true;
    }
    return talkative(request, caller);
  });
  const loudspeaker = loudspeakerAt(camera);
  await loudspeaker.check(never);
  isChanged = true;
  expect(await reasonOf(loudspeaker.open(deaf, never))).toContain('camera requires a password (401)');
  const { length } = camera.callers;
  expect(await reasonOf(loudspeaker.open(deaf, never))).toContain('camera requires a password (401)');
  expect(await reasonOf(loudspeaker.check(never))).toContain('camera requires a password (401)');
  expect(camera.callers).toHaveLength(length);
});

test('over UDP audio goes to the port in the reply', async () => {
  const ear = createSocket('udp4');
  ear.bind(0, '127.0.0.1');
  await once(ear, 'listening');
  const words = once(ear, 'message');
  try {
    await using camera = await scriptedCamera((request, caller) => {
      if (request.method !== 'SETUP') {
        return talkative(request, caller);
      }
      const { port } = ear.address();
      const ports = /client_port=\S+/.exec(request.headers.get('Transport') ?? '')?.[0];
      caller.reply(request, 200, [
        ['Session', '4711'],
        ['Transport', `RTP/AVP;unicast;${ports};server_port=${port}-${port + 1}`],
      ]);
      return true;
    });
    const channel = await loudspeakerAt(camera, systemClock, 'udp').open(deaf, never);
    channel.send(Buffer.from('hello'), 0);
    const [datagram] = await words;
    expect((datagram as Buffer).subarray(12).toString()).toBe('hello');
    channel.close();
  } finally {
    ear.close();
  }
});

test('after interleaved audio is rejected, UDP is requested', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    const transport = request.headers.get('Transport') ?? '';
    if (request.method !== 'SETUP') {
      return talkative(request, caller);
    }
    const fields = [['Transport', `${transport};server_port=9-10`]] as const;
    caller.reply(request, transport.includes('TCP') ? 461 : 200, [['Session', '4711'], ...fields]);
    return true;
  });
  const channel = await loudspeakerAt(camera).open(deaf, never);
  expect(lastCaller(camera).methods).toEqual(['OPTIONS', 'DESCRIBE', 'SETUP', 'SETUP', 'PLAY']);
  channel.close();
});

test('onEnded is called when the camera ends the talk, not when the speaker closes it', async () => {
  await using camera = await scriptedCamera(talkative);
  const loudspeaker = loudspeakerAt(camera);
  const ended = Promise.withResolvers<string>();
  await loudspeaker.open(ended.resolve, never);
  lastCaller(camera).socket.destroy();
  expect(await ended.promise).toMatch(/^camera (closed|broke) the connection of path 'garden'/);
  const reasons: string[] = [];
  const channel = await loudspeaker.open((reason) => reasons.push(reason), never);
  channel.close();
  await camera.until(() => lastCaller(camera).methods.includes('TEARDOWN'));
  const next = await loudspeaker.open(deaf, never);
  expect(reasons).toEqual([]);
  next.close();
});

test('a talk ends when the camera stops answering keep-alives', async () => {
  let isSilent = false;
  await using camera = await scriptedCamera((request, caller) => isSilent || talkative(request, caller));
  const clock = new FakeClock();
  const ended = Promise.withResolvers<string>();
  await loudspeakerAt(camera, clock).open(ended.resolve, never);
  const caller = lastCaller(camera);
  const before = caller.requests.length;
  await clock.advance(10_000);
  await camera.until(() => caller.requests.length > before);
  // The clock advances while replies arrive.
  const asked = () => clock.advance(1_000).then(() => caller.requests.length);
  await expect.poll(asked, { interval: 5 }).toBeGreaterThan(before + 2);
  isSilent = true;
  await clock.advance(60_000);
  expect(await ended.promise).toBe("camera of path 'garden' has not answered for 25 s");
});

test('the end of the path ends the talk, or the attempt', async () => {
  await using camera = await scriptedCamera(
    (request, caller) => request.method === 'SETUP' || talkative(request, caller),
  );
  const over = new AbortController();
  const opening = reasonOf(loudspeakerAt(camera).open(deaf, over.signal));
  await camera.until(() => camera.callers[0]?.methods.includes('SETUP') ?? false);
  over.abort(new Error('the path is gone'));
  expect(await opening).toBe('the path is gone');
  await camera.until(() => camera.callers[0]?.socket.destroyed ?? false);
});
