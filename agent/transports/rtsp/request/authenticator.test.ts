import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { lastCaller, Run, url } from '../../../../test/support/cameras/rtsp-run.ts';
import { type Script, scriptedCamera } from '../../../../test/support/cameras/scripted-camera.ts';
import { parseAuthorization, verifyDigest } from '../../../media/rtsp/digest.ts';
import type { RtspRequest } from '../../../media/rtsp/message.ts';

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');

/** Accepts admin and `secret`. */
function guarded(challenges: readonly string[], isAccepted: (request: RtspRequest) => boolean): Script {
  return (request, caller) => {
    if (isAccepted(request)) {
      return undefined;
    }
    caller.reply(
      request,
      401,
      challenges.map((value) => ['WWW-Authenticate', value] as const),
    );
    return true;
  };
}

function isDigestRight(request: RtspRequest, nonce: string): boolean {
  const answer = parseAuthorization(request.headers.get('Authorization') ?? '');
  return (
    answer?.scheme === 'digest' &&
    answer.nonce === nonce &&
    answer.uri === request.uri &&
    verifyDigest(answer, request.method, 'secret', hash)
  );
}

const isBasicRight = (request: RtspRequest): boolean => {
  const answer = parseAuthorization(request.headers.get('Authorization') ?? '');
  return answer?.scheme === 'basic' && answer.password === 'secret';
};

test.for([
  ['Digest', ['Digest realm="cam", nonce="n"']],
  ['Digest with qop', ['Digest realm="cam", nonce="n", qop="auth"']],
  ['Digest with SHA-256', ['Digest realm="cam", nonce="n", algorithm=SHA-256']],
  ['Digest named after Basic', ['Basic realm="cam"', 'Digest realm="cam", nonce="n"']],
] as const)('a camera that requires %s gets it, and never the password', async ([, challenges]) => {
  await using camera = await scriptedCamera(guarded(challenges, (request) => isDigestRight(request, 'n')));
  await using run = new Run(url(camera).replace('//', '//admin:secret@'));
  await run.sampled(1);
  const headers = lastCaller(camera).requests.map((request) => request.headers.get('Authorization') ?? '');
  expect(headers.filter((header) => header.startsWith('Basic'))).toEqual([]);
});

test('a camera that requires Basic gets it', async () => {
  await using camera = await scriptedCamera(guarded(['Basic realm="cam"'], isBasicRight));
  await using run = new Run(url(camera), { user: 'admin', password: 'secret' });
  await run.sampled(1);
});

test('after a rejected Digest, Basic is used', async () => {
  await using camera = await scriptedCamera(
    guarded(['Digest realm="cam", nonce="n"', 'Basic realm="cam"'], isBasicRight),
  );
  await using run = new Run(url(camera), { user: 'admin', password: 'secret' });
  await run.sampled(1);
});

test('a stale nonce is renewed', async () => {
  let nonce = 0;
  await using camera = await scriptedCamera((request, caller) => {
    if (isDigestRight(request, `n${nonce}`)) {
      nonce += 1;
      return undefined;
    }
    caller.reply(request, 401, [['WWW-Authenticate', `Digest realm="cam", nonce="n${nonce}", stale=TRUE`]]);
    return true;
  });
  await using run = new Run(url(camera), { user: 'admin', password: 'secret' });
  await run.sampled(1);
  expect(nonce).toBeGreaterThanOrEqual(4);
});

test('the error for a wrong password names the path, not the password', async () => {
  await using camera = await scriptedCamera(guarded(['Digest realm="cam", nonce="n", stale=true'], () => false));
  await using run = new Run(url(camera).replace('//', '//admin:wrong@'));
  expect(await run.failure()).toBe("camera rejected the password (401): check user and password of path 'garden'");
  expect(lastCaller(camera).requests.length).toBeLessThan(10);
});

test('a camera that requires a login fails without one', async () => {
  await using camera = await scriptedCamera(guarded(['Basic realm="cam"'], () => false));
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe("camera requires a password (401): set user and password of path 'garden'");
});

test('a camera cannot send the password in the clear to another host', async () => {
  await using thief = await scriptedCamera(guarded(['Basic realm="cam"'], () => false));
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 302, [['Location', `rtsp://localhost:${thief.port}/`]]);
    return true;
  });
  await using run = new Run(url(camera), { user: 'admin', password: 'secret' });
  expect(await run.failure()).toMatch('camera rejected the password (401)');
  expect(lastCaller(thief).requests.some((request) => request.headers.get('Authorization'))).toBe(false);
});
