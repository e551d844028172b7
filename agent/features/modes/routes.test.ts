import { expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from '../../http/listener/app.ts';
import { modeRoutes } from './routes.ts';

const HOME = {
  ...({ mode: 'home', since: null, by: 'timetable' } as const),
  ...{ hold: false, next: null, timeZone: 'UTC', used: false, timeKnown: true, lost: false },
};

function open() {
  const app = createHttpApp({ log: silentLogger });
  modeRoutes(app, { status: HOME, set: async (body) => ({ ...HOME, ...body, by: 'user' as const }) });
  return app;
}
const SET = { method: 'POST', url: '/mode' } as const;

test('the mode is read and set', async () => {
  await using app = open();
  expect((await app.inject('/mode')).json()).toEqual(HOME);
  const set = await app.inject({ ...SET, payload: { mode: 'away', hold: true } });
  expect(set.json()).toEqual({ ...HOME, mode: 'away', by: 'user', hold: true });
});

test.for([
  [{ mode: 'party' }, 'mode'],
  [{ hold: 'long' }, 'hold'],
  [{ until: 'noon' }, "unknown field 'until'"],
  [{}, 'the body'],
] as const)('%j is rejected', async ([payload, part]) => {
  await using app = open();
  const answer = await app.inject({ ...SET, payload });
  expect([answer.statusCode, answer.json().error]).toEqual([400, expect.stringContaining(part)]);
});
