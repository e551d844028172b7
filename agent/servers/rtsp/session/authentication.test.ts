import { createHash } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import type { RtspCaller } from '../../../../test/support/clients/rtsp-caller.ts';
import { RtspHarness, type RtspHarnessOptions } from '../../../../test/support/harness/servers/rtsp-harness.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import { PerchError } from '../../../base/errors.ts';
import type { InternalUser } from '../../../config/schema/common/general.ts';
import { authorization, type Challenge, type DigestAlgorithm, parseChallenges } from '../../../media/rtsp/digest.ts';
import type { HeaderField, RtspResponse } from '../../../media/rtsp/message.ts';
import { Stream } from '../../../stream/stream.ts';

const tom: InternalUser = {
  user: 'tom',
  pass: 'blue heron:"7"',
  ips: [],
  permissions: [{ action: 'read', path: 'cam' }],
};
const hashed = { ...tom, pass: `sha256:${createHash('sha256').update(tom.pass).digest('base64')}` };
const TCP: HeaderField = ['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1'];
const SDP = 'v=0\r\nm=audio 0 RTP/AVP 8\r\n';
const hash = (algorithm: DigestAlgorithm, text: string) => createHash(algorithm).update(text).digest('hex');

async function open(options: RtspHarnessOptions): Promise<RtspHarness> {
  const box = await RtspHarness.open(options);
  box.paths.streams.set('cam', new Stream([H264_TRACK]));
  box.paths.streams.set('other', new Stream([H264_TRACK]));
  box.paths.waiting.add('studio');
  return box;
}

const basic = (user: string, password: string): HeaderField => [
  'Authorization',
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
];

const challengesOf = (reply: RtspResponse) => parseChallenges(reply.headers.all('WWW-Authenticate'));

function response(
  challenge: Challenge | undefined,
  method: string,
  uri: string,
  password = tom.pass,
  user = 'tom',
): HeaderField {
  if (!challenge) {
    throw new Error('there is no such challenge');
  }
  const use = { method, uri, clientNonce: 'abc', count: 1 };
  return ['Authorization', authorization(challenge, { user, password }, use, hash)];
}

/** Advances the clock until a delayed answer arrives. @returns the delay in milliseconds */
async function wait(box: RtspHarness, caller: RtspCaller, work: Promise<RtspResponse>): Promise<number> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  let waitedMs = 0;
  const probe = await box.call();
  while (!isDone) {
    // A round trip, so that the server has read the request.
    await probe.ask('OPTIONS', '*');
    await box.clock.advance(100);
    waitedMs += 100;
  }
  await done;
  await caller.until(() => caller.hasEnded);
  return waitedMs;
}

test.for([
  [['basic'], ['basic']],
  [
    ['basic', 'digest'],
    ['digest sha256', 'digest md5', 'basic'],
  ],
  [['digest'], ['digest sha256', 'digest md5']],
] as const)(
  'with rtspAuthMethods %s a client without credentials is challenged for %s',
  async ([rtspAuthMethods, expected]) => {
    await using box = await open({ users: [tom], rtspAuthMethods: [...rtspAuthMethods] });
    const caller = await box.call();
    const reply = await caller.ask('DESCRIBE', box.url('cam'));
    expect(reply.status).toBe(401);
    const schemes = challengesOf(reply).map(({ scheme, algorithm }) =>
      scheme === 'basic' ? scheme : `${scheme} ${algorithm}`,
    );
    expect(schemes).toEqual(expected);
    expect(challengesOf(reply).map(({ realm }) => realm)).toEqual(expected.map(() => 'ipcam'));
    expect(caller.hasEnded).toBe(false);
    expect(box.log.join('')).not.toContain('failed to authenticate');
  },
);

test.for([
  ['Basic', ['basic'], tom, () => basic('tom', tom.pass), 200],
  ['Basic, known by its hash', ['basic'], hashed, () => basic('tom', tom.pass), 200],
  ['Digest with SHA-256', ['digest'], tom, (c: Challenge[], uri: string) => response(c[0], 'DESCRIBE', uri), 200],
  ['Digest with MD5', ['digest'], tom, (c: Challenge[], uri: string) => response(c[1], 'DESCRIBE', uri), 200],
  ['Digest over another URL', ['digest'], tom, (c: Challenge[]) => response(c[0], 'DESCRIBE', 'rtsp://x/'), 200],
  ['Digest for another method', ['digest'], tom, (c: Challenge[], uri: string) => response(c[0], 'SETUP', uri), 401],
  [
    'Digest, known by its hash',
    ['digest'],
    hashed,
    (c: Challenge[], uri: string) => response(c[0], 'DESCRIBE', uri),
    401,
  ],
  ['Basic with a wrong password', ['basic'], tom, () => basic('tom', 'x'), 401],
  ['Basic with a wrong name', ['basic'], tom, () => basic('tim', tom.pass), 401],
] as const)('DESCRIBE with %s', async ([, rtspAuthMethods, user, credentials, status]) => {
  await using box = await open({ users: [user], rtspAuthMethods: [...rtspAuthMethods] });
  const caller = await box.call();
  const uri = box.url('cam');
  const challenges = challengesOf(await caller.ask('DESCRIBE', uri));
  const asked = caller.ask('DESCRIBE', uri, [credentials(challenges, uri)]);
  if (status === 200) {
    expect((await asked).status).toBe(200);
    return;
  }
  const waitedMs = await wait(box, caller, asked);
  expect((await asked).status).toBe(401);
  expect((await asked).headers.get('WWW-Authenticate')).toBeUndefined();
  expect(waitedMs).toBeGreaterThanOrEqual(4_000);
  expect(box.log.join('')).toContain('failed to authenticate');
  expect(box.log.join('')).not.toContain(tom.pass);
});

const DEVICE_PASSWORD = 'k7qf-2mxa-9wtn-hc4r';

/** Perch's own setup: tom has a page password, and the device `tv` watches cam. */
function ownPeople() {
  const basic = new Set<string>();
  const noted: string[] = [];
  const tv = {
    name: 'TV',
    user: 'tv',
    may: (action: string, path: string) => action === 'read' && path === 'cam',
    isRight: ({
      password,
      proves,
    }: {
      password?: string | undefined;
      proves?: ((one: string) => boolean) | undefined;
    }) => (proves ? proves(DEVICE_PASSWORD) : password === DEVICE_PASSWORD),
  };
  return {
    noted,
    basic,
    owner: 'owner',
    verify: async (user: string, password: string) => user === 'tom' && password === tom.pass,
    person: (name: string) =>
      name === 'tom' ? { name, role: 'viewer' as const, may: (_: string, path: string) => path === 'cam' } : undefined,
    device: (user: string) => (user === 'tv' ? tv : undefined),
    hasDeviceFor: (action: string, path: string) => tv.may(action, path),
    notePageLogin: (user: string, ip: string, protocol: string) => noted.push(`${user} ${ip} ${protocol}`),
    noteWrongDigest: (ip: string) => basic.add(ip),
    wantsBasic: (ip: string) => basic.has(ip),
  };
}

const BOTH: ('basic' | 'digest')[] = ['basic', 'digest'];

test('Digest is offered where a device password can answer it, and not to an address that has a page password', async () => {
  const people = ownPeople();
  await using box = await open({ people, rtspAuthMethods: BOTH });
  const caller = await box.call();
  const schemes = async (method: string, path: string) =>
    challengesOf(await caller.ask(method, box.url(path))).map(({ scheme }) => scheme);
  expect(await schemes('DESCRIBE', 'cam')).toEqual(['digest', 'digest', 'basic']);
  expect(await schemes('DESCRIBE', 'other')).toEqual(['basic']);
  people.basic.add('127.0.0.1');
  expect(await schemes('DESCRIBE', 'cam')).toEqual(['basic']);
});

test.for([0, 1])('a device password answers Digest, algorithm %i', async (index) => {
  await using box = await open({ people: ownPeople(), rtspAuthMethods: BOTH });
  const caller = await box.call();
  const uri = box.url('cam');
  const challenge = challengesOf(await caller.ask('DESCRIBE', uri))[index];
  expect(challenge?.algorithm).toBe(['sha256', 'md5'][index]);
  expect(
    (await caller.ask('DESCRIBE', uri, [response(challenge, 'DESCRIBE', uri, DEVICE_PASSWORD, 'tv')])).status,
  ).toBe(200);
  expect((await caller.ask('DESCRIBE', uri, [basic('tv', DEVICE_PASSWORD)])).status).toBe(200);
});

test('a page password works with Basic and is noted; as a Digest response it is rejected, and Basic alone is offered', async () => {
  const people = ownPeople();
  await using box = await open({ people, rtspAuthMethods: BOTH });
  const caller = await box.call();
  const uri = box.url('cam');
  const [challenge] = challengesOf(await caller.ask('DESCRIBE', uri));
  const asked = caller.ask('DESCRIBE', uri, [response(challenge, 'DESCRIBE', uri, tom.pass)]);
  let isAnswered = false;
  void asked.then(() => {
    isAnswered = true;
  });
  const probe = await box.call();
  while (!isAnswered) {
    await probe.ask('OPTIONS', '*');
    await box.clock.advance(1_000);
  }
  expect(challengesOf(await asked).map(({ scheme }) => scheme)).toEqual(['basic']);
  expect(people.noted).toEqual([]);
  expect((await caller.ask('DESCRIBE', uri, [basic('tom', tom.pass)])).status).toBe(200);
  expect(people.noted).toEqual(['tom 127.0.0.1 rtsp']);
});

test('a user has access only to permitted paths', async () => {
  await using box = await open({ users: [tom] });
  const caller = await box.call();
  const credentials = basic('tom', tom.pass);
  expect((await caller.ask('DESCRIBE', box.url('cam'), [credentials])).status).toBe(200);
  const refused = caller.ask('DESCRIBE', box.url('other'), [credentials]);
  await wait(box, caller, refused);
  expect((await refused).status).toBe(401);
});

test('DESCRIBE, the first SETUP and ANNOUNCE want a name; what follows in the session does not', async () => {
  const users = [tom, { ...tom, permissions: [{ action: 'publish', path: '' }] } satisfies InternalUser];
  await using box = await open({ users });
  const caller = await box.call();
  const announce = [
    'ANNOUNCE',
    box.url('studio'),
    [['Content-Type', 'application/sdp']] as HeaderField[],
    SDP,
  ] as const;
  expect((await caller.ask(...announce)).status).toBe(401);
  expect((await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP])).status).toBe(401);
  expect((await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP, basic('tom', tom.pass)])).status).toBe(200);
  expect((await caller.ask('PLAY', box.url('cam'))).status).toBe(200);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ user: 'tom' }]);
  const publisher = await box.call();
  const [method, uri, headers, body] = announce;
  expect((await publisher.ask(method, uri, [...headers, basic('tom', tom.pass)], body)).status).toBe(200);
});

test('the id of a login is that of the session which it opens, and of the connection for DESCRIBE', async () => {
  await using box = await open({
    users: [
      {
        ...tom,
        permissions: [
          { action: 'read', path: '' },
          { action: 'publish', path: '' },
        ],
      },
    ],
  });
  const asked = vi.spyOn(box.access, 'authorize');
  const ids = () => asked.mock.calls.splice(0).map(([, , { id }]) => id);
  const login = basic('tom', tom.pass);
  const reader = await box.call();
  await reader.ask('DESCRIBE', box.url('cam'), [login]);
  expect(ids()).toEqual(box.server.rtsp.conns.list().map(({ id }) => id));
  await reader.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  await reader.ask('SETUP', box.url('cam/trackID=0'), [TCP, login]);
  const [session] = box.server.rtsp.sessions.list();
  expect(ids()).toEqual([session?.id, session?.id]);
  const publisher = await box.call();
  await publisher.ask('ANNOUNCE', box.url('studio'), [['Content-Type', 'application/sdp'], login], SDP);
  const next = box.server.rtsp.sessions.list().find(({ id }) => id !== session?.id);
  expect(ids()).toEqual([next?.id]);
});

test('a client without permission must authenticate before it learns what exists', async () => {
  await using box = await open({ users: [tom] });
  const caller = await box.call();
  for (const path of ['cam', 'unknown', 'studio']) {
    expect((await caller.ask('DESCRIBE', box.url(path))).status).toBe(401);
  }
  expect(box.paths.opened).toEqual([]);
});

test('a nonce of another connection, or an old one, is stale: a new one is sent without delay', async () => {
  await using box = await open({ users: [tom], rtspAuthMethods: ['digest'] });
  const uri = box.url('cam');
  const [first, second] = [await box.call(), await box.call()];
  const foreign = challengesOf(await first.ask('DESCRIBE', uri))[0];
  const stale = await second.ask('DESCRIBE', uri, [response(foreign, 'DESCRIBE', uri)]);
  expect(stale.status).toBe(401);
  expect(challengesOf(stale).map(({ isStale }) => isStale)).toEqual([true, true]);
  const own = challengesOf(stale)[0];
  expect((await second.ask('DESCRIBE', uri, [response(own, 'DESCRIBE', uri)])).status).toBe(200);
  for (let minute = 0; minute < 20; minute += 1) {
    await box.clock.advance(30_000);
    await second.ask('OPTIONS', '*');
  }
  const old = await second.ask('DESCRIBE', uri, [response(own, 'DESCRIBE', uri)]);
  expect(challengesOf(old)[0]?.isStale).toBe(true);
});

test('Basic is not accepted where only Digest is offered', async () => {
  await using box = await open({ users: [tom], rtspAuthMethods: ['digest'] });
  const caller = await box.call();
  const reply = await caller.ask('DESCRIBE', box.url('cam'), [basic('tom', tom.pass)]);
  expect(reply.status).toBe(401);
  expect(challengesOf(reply)).toHaveLength(2);
});

test('guessing on many connections is not faster: from the ninth on nothing is even looked at', async () => {
  await using box = await open({ users: [tom] });
  const callers = await Promise.all(Array.from({ length: 8 }, () => box.call()));
  for (const caller of callers) {
    caller.say('DESCRIBE', box.url('cam'), [basic('tom', 'guess')]);
  }
  await callers[0]?.until(() => true);
  const probe = await box.call();
  while (box.log.filter((line) => line.includes('failed to authenticate')).length < 8) {
    await probe.ask('OPTIONS', '*');
  }
  const ninth = await box.call();
  const reply = await ninth.ask('DESCRIBE', box.url('cam'), [basic('tom', tom.pass)]);
  expect(reply.status).toBe(503);
  expect(reply.headers.get('Retry-After')).toBe('4');
});

test('while no person is known each request is answered 503 with a time to try again', async () => {
  const unknown = new PerchError('unavailable', 'the database does not answer', { retryAfterS: 5 });
  const people = { owner: 'owner', unknown, verify: async () => true, person: () => undefined };
  await using box = await open({ people });
  for (const headers of [[], [basic('owner', 'blue heron')]]) {
    const caller = await box.call();
    const reply = await caller.ask('DESCRIBE', box.url('cam'), headers);
    expect([reply.status, reply.headers.get('Retry-After')]).toEqual([503, '5']);
  }
  expect(box.log.join('')).not.toContain('failed to authenticate');
});
