import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import {
  expectPictures,
  framesOf,
  PICTURES,
  packetsOf,
  pictureCamera,
} from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import type { Script } from '../../../test/support/cameras/scripted-camera.ts';
import { createLogger } from '../../base/log.ts';
import { parseAuthorization, verifyDigest } from '../../media/rtsp/digest.ts';
import type { HeaderField, RtspRequest } from '../../media/rtsp/message.ts';

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
const USER = { user: 'admin', password: 'secret' };

type Guard = (request: RtspRequest) => boolean;
const answerOf = (request: RtspRequest) => parseAuthorization(request.headers.get('Authorization') ?? '');

/** Whether a request has a correct digest for this nonce. */
const digest =
  (nonce: string, { user, password } = USER): Guard =>
  (request) => {
    const answer = answerOf(request);
    return (
      answer?.scheme === 'digest' &&
      answer.user === user &&
      answer.nonce === nonce &&
      answer.uri === request.uri &&
      verifyDigest(answer, request.method, password, hash)
    );
  };
const basic =
  ({ user, password } = USER): Guard =>
  (request) => {
    const answer = answerOf(request);
    return answer?.scheme === 'basic' && answer.user === user && answer.password === password;
  };

/** A camera that answers 401 with these challenges unless `isRight`. */
function guarded(challenges: readonly string[], isRight: Guard, methods?: readonly string[]): Script {
  return (request, caller) => {
    if (isRight(request) || (methods && !methods.includes(request.method))) {
      return undefined;
    }
    caller.reply(
      request,
      401,
      challenges.map((value): HeaderField => ['WWW-Authenticate', value]),
    );
    return true;
  };
}

const MD5 = 'Digest realm="cam", nonce="n"';
const SHA256 = 'Digest realm="cam", nonce="n", algorithm=SHA-256';
const BASIC = 'Basic realm="cam"';

test.for<[what: string, challenges: readonly string[], isRight: Guard]>([
  ['Basic', [BASIC], basic()],
  ['Basic without a realm', ['Basic'], basic()],
  ['Digest', [MD5], digest('n')],
  ['Digest that names its MD5', [`${MD5}, algorithm=MD5`], digest('n')],
  ['Digest that names its MD5 in quotes', [`${MD5}, algorithm="MD5"`], digest('n')],
  ['Digest with qop', [`${MD5}, qop="auth"`], digest('n')],
  ['Digest with a choice of qop', [`${MD5}, qop="auth-int,auth"`], digest('n')],
  ['Digest with MD5-sess', [`${MD5}, algorithm=MD5-sess, qop="auth"`], digest('n')],
  [
    'Digest with opaque, domain and charset',
    [`${MD5}, opaque="x,y", domain="/", charset=UTF-8, userhash=false`],
    digest('n'),
  ],
  ['Digest in lower case without blanks', ['digest realm="cam",nonce="n",stale=false'], digest('n')],
  ['Digest with SHA-256', [SHA256], digest('n')],
  ['Digest with SHA-256 and qop', [`${SHA256}, qop="auth"`], digest('n')],
  ['Digest with SHA-512-256 in quotes (OEM of Hikvision)', [`${MD5}, algorithm="SHA-512-256"`], digest('n')],
  ['Digest, named after Basic', [BASIC, MD5], digest('n')],
  ['Digest, in one header with Basic', [`${BASIC}, ${MD5}`], digest('n')],
  ['Digest, in one header before Basic', [`${MD5}, ${BASIC}`], digest('n')],
  ['Digest, next to unknown schemes', ['Negotiate', 'Bearer realm="x"', MD5], digest('n')],
  [
    'Digest, next to an unsupported algorithm',
    ['Digest realm="cam", nonce="n", algorithm=SHA-512-256', MD5],
    digest('n'),
  ],
  ['either, and takes only Basic', [MD5, BASIC], basic()],
  [
    'either, and takes only MD5 though it names SHA-256',
    [SHA256, MD5],
    (request) =>
      answerOf(request)?.scheme === 'digest' &&
      !/SHA/.test(request.headers.get('Authorization') ?? '') &&
      digest('n')(request),
  ],
  ['an empty realm', ['Digest realm="", nonce="n"'], digest('n')],
  ['a realm with quotes', ['Digest realm="a \\"cam\\", b", nonce="n"'], digest('n')],
])('video of a camera that requires %s', async ([, challenges, isRight]) => {
  await using camera = await pictureCamera(guarded(challenges, isRight));
  await using run = new Run(url(camera), USER);
  await expectPictures(run);
});

test('Basic is not used when Digest is offered', async () => {
  await using camera = await pictureCamera(guarded([BASIC, MD5], digest('n')));
  await using run = new Run(url(camera), USER);
  await expectPictures(run);
  const sent = lastCaller(camera).requests.map((request) => request.headers.get('Authorization') ?? '');
  expect(sent.filter((header) => /^Basic/i.test(header))).toEqual([]);
});

const ALL = ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY'];
test.for(ALL)('a camera that requires a login only from %s on', async (method) => {
  await using camera = await pictureCamera(guarded([MD5], digest('n'), ALL.slice(ALL.indexOf(method))));
  await using run = new Run(url(camera), USER);
  await expectPictures(run);
});

test.for<[what: string, stale: string]>([
  ['called stale', ', stale=true'],
  ['called stale in capitals and quotes', ', stale="TRUE"'],
  ['not called stale', ''],
])('a nonce valid for one request, then %s, is renewed', async ([, stale]) => {
  let used = 0;
  await using camera = await pictureCamera((request, caller) => {
    if (digest(`n${used}`)(request)) {
      used += 1;
      return undefined;
    }
    caller.reply(request, 401, [['WWW-Authenticate', `Digest realm="cam", nonce="n${used}"${stale}`]]);
    return true;
  });
  await using run = new Run(url(camera), USER);
  await expectPictures(run);
  expect(used).toBeGreaterThanOrEqual(4);
});

test('the next nonce of Authentication-Info is used at once', async () => {
  let number = 0;
  await using camera = await pictureCamera((request, caller) => {
    if (!digest(`n${number}`)(request)) {
      caller.reply(request, 401, [['WWW-Authenticate', `Digest realm="cam", nonce="n${number}"`]]);
      return true;
    }
    if (request.method !== 'OPTIONS') {
      return undefined;
    }
    number += 1;
    caller.reply(request, 200, [['Authentication-Info', `qop=auth, nextnonce="n${number}"`]]);
    return true;
  });
  await using run = new Run(url(camera), USER);
  await expectPictures(run);
  expect(lastCaller(camera).methods).toEqual(['OPTIONS', 'OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY']);
});

test('a rejected keep-alive is sent again with the new nonce, and so is TEARDOWN', async () => {
  const clock = new FakeClock();
  let nonce = 'n';
  await using camera = await pictureCamera((request, caller) => {
    if (guarded([`Digest realm="cam", nonce="${nonce}"`], digest(nonce))(request, caller)) {
      return true;
    }
    if (request.method !== 'SETUP' && request.method !== 'GET_PARAMETER') {
      return undefined;
    }
    caller.reply(request, 200, [['Session', '4711;timeout=20']]);
    if (request.method === 'GET_PARAMETER') {
      caller.send(...framesOf(packetsOf(PICTURES, 4)));
    }
    return true;
  });
  const run = new Run(url(camera), { ...USER, readTimeoutMs: 120_000 }, clock);
  await expectPictures(run);
  const { methods } = lastCaller(camera);
  const before = methods.length;
  nonce = 'later';
  await clock.advance(10_000);
  const since = () => lastCaller(camera).methods.slice(before);
  // The picture follows the reply, so the reply has arrived.
  await run.sampled(PICTURES.length + 1);
  expect(since()).toEqual(['GET_PARAMETER', 'GET_PARAMETER']);
  nonce = 'last';
  await run[Symbol.asyncDispose]();
  expect(since()).toEqual(['GET_PARAMETER', 'GET_PARAMETER', 'TEARDOWN', 'TEARDOWN']);
});

test('every request has a User-Agent, without which some cameras answer 401', async () => {
  await using camera = await pictureCamera((request, caller) => {
    if (request.headers.get('User-Agent')) {
      return undefined;
    }
    caller.reply(request, 401);
    return true;
  });
  {
    await using run = new Run(url(camera));
    await expectPictures(run);
  }
  expect(lastCaller(camera).methods).toContain('TEARDOWN');
});

const ODD = '@:/?#%&+ ünï "\\';
const HARD = { user: ODD.replace(':', ''), password: ODD };
const GUARDS: [scheme: string, challenge: string, isRight: Guard][] = [
  ['Basic', BASIC, basic(HARD)],
  ['Digest', MD5, digest('n', HARD)],
  ['Digest with SHA-256', SHA256, digest('n', HARD)],
];

test.for(GUARDS)('user and password outside the URL may contain any character: %s', async ([, challenge, isRight]) => {
  await using camera = await pictureCamera(guarded([challenge], isRight));
  await using run = new Run(url(camera), HARD);
  await expectPictures(run);
});

test.for(GUARDS)('the URL may contain any percent-encoded character: %s', async ([, challenge, isRight]) => {
  await using camera = await pictureCamera(guarded([challenge], isRight));
  const userInfo = `${encodeURIComponent(HARD.user)}:${encodeURIComponent(HARD.password)}@`;
  await using run = new Run(url(camera).replace('//', () => `//${userInfo}`));
  await expectPictures(run);
  const sent = lastCaller(camera).requests;
  expect(sent.filter(({ uri }) => uri.includes('@'))).toEqual([]);
});

test.for(['p@ss', 'a:b', 'wh?t', '100%', 'a#1', 'a&b+c', 'ünï', 'q"uote', 'back\\slash'])(
  'the password %s may be unencoded in the URL',
  async (password) => {
    await using camera = await pictureCamera(guarded([MD5], digest('n', { user: 'admin', password })));
    await using run = new Run(url(camera).replace('//', () => `//admin:${password}@`));
    await expectPictures(run);
  },
);

test('user and password of the camera: block take precedence over those of the URL', async () => {
  await using camera = await pictureCamera(guarded([MD5], digest('n')));
  await using run = new Run(url(camera).replace('//', '//other:wrong@'), USER);
  await expectPictures(run);
});

test.for<[what: string, challenges: readonly string[]]>([
  ['Digest', [MD5]],
  ['Digest with a nonce that is always new', ['Digest realm="cam", nonce="$"']],
  ['Digest with a nonce that is always called stale', ['Digest realm="cam", nonce="$", stale=true']],
  ['Digest and Basic', [MD5, BASIC]],
  ['an unknown scheme', ['Negotiate']],
  ['nothing at all', []],
])('a wrong password is reported after few attempts by a camera that requires %s', async ([, challenges]) => {
  let count = 0;
  await using camera = await pictureCamera((request, caller) => {
    count += 1;
    return guarded(
      challenges.map((challenge) => challenge.replace('$', `n${count}`)),
      () => false,
    )(request, caller);
  });
  await using run = new Run(url(camera), USER);
  expect(await run.failure()).toBe("camera rejected the password (401): check user and password of path 'garden'");
  // Cameras lock accounts after some wrong passwords.
  expect(count).toBeLessThanOrEqual(4);
});

test('the password is in no log line, no error and no request line', async () => {
  const lines: string[] = [];
  const log = createLogger('trace', (line) => lines.push(line));
  const hidden = { user: 'admin', password: 'Zx9-hidden' };
  const received: string[] = [];
  const scripts: Script[] = [
    guarded([MD5], digest('n', hidden)),
    guarded([MD5], () => false),
    guarded([MD5, BASIC], () => false),
    guarded([BASIC], basic(hidden), ['PLAY']),
    (request, caller) => {
      caller.reply(request, 302, [['Location', '/live/again']]);
      return request.method === 'DESCRIBE';
    },
    (_, caller) => {
      caller.socket.destroy();
      return true;
    },
  ];
  for (const script of scripts) {
    await using camera = await pictureCamera(script);
    await using run = new Run(
      url(camera).replace('//', () => `//${hidden.user}:${hidden.password}@`),
      { log },
    );
    const outcome = run.sampled(4).then(
      () => 'plays',
      () => run.failure(),
    );
    received.push(await outcome);
    for (const { method, uri } of camera.callers.flatMap(({ requests }) => requests)) {
      received.push(`${method} ${uri}`);
    }
  }
  expect(received.filter((text) => text === 'plays')).toHaveLength(2);
  const basicText = Buffer.from(`${hidden.user}:${hidden.password}`).toString('base64');
  const isLoose = (text: string) => text.includes(hidden.password) || text.includes(basicText);
  expect([...received, ...lines].filter(isLoose)).toEqual([]);
});
