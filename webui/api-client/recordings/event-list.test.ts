import { expect, test } from 'vitest';
import { appendOlder, type EventPage, mergeNewest } from './event-list.ts';

const page = (ids: string, next: string | null): EventPage => ({
  items: [...ids].map((id) => ({
    ...{ id, path: 'door', type: 'motion', text: '', startMs: 0, endMs: 0, pictureMs: undefined },
  })),
  next,
  types: [],
});
const idsOf = (known: EventPage | undefined) => [known?.items.map(({ id }) => id).join(''), known?.next];

test('an older page is appended once', () => {
  const known = appendOlder(page('fed', 'd'), 'd', page('cb', 'b'));
  expect(idsOf(known)).toEqual(['fedcb', 'b']);
  expect(idsOf(appendOlder(known, 'd', page('cb', 'b')))).toEqual(['fedcb', 'b']);
  expect(appendOlder(undefined, 'd', page('cb', 'b'))).toBeUndefined();
});

test('the newest page precedes known events, which are not requested again', () => {
  const known = page('fedcb', 'b');
  expect(idsOf(mergeNewest(known, page('gfe', 'e')))).toEqual(['gfedcb', 'b']);
  expect(idsOf(mergeNewest(known, page('fed', 'd')))).toEqual(['fedcb', 'b']);
  expect(idsOf(mergeNewest(page('fedcba', null), page('gfe', 'e')))).toEqual(['gfedcba', null]);
});

test('more new events than one page restart the list, so that none is missing', () => {
  expect(idsOf(mergeNewest(page('fed', 'd'), page('kji', 'i')))).toEqual(['kji', 'i']);
  expect(idsOf(mergeNewest(undefined, page('fed', 'd')))).toEqual(['fed', 'd']);
  expect(idsOf(mergeNewest(page('fed', 'd'), page('', null)))).toEqual(['', null]);
});
