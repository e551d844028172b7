import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { BoxSearch } from './box-search.ts';

test('one search a minute is for all boxes that wait for it', async () => {
  const clock = new FakeClock();
  const asked: (readonly string[])[] = [];
  const search = new BoxSearch(async (ids) => {
    asked.push(ids);
    return new Map(ids.map((id) => [id, [`${id}:8443`]]));
  }, clock);
  expect(await Promise.all([search.addressesOf('a'), search.addressesOf('b')])).toEqual([['a:8443'], []]);
  await clock.advance(59_999);
  expect(await search.addressesOf('a')).toEqual(['a:8443']);
  await clock.advance(1);
  expect(await search.addressesOf('b')).toEqual(['b:8443']);
  expect(asked).toEqual([['a'], ['b', 'a']]);
  search.close();
});
