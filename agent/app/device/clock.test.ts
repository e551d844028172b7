import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { HostAnswer } from '../../../system/host-requests.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRoutes } from '../../http/api/device/system.ts';
import { createHttpApp } from '../../http/listener/app.ts';
import { DeviceClock } from './clock.ts';

const LATER_MS = 300 * 86_400_000;
const { signal } = new AbortController();

function box({ isTrusted = false, offers = true, answer = { ok: true, text: 'set' } as HostAnswer } = {}) {
  const clock = new FakeClock();
  const asked: object[] = [];
  const patience = { ms: 0 };
  const host = {
    offers: () => offers,
    ask: async (_task: string, fields: object, patienceMs: number) => {
      asked.push(fields);
      patience.ms = patienceMs;
      return answer;
    },
  };
  return {
    clock,
    asked,
    patience,
    boxClock: new DeviceClock({ clock, host, isTrusted: () => isTrusted, uptimeS: () => 123.456 }),
  };
}

test("root's service gets the phone's time and the uptime", async () => {
  const { clock, asked, boxClock } = box();
  expect(boxClock.canBeSet).toBe(true);
  expect(await boxClock.set(clock.wallMs() + LATER_MS, signal)).toBe('set');
  expect(asked).toEqual([{ unixMs: clock.wallMs() + LATER_MS, uptimeMs: 123_456 }]);
});

test("Perch waits for root's service as long as systemd does: no answer means that the clock was not set", async () => {
  const unit = readFileSync(join(import.meta.dirname, '../../../packaging/linux/systemd/perch-clock.service'), 'utf8');
  const limitMs = Number(/^TimeoutStartSec=(\d+)s$/m.exec(unit)?.[1]) * 1_000;
  const { clock, boxClock, patience } = box();
  await boxClock.set(clock.wallMs() + LATER_MS, signal);
  expect(patience.ms).toBeGreaterThan(limitMs);
});

test("a box with a trusted clock rejects the phone's time", async () => {
  const { clock, asked, boxClock } = box({ isTrusted: true });
  expect(boxClock.canBeSet).toBe(false);
  await expect(boxClock.set(clock.wallMs() + LATER_MS, signal)).rejects.toMatchObject({ context: { isKnown: true } });
  expect(asked).toEqual([]);
});

test.for([
  ['before any box', Date.UTC(2025, 11, 31)],
  ['of another century', Date.UTC(2100, 0, 1)],
  ['that is no number', Number.NaN],
] as const)('a time %s is rejected', async ([, toMs]) => {
  await expect(box().boxClock.set(toMs, signal)).rejects.toMatchObject({ code: 'badInput' });
});

test('a time within two seconds changes nothing', async () => {
  const { clock, boxClock } = box();
  await expect(boxClock.set(clock.wallMs() + 1_999, signal)).rejects.toMatchObject({ context: { isKnown: true } });
});

test('if Perch may not set the clock, the error has the command for it', async () => {
  const { boxClock } = box({ offers: false });
  expect(boxClock.canBeSet).toBe(false);
  await expect(boxClock.set(Date.UTC(2026, 10, 21), signal)).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('date -s @1795219200 && touch /run/perch-clock-set'),
  });
});

test("a rejection by root's service is passed on", async () => {
  const { boxClock } = box({ answer: { ok: false, text: 'the network sets this clock' } });
  await expect(boxClock.set(Date.UTC(2026, 10, 21), signal)).rejects.toMatchObject({
    context: { isKnown: true },
    message: 'the network sets this clock',
  });
});

test.for(['', 'null', '[]', '{}', '{"time":7}', '{"time":"soon"}'])('a body "%s" is rejected', async (payload) => {
  const { asked, boxClock } = box();
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  await app.register(systemRoutes, {
    access: { require: async () => {} },
    info: { version: '1', started: '' },
    facts: async () => ({}),
    more: {},
    diagnosis: { make: async () => ({ name: '', bytes: Buffer.alloc(0) }) },
    boxClock,
  });
  const headers = { 'content-type': 'application/json' };
  const { statusCode } = await app.inject({ method: 'POST', url: '/v3/clock', headers, payload });
  expect([statusCode, asked]).toEqual([400, []]);
});
