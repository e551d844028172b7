import { expect, onTestFinished, test } from 'vitest';
import { LOOPBACK } from '../../../../test/support/harness/http/control-api-harness.ts';
import { openHttpHarness } from '../../../../test/support/harness/http/http-harness.ts';
import { restartRoute } from './restart.ts';

const PASSWORD = 'correct horse battery';

async function open(canRestart: boolean) {
  const box = await openHttpHarness({ password: PASSWORD });
  onTestFinished(() => box[Symbol.asyncDispose]());
  await box.accounts.people.addUser({ name: 'ann', cameras: 'all', live: true, recordings: true }, 'another password');
  const done: unknown[] = [];
  await box.app.register(restartRoute, {
    access: box.access,
    startTookMs: 1_200,
    publish: (type, fields) => done.push([type, fields]),
    ...(canRestart ? { restart: () => done.push('restart') } : {}),
  });
  const post = async (user = 'owner', password = PASSWORD) => {
    const headers = { ...LOOPBACK.headers, authorization: `Basic ${btoa(`${user}:${password}`)}` };
    const answer = await box.app.inject({ ...LOOPBACK, method: 'POST', url: '/v3/restart', headers });
    return { status: answer.statusCode, body: answer.json() };
  };
  return { post, done };
}

test('the owner restarts the box: an event has the usual duration, and the program ends after the reply', async () => {
  const { post, done } = await open(true);
  expect((await post()).body).toEqual({ status: 'ok', seconds: 4 });
  await expect.poll(() => done).toEqual([['box', { state: 'restarting', seconds: 4 }], 'restart']);
});

test('without a supervisor it does not end', async () => {
  const { post, done } = await open(false);
  expect(await post()).toMatchObject({
    status: 501,
    body: { error: expect.stringContaining('Perch cannot restart itself here') },
  });
  expect(done).toEqual([]);
});

test('a viewer cannot restart', async () => {
  const { post, done } = await open(true);
  expect((await post('ann', 'another password')).status).toBe(401);
  expect(done).toEqual([]);
});
