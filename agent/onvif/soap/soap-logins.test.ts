import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import {
  ASK,
  callerOf,
  DIGEST,
  envelope,
  failureOf,
  fault,
  hasToken,
  INFORMATION,
  listen,
} from '../../../test/support/cameras/soap-server.ts';
import { requestOnce } from '../../http-client/request.ts';
import { parseAuthorization } from '../../media/rtsp/digest.ts';
import { parseHttpUrl } from './http/origin.ts';
import type { CameraConnection, CameraGuard } from './http/persistent-connection.ts';
import { LoginMemory } from './login/login-memory.ts';

test('a missing permission does not count as a wrong password', async () => {
  const { url, requests } = await listen((asked, response) => {
    const isAllowed = hasToken(asked) && !asked.text.includes('SystemReboot');
    response.writeHead(isAllowed ? 200 : 400).end(isAllowed ? envelope(INFORMATION) : fault('NotAuthorized'));
  });
  const caller = callerOf(url);
  await caller.call(ASK);
  const reboot = { ...ASK, body: '<tds:SystemReboot/>', response: 'SystemRebootResponse' };
  for (let i = 0; i < 4; i += 1) {
    expect((await failureOf(caller.call(reboot))).context['camera']).toBe('noRights');
  }
  expect(requests.length).toBeGreaterThan(4);
});

test('an idle session first tries the login that has succeeded before: a changed password costs one try', async () => {
  const clock = new FakeClock();
  let isChanged = false;
  const { url, requests } = await listen((asked, response) => {
    const isAllowed = hasToken(asked) && !isChanged && !asked.text.includes('SystemReboot');
    response.writeHead(isAllowed ? 200 : 400).end(isAllowed ? envelope(INFORMATION) : fault('NotAuthorized'));
  });
  const reboot = { ...ASK, body: '<tds:SystemReboot/>', response: 'SystemRebootResponse' };
  const caller = callerOf(url, { clock });
  await caller.call(ASK);
  await clock.advance(60_000);
  expect((await failureOf(caller.call(reboot))).context['camera']).toBe('noRights');
  await clock.advance(60_000);
  isChanged = true;
  const before = requests.length;
  expect((await failureOf(caller.call(reboot))).context['camera']).toBe('wrongPassword');
  const shown = requests.slice(before).filter(hasToken);
  expect(shown.map(({ text }) => text.includes('SystemReboot'))).toEqual([false]);
});

test('new operations right after an accepted one send a changed password twice at most', async () => {
  let isChanged = false;
  const { url, requests } = await listen((asked, response) => {
    const isAllowed = hasToken(asked) && !isChanged;
    response.writeHead(isAllowed ? 200 : 400).end(isAllowed ? envelope(INFORMATION) : fault('NotAuthorized'));
  });
  const caller = callerOf(url, { clock: new FakeClock() });
  await caller.call(ASK);
  isChanged = true;
  const before = requests.length;
  const troubles: unknown[] = [];
  for (const name of ['SetHostname', 'SetNTP', 'SetDNS', 'SystemReboot', 'StartFirmwareUpgrade']) {
    const error = await failureOf(caller.call({ ...ASK, body: `<tds:${name}/>`, response: `${name}Response` }));
    troubles.push(error.context['camera']);
  }
  expect(troubles).toEqual(['noRights', 'wrongPassword', 'wrongPassword', 'wrongPassword', 'wrongPassword']);
  expect(requests.slice(before).filter(hasToken)).toHaveLength(2);
});

test('a challenge unused for 10 s is not answered: the camera sends a new one', async () => {
  const clock = new FakeClock();
  const { url, requests } = await listen(({ headers }, response) =>
    headers.authorization
      ? response.end(envelope(INFORMATION))
      : response.writeHead(401, { 'WWW-Authenticate': DIGEST }).end(),
  );
  const caller = callerOf(url, { clock });
  for (const idleMs of [0, 9_000, 10_000]) {
    await clock.advance(idleMs);
    await caller.call(ASK);
  }
  expect(requests.map(({ headers }) => headers.authorization !== undefined)).toEqual([false, true, true, false, true]);
});

test('calls that move or change the camera are never repeated to prove a login', async () => {
  const { url, requests } = await listen((asked, response) => {
    const isAllowed = hasToken(asked) && !asked.text.includes('SystemReboot');
    const moved = asked.text.includes('ContinuousMove') ? '<ContinuousMoveResponse/>' : INFORMATION;
    response.writeHead(isAllowed ? 200 : 400).end(isAllowed ? envelope(moved) : fault('NotAuthorized'));
  });
  const caller = callerOf(url);
  await caller.call({ ...ASK, body: '<tptz:ContinuousMove/>', response: 'ContinuousMoveResponse' });
  await failureOf(caller.call({ ...ASK, body: '<tds:SystemReboot/>', response: 'SystemRebootResponse' }));
  expect(requests.filter((asked) => hasToken(asked) && asked.text.includes('ContinuousMove'))).toHaveLength(1);
});

test('a camera that describes itself without a login is not locked out by a wrong password, however often it is opened', async () => {
  const { url, requests } = await listen(({ text }, response) => {
    const isOpen = text.includes('GetDeviceInformation');
    response.writeHead(isOpen ? 200 : 400).end(isOpen ? envelope(INFORMATION) : fault('NotAuthorized'));
  });
  const logins = new LoginMemory(new FakeClock());
  const profiles = { ...ASK, body: '<trt:GetProfiles/>', response: 'GetProfilesResponse' };
  for (let i = 0; i < 8; i += 1) {
    const caller = callerOf(url, { logins });
    await caller.call(ASK).catch(() => {});
    expect((await failureOf(caller.call(profiles))).context['camera']).toBe('wrongPassword');
  }
  expect(requests.filter((asked) => hasToken(asked) && asked.text.includes('GetProfiles')).length).toBeLessThanOrEqual(
    2,
  );
});

test('a camera that requires no login gets none, and one that requires Digest gets no token', async () => {
  const { url, requests } = await listen(({ text, headers }, response) =>
    text.includes('GetServices') || headers.authorization
      ? response.end(envelope(text.includes('GetServices') ? '<GetServicesResponse/>' : INFORMATION))
      : response.writeHead(401, { 'WWW-Authenticate': DIGEST }).end(),
  );
  const caller = callerOf(url);
  await caller.call({ ...ASK, body: '<tds:GetServices/>', response: 'GetServicesResponse', isPreAuth: true });
  await caller.call(ASK);
  await caller.call({ ...ASK, body: '<tds:GetServices/>', response: 'GetServicesResponse', isPreAuth: true });
  await caller.call(ASK);
  expect(requests.map((asked) => [hasToken(asked), asked.headers.authorization !== undefined])).toEqual([
    [false, false],
    [false, false],
    [false, true],
    [false, false],
    [false, true],
  ]);
});

test.for([
  ['a digest', [DIGEST]],
  ['digests of two kinds', [DIGEST, DIGEST.replace('MD5', 'SHA-256')]],
  ['nothing by name', []],
] as const)(
  'a typo is one wrong login of a camera that asks for %s; the second try is of another kind',
  async ([, challenges]) => {
    const { url, requests } = await listen(({ method }, response) =>
      method === 'POST' && challenges.length > 0
        ? response.writeHead(401, { 'WWW-Authenticate': [...challenges] }).end(fault('NotAuthorized'))
        : response.writeHead(400).end(fault('NotAuthorized')),
    );
    const logins = new LoginMemory(new FakeClock());
    const shown = () =>
      requests
        .filter((asked) => hasToken(asked) || asked.headers.authorization !== undefined)
        .map(({ headers }) => headers.authorization?.match(/algorithm=[\w-]+/)?.[0] ?? typeof headers.authorization);
    for (let i = 1; i <= 4; i += 1) {
      expect((await failureOf(callerOf(url, { logins, isInteractive: true }).call(ASK))).context['camera']).toBe(
        'wrongPassword',
      );
      expect(shown()).toHaveLength(Math.min(i, 2));
    }
    expect(new Set(shown()).size).toBe(challenges.length === 0 ? 1 : 2);
  },
);

test('a password that was changed in a running session is a wrong password, and is not tried on', async () => {
  let isRight = true;
  const { url, requests } = await listen((asked, response) => {
    const isAllowed = hasToken(asked) && isRight;
    response.writeHead(isAllowed ? 200 : 400).end(isAllowed ? envelope(INFORMATION) : fault('NotAuthorized'));
  });
  const caller = callerOf(url);
  await caller.call(ASK);
  isRight = false;
  for (let i = 0; i < 5; i += 1) {
    expect((await failureOf(caller.call(ASK))).context['camera']).toBe('wrongPassword');
  }
  expect(requests.filter(hasToken).length).toBeLessThanOrEqual(4);
});

test('a camera that answers late gets an unproven login once, and again after a rejection', async () => {
  const held: (() => void)[] = [];
  const { url, requests } = await listen((asked, response) => {
    const refuse = () => response.writeHead(400).end(fault('NotAuthorized'));
    if (hasToken(asked)) {
      held.push(refuse);
    } else {
      refuse();
    }
  });
  const logins = new LoginMemory(new FakeClock());
  const failures = Array.from({ length: 6 }, () => failureOf(callerOf(url, { logins }).call(ASK)));
  for (let i = 0; i < 2; i += 1) {
    await vi.waitFor(() => expect(held).toHaveLength(1));
    held.shift()?.();
  }
  const all = await Promise.all(failures);
  expect(all.map(({ context }) => context['camera'])).toEqual(Array.from({ length: 6 }, () => 'wrongPassword'));
  await failureOf(callerOf(url, { logins }).call(ASK));
  expect(requests.filter(hasToken)).toHaveLength(2);
});

test('calls that wait for another login start their timeout afterwards', async () => {
  const clock = new FakeClock();
  const held: (() => void)[] = [];
  const { url } = await listen((asked, response) => {
    if (hasToken(asked)) {
      held.push(() => response.end(envelope(INFORMATION)));
    } else {
      response.writeHead(400).end(fault('NotAuthorized'));
    }
  });
  const logins = new LoginMemory(clock);
  const [first, second] = [callerOf(url, { logins, clock }), callerOf(url, { logins, clock })];
  const answered = [first.call(ASK), second.call({ ...ASK, deadlineMs: 1_000 })];
  await vi.waitFor(() => expect(held).toHaveLength(1));
  await clock.advance(4_900);
  held.shift()?.();
  await vi.waitFor(() => expect(held).toHaveLength(1));
  held.shift()?.();
  await Promise.all(answered);
});

test('a login that was not delivered does not count as pending', async () => {
  const { url, requests } = await listen((asked, response) =>
    response
      .writeHead(hasToken(asked) ? 200 : 400)
      .end(hasToken(asked) ? envelope(INFORMATION) : fault('NotAuthorized')),
  );
  const logins = new LoginMemory(new FakeClock());
  const gone = new URL('http://127.0.0.1:1/onvif/device_service');
  for (let i = 0; i < 5; i += 1) {
    expect((await failureOf(callerOf(gone, { logins }).call(ASK))).context['camera']).toBe('unreachable');
  }
  await callerOf(url, { logins }).call(ASK);
  expect(requests.filter(hasToken)).toHaveLength(1);
});

/** A camera whose web page accepts a login that its ONVIF rejects. */
const withOnvifUsers = () =>
  listen(({ method, path, headers }, response) => {
    if (method === 'POST') {
      response.writeHead(400).end(fault('NotAuthorized'));
    } else if (path !== '/ISAPI/System/deviceInfo') {
      response.writeHead(404).end();
    } else if (parseAuthorization(headers.authorization ?? '')) {
      response.end('<DeviceInfo/>');
    } else {
      response.writeHead(401, { 'WWW-Authenticate': DIGEST }).end();
    }
  });

test("a login that the camera's page accepts and ONVIF rejects is reported as such", async () => {
  const { url, requests } = await withOnvifUsers();
  const logins = new LoginMemory(new FakeClock());
  // A new session each time, also when the login is no longer tried.
  for (let i = 0; i < 3; i += 1) {
    const error = await failureOf(callerOf(url, { logins }).call(ASK));
    expect([error.context['camera'], error.message]).toEqual(['onvifUser', expect.stringContaining('ONVIF users')]);
  }
  expect(requests.filter(hasToken)).toHaveLength(2);
  expect(requests.filter(({ headers }) => headers.authorization !== undefined)).toHaveLength(1);
});

test('it is also reported of a camera that takes most of two seconds to identify itself before the page', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { url } = await withOnvifUsers();
  const slow: CameraConnection = {
    request: (server, asked) => {
      vi.advanceTimersByTime(asked.method === 'GET' ? 1_900 : 0);
      return requestOnce(server, asked);
    },
  };
  const guard: CameraGuard = { call: (_origin, _isRead, send) => send(slow), ready: async () => {}, recheck: () => {} };
  expect((await failureOf(callerOf(url, { guard }).call(ASK))).context['camera']).toBe('onvifUser');
});

test.for([
  [
    'Hikvision',
    401,
    '<userCheck><lockStatus>lock</lockStatus><unlockTime>1790</unlockTime></userCheck>',
    {},
    1_790_000,
  ],
  ['HTTP 423', 423, '', {}, undefined],
  ['HTTP 429 with a time', 429, '', { 'Retry-After': '60' }, 60_000],
  ['words in a fault', 400, fault('NotAuthorized', 'Account is locked'), {}, undefined],
] as const)('a lock is understood: %s', async ([, status, body, headers, reportedMs]) => {
  const { url, requests } = await listen((_asked, response) => response.writeHead(status, headers).end(body));
  const caller = callerOf(url);
  const error = await failureOf(caller.call(ASK));
  expect(error.context).toMatchObject({
    camera: 'lockedOut',
    isStated: reportedMs !== undefined,
    waitMs: reportedMs ?? 1_800_000,
  });
  await failureOf(caller.call(ASK));
  expect(requests).toHaveLength(1);
});

test.for([
  ['http://[fe80::1%25eth0]:8000/onvif', 'fe80::1%eth0', 8000],
  ['https://[fe80::1%wlan0.5]/onvif', 'fe80::1%wlan0.5', 443],
  ['http://camera.local/onvif?a=%25b]', 'camera.local', 80],
] as const)('%s is at %s, port %i', ([text, host, port]) => {
  expect(parseHttpUrl(text)?.origin).toMatchObject({ host, port });
});
