import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { PerchError } from '../../base/errors.ts';
import { createLogger } from '../../base/log.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../base/time/units.ts';
import { issueAuthority, issueServer } from '../../tls/issue.ts';
import type { NamedCertificate } from '../../tls/named-certificates.ts';
import type { StoredAcme } from './acme-file.ts';
import { Challenges } from './order/challenges.ts';
import { acmeFailure } from './order/failure.ts';
import type { OrderRequest } from './order/order.ts';
import { Renewal, type RenewalOptions } from './renewal.ts';

const NAMES = ['cloud.example.org'];
const LIFE_MS = 90 * DAY_MS;

/** An authority that issues certificates, or fails as the test asks. */
async function authority(clock: FakeClock) {
  const dns = { dns: NAMES, ips: [] };
  const own = await issueAuthority(dns, { fromMs: 0, untilMs: Date.UTC(2040, 0) });
  const state = { failure: undefined as Error | undefined, orders: [] as OrderRequest[], times: [] as number[] };
  const order = async (request: OrderRequest) => {
    state.orders.push(request);
    state.times.push(clock.monoMs());
    if (state.failure) {
      throw state.failure;
    }
    const nowMs = clock.wallMs();
    const names = { dns: [...request.names], ips: [] };
    const { keyPem: key, certPem: cert } = await issueServer(own, names, { fromMs: nowMs, untilMs: nowMs + LIFE_MS });
    return { key, cert };
  };
  return { state, order };
}

async function start(more: Partial<RenewalOptions> = {}, failure?: Error) {
  const clock = new FakeClock();
  const { state, order } = await authority(clock);
  state.failure = failure;
  const lines: string[] = [];
  const used: (NamedCertificate | undefined)[] = [];
  const disk = { stored: undefined as StoredAcme | undefined };
  let keys = 0;
  const open = async (changed: Partial<RenewalOptions> = {}) => {
    const renewal = new Renewal({
      settings: { names: NAMES, email: '', directory: 'https://a.example/dir' },
      file: {
        load: async () => disk.stored,
        save: async (stored) => {
          disk.stored = stored;
        },
      },
      certificates: { use: (one) => used.push(one) },
      challenges: new Challenges(),
      port: undefined,
      newKey: async () => {
        keys += 1;
        return `account ${keys}`;
      },
      order,
      isClockTrusted: () => true,
      clock,
      log: createLogger('info', (line) => lines.push(line)),
      random: () => 0,
      ...more,
      ...changed,
    });
    onTestFinished(() => renewal.close());
    await renewal.start();
    return renewal;
  };
  const renewal = await open();
  const now = () => used.at(-1)?.cert;
  return { clock, state, lines, used, disk, open, renewal, now };
}

/** The order has ended: certificates are made by other threads. */
const ordered = (
  state: { readonly orders: readonly unknown[] },
  count: number,
  used: readonly unknown[],
  uses: number,
) => expect.poll(() => [state.orders.length, used.length]).toEqual([count, uses]);

test('a certificate is renewed at two thirds of its validity, with the same account', async () => {
  const { clock, state, used, renewal, disk } = await start();
  await ordered(state, 1, used, 2);
  await expect.poll(() => renewal.status.isOrdering).toBe(false);
  const { nextMs = 0, certificate } = renewal.status;
  expect([nextMs - clock.wallMs(), certificate?.untilMs]).toEqual([60 * DAY_MS, clock.wallMs() + LIFE_MS]);
  clock.skip(60 * DAY_MS - 2 * MINUTE_MS);
  await clock.advance(MINUTE_MS);
  expect(state.orders.length).toBe(1);
  await clock.advance(2 * MINUTE_MS);
  await ordered(state, 2, used, 3);
  expect(state.orders.map(({ accountKey }) => accountKey)).toEqual(['account 1', 'account 1']);
  await expect.poll(() => disk.stored?.certificate?.cert).toBe(used.at(-1)?.cert);
});

test('each server renews earlier by another part of a thirtieth', async () => {
  const { clock, state, used, renewal } = await start({ random: () => 0.5 });
  await ordered(state, 1, used, 2);
  await expect.poll(() => renewal.status.isOrdering).toBe(false);
  expect((renewal.status.nextMs ?? 0) - clock.wallMs()).toBe(58.5 * DAY_MS);
});

test('a restart takes the stored certificate into use and asks for none', async () => {
  const { clock, state, used, renewal, open, disk } = await start();
  await ordered(state, 1, used, 2);
  await expect.poll(() => disk.stored?.certificate).toBeDefined();
  await renewal.close();
  expect(used.at(-1)).toBeUndefined();
  await open();
  await clock.advance(3 * HOUR_MS);
  expect([state.orders.length, used.at(-1)?.names]).toEqual([1, NAMES]);
});

test.for([
  ['another name', { settings: { names: [...NAMES, 'b.example.org'], email: '', directory: 'https://a.example/dir' } }],
  ['another authority', { settings: { names: NAMES, email: '', directory: 'https://b.example/dir' } }],
] as const)('%s is asked for at once', async ([, changed]) => {
  const { state, used, renewal, open, disk } = await start();
  await ordered(state, 1, used, 2);
  await expect.poll(() => disk.stored?.certificate).toBeDefined();
  await renewal.close();
  await open(changed);
  await expect.poll(() => state.orders.length).toBe(2);
});

test('a failed renewal keeps the old certificate, also beyond its end, and says so once', async () => {
  const { clock, state, used, now, lines, renewal } = await start();
  await ordered(state, 1, used, 2);
  await expect.poll(() => renewal.status.isOrdering).toBe(false);
  const old = now();
  state.failure = acmeFailure('unreachable', 'cloud.example.org: refused');
  clock.skip(100 * DAY_MS);
  await clock.advance(3 * HOUR_MS);
  expect(now()).toBe(old);
  expect(used.length).toBe(2);
  expect(renewal.status.failure).toMatchObject({ why: 'unreachable', error: 'cloud.example.org: refused' });
  expect(lines.filter((line) => line.includes('no new certificate')).length).toBe(1);
  state.failure = undefined;
  await clock.advance(12 * HOUR_MS);
  await ordered(state, state.orders.length, used, 3);
  await expect.poll(() => renewal.status.failure).toBeUndefined();
});

test('failed checks are repeated less than five times an hour, then every 12 hours', async () => {
  const { clock, state } = await start({}, acmeFailure('name', 'no such name'));
  await clock.advance(3 * DAY_MS);
  const pauses = state.times.slice(1).map((time, i) => (time - (state.times[i] ?? 0)) / MINUTE_MS);
  expect(state.times.filter((time) => time < HOUR_MS).length).toBeLessThan(5);
  expect(pauses.slice(0, 4)).toEqual([5, 10, 20, 40]);
  expect(pauses.at(-1)).toBe(12 * 60);
});

test('an authority that is away is asked every minute at first, every hour at last', async () => {
  const { clock, state } = await start({}, acmeFailure('network', 'a.example does not answer'));
  await clock.advance(DAY_MS);
  const pauses = state.times.slice(1).map((time, i) => (time - (state.times[i] ?? 0)) / MINUTE_MS);
  expect([pauses[0], pauses.at(-1)]).toEqual([1, 60]);
});

test('the wait that the authority asks for (Retry-After) holds, and a person cannot shorten it', async () => {
  const { clock, state, renewal } = await start({}, acmeFailure('limit', 'too many', 30 * HOUR_MS));
  await clock.advance(29 * HOUR_MS);
  expect(() => renewal.retry()).toThrow('the authority takes no request before 2026-01-02T06:00:00.000Z');
  expect(state.orders.length).toBe(1);
  await clock.advance(2 * HOUR_MS);
  expect(state.orders.length).toBe(2);
});

test('a restart does not shorten the pause after a failure, but a person can', async () => {
  const { clock, state, renewal, open } = await start({}, acmeFailure('name', 'no such name'));
  await clock.advance(MINUTE_MS);
  await renewal.close();
  const second = await open();
  await clock.advance(3 * MINUTE_MS);
  expect([state.times, second.status.failure]).toEqual([[0], renewal.status.failure]);
  await clock.advance(MINUTE_MS);
  await second.close();
  const third = await open();
  await clock.advance(9 * MINUTE_MS);
  expect(state.times).toEqual([0, 5 * MINUTE_MS]);
  third.retry();
  await clock.advance(1);
  expect(state.orders.length).toBe(3);
});

test('after a restart a pause is never longer than it was, whatever the clock says', async () => {
  const { clock, state, renewal, open } = await start({}, acmeFailure('name', 'no such name'));
  await clock.advance(MINUTE_MS);
  await renewal.close();
  clock.stepWall(-3 * DAY_MS);
  await open();
  await clock.advance(4 * MINUTE_MS);
  expect(state.orders.length).toBe(1);
  await clock.advance(MINUTE_MS);
  expect(state.orders.length).toBe(2);
});

test.for([
  ['other names', { settings: { names: ['b.example.org'], email: '', directory: 'https://a.example/dir' } }],
  ['another authority', { settings: { names: NAMES, email: '', directory: 'https://b.example/dir' } }],
] as const)('the pause does not hold for %s', async ([, changed]) => {
  const { clock, state, renewal, open } = await start({}, acmeFailure('name', 'no such name'));
  await clock.advance(MINUTE_MS);
  await renewal.close();
  await open(changed);
  await clock.advance(1);
  expect(state.orders.length).toBe(2);
});

test('the wait that the authority asks for holds after a restart, and ends with a certificate', async () => {
  const { clock, state, used, renewal, open, disk } = await start({}, acmeFailure('limit', 'too many', 30 * HOUR_MS));
  await clock.advance(MINUTE_MS);
  await renewal.close();
  const second = await open();
  await clock.advance(29 * HOUR_MS);
  expect(() => second.retry()).toThrow('the authority takes no request before 2026-01-02T06:00:00.000Z');
  expect(state.orders.length).toBe(1);
  state.failure = undefined;
  await clock.advance(HOUR_MS);
  await ordered(state, 2, used, 4);
  await expect.poll(() => [disk.stored?.wait, disk.stored?.certificate?.names]).toEqual([undefined, NAMES]);
});

test('a failure that the authority does not count holds nothing up after a restart', async () => {
  const { clock, state, renewal, open } = await start({}, acmeFailure('network', 'a.example does not answer'));
  await clock.advance(1);
  await renewal.close();
  await open();
  await clock.advance(1);
  expect(state.times).toEqual([0, 1]);
});

test('a retry of a person comes at once', async () => {
  const { clock, state, renewal } = await start({}, acmeFailure('name', 'no such name'));
  await clock.advance(MINUTE_MS);
  expect([renewal.status.failure?.why, state.times]).toEqual(['name', [0]]);
  renewal.retry();
  await clock.advance(1);
  expect(state.times).toEqual([0, MINUTE_MS]);
});

test('while port 80 is taken or the time is not known, the authority is not asked', async () => {
  const fault = { text: 'port 80 is taken by nginx' as string | undefined };
  const trusted = { is: false };
  const port = {
    open: async () => {
      if (fault.text !== undefined) {
        throw acmeFailure('port', fault.text);
      }
    },
  };
  const { clock, state, renewal } = await start({ port, isClockTrusted: () => trusted.is });
  await clock.advance(HOUR_MS);
  expect(renewal.status).toMatchObject({ failure: { why: 'port', error: fault.text }, nextMs: undefined });
  fault.text = undefined;
  await clock.advance(MINUTE_MS);
  expect(renewal.status).toMatchObject({ failure: { why: 'clock' }, nextMs: undefined });
  expect(state.orders).toEqual([]);
  trusted.is = true;
  await clock.advance(MINUTE_MS);
  await expect.poll(() => renewal.status.failure).toBeUndefined();
  expect(state.orders.length).toBe(1);
});

test('a certificate that cannot be saved is in use, and is saved once the disk has room', async () => {
  const disk = { isFull: true, saved: undefined as StoredAcme | undefined };
  const { clock, state, used, renewal, now } = await start({
    file: {
      load: async () => undefined,
      save: async (stored) => {
        if (stored.certificate && disk.isFull) {
          throw new PerchError('unavailable', 'disk full', { why: 'file' });
        }
        disk.saved = stored;
      },
    },
  });
  await ordered(state, 1, used, 2);
  await expect.poll(() => renewal.status.failure).toMatchObject({ why: 'file', error: 'disk full' });
  await clock.advance(3 * MINUTE_MS);
  expect(renewal.status.failure).toMatchObject({ why: 'file', error: 'disk full' });
  disk.isFull = false;
  await clock.advance(2 * MINUTE_MS);
  expect([disk.saved?.certificate?.cert, renewal.status.failure]).toEqual([now(), undefined]);
  expect(state.orders.length).toBe(1);
});

test('a clock that jumps ahead causes one order a day at most', async () => {
  const { clock, state, used } = await start();
  await ordered(state, 1, used, 2);
  for (let hour = 0; hour < 20; hour += 1) {
    clock.stepWall(400 * DAY_MS);
    await clock.advance(HOUR_MS);
  }
  expect(state.orders.length).toBe(1);
});

test('the key is in no line of the log', async () => {
  const { state, used, lines, disk } = await start();
  await ordered(state, 1, used, 2);
  const secret = disk.stored?.certificate?.key.split('\n')[1] ?? '';
  expect(secret.length).toBeGreaterThan(20);
  expect(lines.join()).not.toContain(secret);
  expect(lines.join()).not.toContain('account 1');
});
