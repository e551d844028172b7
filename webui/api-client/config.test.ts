import { expect, test } from 'vitest';
import { checkResponse, PreconditionFailed } from './config.ts';

const answer = (status: number, body: object): Response => new Response(JSON.stringify(body), { status });

test('a conflict has the author, if the box knows one', async () => {
  const conflicts = [{ user: null }, { user: 'eve', time: '2026-11-20T17:51:02.114Z' }];
  const failure = await checkResponse(answer(412, { error: 'changed', conflicts })).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(PreconditionFailed);
  expect(failure).toMatchObject({
    status: 412,
    message: 'changed',
    by: { user: 'eve', atMs: Date.UTC(2026, 10, 20, 17, 51, 2, 114) },
  });
  await expect(checkResponse(answer(412, { error: 'changed' }))).rejects.toMatchObject({ by: undefined });
});

test("other rejections have the box's reason", async () => {
  await expect(checkResponse(answer(409, { error: 'it is paused' }))).rejects.toMatchObject({
    ...{ status: 409, message: 'it is paused' },
  });
  const taken = answer(200, {});
  expect(await checkResponse(taken)).toBe(taken);
});
