import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import {
  type Asked,
  envelope,
  fault,
  hasToken,
  INFORMATION,
  listen,
} from '../../../test/support/cameras/soap-server.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { ignoreExpected } from '../../base/errors.ts';
import { exchange } from '../../onvif/soap/http/http-exchange.ts';
import { type HttpOrigin, httpOriginOf } from '../../onvif/soap/http/origin.ts';
import type { CameraConnection } from '../../onvif/soap/http/persistent-connection.ts';
import { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { namesOf } from '../../tls/device-names.ts';
import { issueAuthority, issueServer } from '../../tls/issue.ts';
import { EndpointGuard, openGuarded } from './endpoint-guard.ts';

const { signal } = new AbortController();
/** Its pauses end with the fake timers of a test, too. */
const clock: Clock = { ...systemClock, sleep: (ms) => new Promise((wake) => setTimeout(wake, ms)) };
const guardOf = (url: string, endpoint: string) => new EndpointGuard({ url, endpoint, clock, signal });
const credentials = { user: 'me', password: 'hunter2' };

test('a login in the address is not sent either', async () => {
  await using camera = await startOnvifCamera({ credentials, quirks: { saysLittleOfItself: true } });
  await guardOf(camera.url.replace('//', '//me:hunter2@'), camera.endpoint).confirm();
  expect(camera.operations).toContain('GetEndpointReference');
  expect(camera.requests.filter(({ hasToken }) => hasToken)).toEqual([]);
});

test('a link-local address with its zone is an address', async () => {
  const guard = guardOf('http://[fe80::1%25nowhere0]:1/onvif/device_service', 'urn:uuid:a');
  await expect(guard.confirm()).rejects.toMatchObject({ name: 'PerchError' });
});

const OTHER = 'urn:uuid:5d5d5d5d-0000-4000-8000-000000000001';
/** A device that identifies itself only after a login, and is later replaced by another one. */
async function replaced() {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ credentials, clock, quirks: { servicesWantLogin: true } });
  const guard = new EndpointGuard({ url: camera.url, endpoint: camera.endpoint, clock, signal });
  await guard.confirm();
  const replace = () => {
    camera.state.quirks.servicesWantLogin = false;
    camera.state.identity = { ...camera.state.identity, endpoint: OTHER };
  };
  return { clock, camera, guard, replace };
}

test('a device that identifies itself only after a login is checked again after a while: another camera may be there', async () => {
  const { clock, camera, guard, replace } = await replaced();
  await using _ = camera;
  const asked = camera.requests.length;
  clock.skip(60_000);
  await guard.confirm();
  expect(camera.requests.length).toBe(asked);
  replace();
  clock.skip(240_000);
  await expect(guard.confirm()).rejects.toThrow('another camera is at its address now');
});

test('a device that identifies itself only after a login is checked again after a failed call', async () => {
  const { camera, guard, replace } = await replaced();
  await using _ = camera;
  const origin = httpOriginOf(new URL(camera.url));
  replace();
  await expect(guard.call(origin, true, () => Promise.reject(new Error('no answer')))).rejects.toThrow('no answer');
  await expect(guard.confirm()).rejects.toThrow('another camera is at its address now');
});

/** The reply of a camera that identifies itself. */
const replyTo = ({ text }: Asked): string =>
  envelope(
    text.includes('GetEndpointReference')
      ? `<GetEndpointReferenceResponse><GUID>${OTHER}</GUID></GetEndpointReferenceResponse>`
      : INFORMATION,
  );

function useFakeTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** A device that from the first question for its endpoint on answers only what `answers` names. */
async function taciturn(answers: (asked: Asked) => boolean) {
  useFakeTimers();
  let isAsked = false;
  const { url, requests } = await listen((asked, response) => {
    isAsked ||= asked.text.includes('GetEndpointReference');
    if (!isAsked || answers(asked)) {
      response.end(replyTo(asked));
    }
  });
  return { guard: guardOf(url.href, 'urn:uuid:a'), requests };
}

/** Time passes by turns of the event loop, so that an answer on its way comes before a deadline. */
async function passTimeUntil<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  while (!isOver) {
    await new Promise(setImmediate);
    vi.advanceTimersByTime(10);
  }
  return work;
}

test('a device that is too busy to answer may be another camera: it gets no login', async () => {
  const { guard } = await taciturn(() => false);
  await expect(passTimeUntil(guard.confirm())).rejects.toMatchObject({ context: { camera: 'timeout' } });
});

test('a camera that never replies to the question for its endpoint, but to others, is not asked again for minutes', async () => {
  const { guard, requests } = await taciturn(({ text }) => !text.includes('GetEndpointReference'));
  await passTimeUntil(guard.confirm());
  const before = requests.length;
  await guard.confirm();
  expect(requests.length).toBe(before);
});

test('a device that answers for its endpoint later than for its time is waited for: it may be another camera', async () => {
  useFakeTimers();
  let questions = 0;
  const { url } = await listen((asked, response) => {
    const isOfEndpoint = asked.text.includes('GetEndpointReference');
    questions += isOfEndpoint ? 1 : 0;
    if (!isOfEndpoint) {
      response.end(replyTo(asked));
    } else if (questions > 1) {
      setTimeout(() => response.end(replyTo(asked)), 1_500);
    }
  });
  const confirmed = passTimeUntil(guardOf(url.href, 'urn:uuid:a').confirm());
  await expect(confirmed).rejects.toThrow('another camera is at its address now');
});

test.for([1, 2, 3, 7])('a camera that closes a connection after %i requests is read completely', async (most) => {
  const answered = new WeakMap<object, number>();
  const { url } = await listen((asked, response) => {
    const socket = response.socket as Socket;
    const count = (answered.get(socket) ?? 0) + 1;
    answered.set(socket, count);
    response.end(replyTo(asked), () => count === most && socket.end());
  });
  const target = { url: url.href, ...credentials, signal, clock };
  const { session } = await openGuarded({ ...target, logins: new LoginMemory(systemClock) }, OTHER);
  for (let i = 0; i < 2 * most; i += 1) {
    await session.call('device', '<tds:GetDeviceInformation/>', 'GetDeviceInformationResponse');
  }
  await session.call('device', '<tds:SetWings/>', 'GetDeviceInformationResponse');
  expect(await session.information()).toMatchObject({ model: 'm' });
});

test('a camera that redirects to https is identified and logged in there', async () => {
  const names = namesOf('camera', ['127.0.0.1']);
  const validity = { fromMs: Date.now() - 1e6, untilMs: Date.now() + 1e8 };
  const { keyPem: key, certPem: cert } = await issueServer(await issueAuthority(names, validity), names, validity);
  const secure = await listen(
    (asked, response) => {
      const isRefused = asked.text.includes('GetDeviceInformation') && !hasToken(asked);
      response.writeHead(isRefused ? 400 : 200).end(isRefused ? fault('NotAuthorized') : replyTo(asked));
    },
    { key, cert },
  );
  const plain = await listen((_asked, response) => response.writeHead(301, { Location: secure.url.href }).end());
  const target = { url: plain.url.href, ...credentials, signal, clock };
  const { session } = await openGuarded({ ...target, logins: new LoginMemory(systemClock) }, OTHER);
  expect(await session.information()).toMatchObject({ model: 'm' });
  expect([plain.requests.some(hasToken), secure.requests.some(hasToken)]).toEqual([false, true]);
});

const HANDED_OVER = [
  'keeps connections',
  'closes',
  'closes, the other one says 400',
  'closes, the other one says 423',
  'closes, the other one says 500',
  'says close',
  'other port',
] as const;
/** An address which another device takes after this many answers for the endpoint. A connection stays at the device that accepted it. */
async function handedOver(after: number, kind: (typeof HANDED_OVER)[number]) {
  const [first, second] = [OTHER, 'urn:uuid:5d5d5d5d-0000-4000-8000-000000000002'];
  let [holder, answers] = [first, 0];
  const holders = new WeakMap<object, string>();
  const logins: unknown[] = [];
  const open = async () => {
    const one = await listen((asked, response) => {
      const socket = response.socket as Socket;
      const endpoint = holders.get(socket);
      const isQuestion = asked.text.includes('GetEndpointReference');
      if (asked.text.includes('the login')) {
        logins.push(endpoint);
      }
      response.setHeader('Connection', kind === 'says close' ? 'close' : 'keep-alive');
      const status = isQuestion && endpoint === second ? Number(/says (\d+)/.exec(kind)?.[1] ?? 200) : 200;
      response.statusCode = status;
      const reply = status >= 400 ? fault('NotAuthorized') : replyTo(asked).replace(OTHER, String(endpoint));
      response.end(reply, () => kind.startsWith('closes') && socket.end());
      answers += isQuestion ? 1 : 0;
      holder = answers >= after ? second : holder;
    });
    one.server.on('connection', (socket) => holders.set(socket, holder));
    return one;
  };
  const device = await open();
  const service = kind === 'other port' ? await open() : device;
  return { guard: guardOf(device.url.href, first), origin: httpOriginOf(service.url), logins, first };
}

const sendLogin =
  (origin: HttpOrigin, { deadlineMs = 8_000, ...more }: { deadlineMs?: number; signal?: AbortSignal } = {}) =>
  (connection: CameraConnection | undefined) => {
    const asked = { origin, method: 'POST', path: '/', headers: {}, body: 'the login', maxBytes: 9_999 } as const;
    return exchange({ ...asked, deadlineMs, signal, connection, ...more });
  };

test.for(HANDED_OVER)(
  'a login stays with the camera that was identified, whenever another one takes its address; the camera: %s',
  async (kind) => {
    for (const isRead of [true, false]) {
      const received: unknown[] = [];
      for (let after = 1; after < 8; after += 1) {
        const { guard, origin, logins, first } = await handedOver(after, kind);
        for (let i = 0; i < 3; i += 1) {
          await guard.call(origin, isRead, sendLogin(origin)).catch(ignoreExpected);
        }
        expect(logins.filter((one) => one !== first)).toEqual([]);
        received.push(...logins);
      }
      expect(received.length).toBeGreaterThan(7);
    }
  },
);

const BUSY = ['waits', 'ends a connection without a request', 'resets others', 'closes others', 'says 503'] as const;
const TOO_MANY = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/**
 * A camera that serves one connection at a time and closes it after a reply.
 * @param isReplaced another camera takes its address as soon as a second connection is opened
 */
async function singleBoard(kind: (typeof BUSY)[number], isReplaced = false) {
  useFakeTimers();
  let endpoint = OTHER;
  const logins: unknown[] = [];
  const { server, url, requests } = await listen((asked, response) => {
    if (asked.text.includes('the login')) {
      logins.push(endpoint);
    }
    response.setHeader('Connection', 'close');
    response.end(replyTo(asked).replace(OTHER, endpoint));
  });
  const waiting: Socket[] = [];
  const serve = () => {
    const [socket] = waiting;
    if (socket) {
      socket.once('close', () => {
        waiting.shift();
        serve();
      });
      server.emit('connection', socket);
      if (kind === 'ends a connection without a request') {
        const timer = setTimeout(() => socket.destroy(), 100);
        socket.once('data', () => clearTimeout(timer));
      }
    }
  };
  const board = createServer((socket) => {
    if (waiting.length > 0) {
      endpoint = isReplaced ? 'urn:uuid:5d5d5d5d-0000-4000-8000-000000000002' : endpoint;
      if (kind === 'resets others') {
        socket.resetAndDestroy();
        return;
      }
      if (kind === 'closes others' || kind === 'says 503') {
        socket.end(kind === 'says 503' ? TOO_MANY : '');
        return;
      }
    }
    if (waiting.push(socket) === 1) {
      serve();
    }
  });
  board.listen(0, '127.0.0.1');
  await once(board, 'listening');
  onTestFinished(() => void board.close());
  url.port = `${(board.address() as AddressInfo).port}`;
  return { url, requests, logins };
}

test.for(BUSY)(
  'a camera that serves one connection at a time, and closes it after a reply, is called: it %s',
  async (kind) => {
    const { url, requests } = await singleBoard(kind);
    const target = { url: url.href, ...credentials, signal, clock };
    const opened = openGuarded({ ...target, logins: new LoginMemory(systemClock) }, OTHER);
    const { session } = await passTimeUntil(opened);
    expect(await passTimeUntil(session.information())).toMatchObject({ model: 'm' });
    const before = requests.length;
    // No time passes.
    await session.call('device', '<tds:SetWings/>', 'GetDeviceInformationResponse');
    expect(requests.length - before).toBe(2);
  },
);

test.for(BUSY)('a login stays with such a camera, too: another one takes its address, and %s', async (kind) => {
  const { url, logins } = await singleBoard(kind, true);
  const origin = httpOriginOf(url);
  const call = guardOf(url.href, OTHER).call(origin, false, sendLogin(origin));
  await expect(passTimeUntil(call)).rejects.toThrow('another camera is at its address now');
  expect(logins).toEqual([]);
});

/** A camera that closes each connection, and is silent once it was called. */
async function fallenSilent() {
  useFakeTimers();
  let isSilent = false;
  const { url } = await listen((asked, response) => {
    if (!isSilent) {
      response.setHeader('Connection', 'close');
      response.end(replyTo(asked));
    }
  });
  const guard = guardOf(url.href, OTHER);
  const origin = httpOriginOf(url);
  await guard.call(origin, true, sendLogin(origin));
  isSilent = true;
  return { guard, origin };
}

test('a call keeps its deadline, and can be cancelled, while the camera is being identified', async () => {
  const { guard, origin } = await fallenSilent();
  const late = guard.call(origin, true, sendLogin(origin, { deadlineMs: 300 }));
  await expect(passTimeUntil(late)).rejects.toThrow(/no answer .* within 0\.3 s/);
  const stop = new AbortController();
  const cancelled = guard.call(origin, true, sendLogin(origin, { signal: stop.signal }));
  setTimeout(() => stop.abort(), 300);
  await expect(passTimeUntil(cancelled)).rejects.toThrow('was cancelled');
});

test('a camera that begins to close its connections is identified once for each call from then on', async () => {
  let isClosing = false;
  const { url, requests } = await listen((asked, response) => {
    response.setHeader('Connection', isClosing ? 'close' : 'keep-alive');
    response.end(replyTo(asked));
  });
  const guard = guardOf(url.href, OTHER);
  const origin = httpOriginOf(url);
  const costs: number[] = [];
  for (let i = 0; i < 4; i += 1) {
    isClosing = i > 0;
    const before = requests.length;
    await guard.call(origin, false, sendLogin(origin));
    costs.push(requests.length - before);
  }
  expect(costs.slice(2)).toEqual([2, 2]);
});

test('a device that is not a camera any more is named as such', async () => {
  const { url } = await listen((_asked, response) => response.end('<html>a printer</html>'));
  const service = httpOriginOf((await listen((asked, response) => response.end(replyTo(asked)))).url);
  const call = guardOf(url.href, OTHER).call(service, true, sendLogin(service));
  await expect(call).rejects.toThrow(/^(?!.*HTTP).*does not speak ONVIF/);
});

test('two concurrent calls of a camera that never answers for its endpoint succeed', async () => {
  const { guard } = await taciturn(({ text }) => !text.includes('GetEndpointReference'));
  const service = httpOriginOf((await listen((asked, response) => response.end(replyTo(asked)))).url);
  const calls = [1, 2].map(() => guard.call(service, true, sendLogin(service)));
  expect((await passTimeUntil(Promise.all(calls))).map(({ status }) => status)).toEqual([200, 200]);
});

test("an unknown operation does not raise doubts about a camera's identity", async () => {
  await using camera = await startOnvifCamera({ credentials, quirks: { servicesWantLogin: true } });
  const target = { url: camera.url, ...credentials, signal, clock };
  const { session } = await openGuarded({ ...target, logins: new LoginMemory(systemClock) }, camera.endpoint);
  const asked = () => camera.requests.filter((one) => !one.hasToken && one.authorization === undefined).length;
  await session.information();
  const before = asked();
  await expect(session.call('device', '<tds:GetWings/>', 'GetWingsResponse')).rejects.toThrow();
  await session.call('device', '<tds:GetScopes/>', 'GetScopesResponse');
  expect([before > 0, asked()]).toEqual([true, before]);
});
