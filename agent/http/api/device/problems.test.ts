import { expect, test } from 'vitest';
import { failure, LOOPBACK, openApi, PROBLEM } from '../../../../test/support/harness/http/control-api-harness.ts';

test('the present problems are a list in pages', async () => {
  await using api = await openApi();
  const get = async (query: string) => (await api.app.inject({ ...LOOPBACK, url: `/v3/problems/list${query}` })).json();
  expect(await get('')).toEqual({ itemCount: 1, pageCount: 1, items: [PROBLEM] });
  expect(await get('?page=1')).toEqual({ itemCount: 1, pageCount: 1, items: [] });
  expect(await get('?page=-1')).toEqual(failure('invalid page'));
});
