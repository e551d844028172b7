import { expect, test } from 'vitest';
import { LOOPBACK, openApi } from '../../../../test/support/harness/http/control-api-harness.ts';

test('the mode is read and set by programs with the api permission alone', async () => {
  await using api = await openApi();
  const status = (await api.app.inject({ ...LOOPBACK, url: '/v3/mode' })).json();
  expect(status).toEqual({
    ...{
      mode: 'home',
      since: null,
      by: 'timetable',
      hold: false,
      next: null,
      timeZone: 'UTC',
      used: false,
      timeKnown: true,
    },
  });
  const set = (body: object, more = {}) =>
    api.app.inject({ ...LOOPBACK, method: 'POST', url: '/v3/mode', payload: body, ...more });
  expect((await set({ mode: 'away', hold: true })).json()).toEqual({ ...status, mode: 'away', by: 'user', hold: true });
  expect((await set({ mode: 'away' }, { remoteAddress: '192.168.1.9' })).statusCode).toBe(401);
});

test.for([
  [{ mode: 'party' }, 'mode'],
  [{ hold: 'long' }, 'hold'],
  [{ until: 'noon' }, "unknown field 'until'"],
  [{}, 'the body'],
] as const)('%j is rejected', async ([body, part]) => {
  await using api = await openApi();
  const answer = await api.app.inject({ ...LOOPBACK, method: 'POST', url: '/v3/mode', payload: body });
  expect([answer.statusCode, answer.json().error]).toEqual([400, expect.stringContaining(part)]);
});
