// @also without-ffi in long

import { expect, test } from 'vitest';
import { FRAGMENT, offerOf, SDP, signallingApp } from '../../../../test/support/harness/http/signalling-app.ts';
import { PerchError } from '../../../base/errors.ts';
import type { BackChannel } from '../../../stream/contracts.ts';

const CHROMIUM = offerOf('chromium-156-linux-whip');
const VOICE = offerOf('chromium-156-linux-talk');

/** `cam` waits for a publisher, which `pulled` does not, and can be talked through by one at a time; `deaf` has no loudspeaker. */
class Box {
  readonly asked: string[] = [];
  isTaken = false;
  readonly mayPublish = (path: string, when: 'now'): void => {
    if (path === 'pulled' && when === 'now') {
      throw new PerchError('badInput', "can't publish to path 'pulled' since 'source' is not 'publisher'");
    }
    if (path !== 'cam') {
      throw new PerchError('badInput', `path '${path}' is not configured`);
    }
  };
  readonly mayTalk = async (path: string): Promise<void> => {
    if (path !== 'cam') {
      throw new PerchError('unsupported', `the camera of path '${path}' has no back channel`);
    }
  };
  readonly talk = async (path: string): Promise<BackChannel> => {
    await this.mayTalk(path);
    if (this.isTaken) {
      throw new PerchError('exhausted', 'another session talks through this camera');
    }
    this.isTaken = true;
    const close = (): void => {
      this.isTaken = false;
    };
    return { codec: 'PCMA', clockRate: 8_000, channels: 1, send: () => {}, close };
  };

  open() {
    const require = async (_request: unknown, action: string, path: string): Promise<void> => {
      this.asked.push(`${action} ${path}`);
    };
    const access = { require, identify: () => ({ ip: '192.0.2.1' }) };
    const { mayPublish, mayTalk, talk } = this;
    return signallingApp({ access }, { paths: { mayPublish, mayTalk, talk } });
  }
}

test('an offer to publish is answered with the session in Location and ID', async () => {
  const box = new Box();
  await using run = await box.open();
  const response = await run.app.inject({ method: 'POST', url: '/cam/whip?x=1', headers: SDP, payload: CHROMIUM });
  expect(response.statusCode).toBe(201);
  expect(response.headers).toMatchObject({
    'content-type': 'application/sdp',
    etag: '*',
    'accept-patch': 'application/trickle-ice-sdpfrag',
    'access-control-expose-headers': 'ETag, ID, Accept-Patch, Link, Location',
  });
  expect(response.headers['location']).toMatch(/^whip\/[0-9a-f-]{36}\?x=1$/);
  const location = `/cam/${response.headers['location']}`;
  expect(response.body.match(/a=recvonly/g)).toHaveLength(2);
  expect(run.server.list()).toMatchObject([
    { id: response.headers['id'], state: 'publish', path: 'cam', query: 'x=1' },
  ]);
  expect(box.asked).toEqual(['publish cam']);

  const payload = 'a=ice-ufrag:fresh\r\na=ice-pwd:0123456789012345678901\r\n';
  const patch = await run.app.inject({ method: 'PATCH', url: location, headers: FRAGMENT, payload });
  expect(patch.statusCode).toBe(200);
  expect((await run.app.inject({ method: 'DELETE', url: location })).statusCode).toBe(200);
  expect(run.server.list()).toEqual([]);
});

test('a publisher gets ICE servers and accepted codecs, and needs the publish permission', async () => {
  const box = new Box();
  await using run = await box.open();
  const response = await run.app.inject({ method: 'OPTIONS', url: '/cam/whip' });
  expect(response.statusCode).toBe(204);
  expect(response.headers).toMatchObject({
    'accept-post': 'application/sdp',
    'access-control-allow-methods': 'OPTIONS, GET, POST, PATCH, DELETE',
    'access-control-allow-headers': 'Authorization, Content-Type, If-Match',
    'access-control-expose-headers': 'Accept-Post, Link',
  });
  await run.app.inject({ url: '/cam/publish' });
  expect(box.asked).toEqual(['publish cam', 'publish cam']);
});

test.for([
  ['two pictures', '/cam/whip', CHROMIUM + secondPicture(), 406, 'the offer has 2 video sections'],
  ['a viewer', '/cam/whip', offerOf('firefox-153-linux-whep'), 406, 'sends neither video nor audio'],
  [
    'a data channel',
    '/cam/whip',
    offerOf('chromium-156-linux').replaceAll('recvonly', 'sendrecv'),
    406,
    "'application'",
  ],
  [
    'an unknown codec',
    '/cam/whip',
    offerOf('obs-30-whip').replace('H264', 'THEORA'),
    400,
    'the video of the offer has THEORA',
  ],
  ['no path', '/missing/whip', CHROMIUM, 400, "path 'missing' is not configured"],
  ['a source of its own', '/pulled/whip', CHROMIUM, 400, "since 'source' is not 'publisher'"],
  ['no loudspeaker', '/deaf/talk', VOICE, 400, "the camera of path 'deaf' has no back channel"],
  ['no loudspeaker and no sense', '/deaf/talk', 'nonsense', 400, "the camera of path 'deaf' has no back channel"],
  ['no voice', '/cam/talk', offerOf('firefox-153-linux-whep'), 406, 'the offer sends no audio'],
  ['no codec of the camera', '/cam/talk', offerOf('obs-30-whip'), 400, 'the camera takes PCMA'],
] as const)('an offer with %s is rejected by %s', async ([, url, payload, status, text]) => {
  const box = new Box();
  await using run = await box.open();
  const response = await run.app.inject({ method: 'POST', url, headers: SDP, payload });
  expect(response.statusCode).toBe(status);
  expect(response.json()).toMatchObject({ status: 'error', error: expect.stringContaining(text) });
  expect([run.server.list(), box.isTaken]).toEqual([[], false]);
});

test.for(['GET', 'HEAD', 'PUT'] as const)('the endpoints reject %s', async (method) => {
  await using run = await new Box().open();
  for (const url of ['/cam/whip', '/cam/whep', '/cam/talk', '/cam/talk/x']) {
    expect((await run.app.inject({ method, url })).statusCode).toBe(405);
  }
});

test('one talker at a time, in the camera’s codec, and the next one after it hangs up', async () => {
  const box = new Box();
  await using run = await box.open();
  const talk = () => run.app.inject({ method: 'POST', url: '/cam/talk', headers: SDP, payload: VOICE });
  const first = await talk();
  expect(first.statusCode).toBe(201);
  expect(first.body).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 8\r\n');
  expect(first.headers['location']).toMatch(/^talk\/[0-9a-f-]{36}$/);
  const second = await talk();
  expect([second.statusCode, second.json().error]).toEqual([400, 'another session talks through this camera']);
  await run.app.inject({ method: 'DELETE', url: `/cam/${first.headers['location']}` });
  expect((await talk()).statusCode).toBe(201);
  expect(box.asked).toEqual(Array(3).fill('publish cam'));
});

test('OPTIONS returns whether talking is possible, so that a page can hide the button', async () => {
  await using run = await new Box().open();
  const ask = async (path: string) => {
    const { statusCode, headers } = await run.app.inject({ method: 'OPTIONS', url: `/${path}/talk` });
    const reason = decodeURIComponent(String(headers['perch-talk-reason'] ?? ''));
    expect(headers['access-control-expose-headers']).toBe('Accept-Post, Link, Perch-Talk, Perch-Talk-Reason');
    return [statusCode, headers['perch-talk'], reason];
  };
  expect(await ask('cam')).toEqual([204, 'yes', '']);
  expect(await ask('deaf')).toEqual([204, 'no', "the camera of path 'deaf' has no back channel"]);
  expect(await ask('%E2%82%AC')).toEqual([204, 'no', "the camera of path '€' has no back channel"]);
});

test('a viewer without the right to talk learns it and gets no dialog', async () => {
  const allowed = new Set(['read cam']);
  const require = async (_request: unknown, action: string, path: string): Promise<void> => {
    if (!allowed.has(`${action} ${path}`)) {
      throw new PerchError('unauthorized', 'authentication error');
    }
  };
  const access = { require, identify: () => ({ ip: '192.0.2.1' }) };
  await using run = await signallingApp({ access }, { paths: { talk: new Box().talk } });
  const ask = (method: 'OPTIONS' | 'POST', url: string) =>
    run.app.inject({ method, url, headers: SDP, ...(method === 'POST' && { payload: VOICE }) });
  const logged = await ask('OPTIONS', '/cam/talk');
  expect([logged.statusCode, logged.headers['perch-talk']]).toEqual([204, 'no']);
  expect(logged.headers['perch-talk-reason']).toBe('authentication%20error');
  expect((await ask('POST', '/cam/talk')).statusCode).toBe(401);
  expect((await ask('OPTIONS', '/deaf/talk')).statusCode).toBe(401);
});

function secondPicture(): string {
  const [picture = ''] = /m=video[\s\S]*?(?=m=|$(?![\s\S]))/.exec(CHROMIUM) ?? [];
  return picture.replace(/a=mid:.*/, 'a=mid:9');
}
