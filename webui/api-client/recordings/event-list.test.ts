import { expect, test } from 'vitest';
import { appendOlder, type EventPage, mergeNewest, objectsOf } from './event-list.ts';

const page = (ids: string, next: string | null): EventPage => ({
  items: [...ids].map((id) => ({
    ...{ id, path: 'door', type: 'motion', text: '', startMs: 0, endMs: 0, pictureMs: undefined },
  })),
  next,
  types: [],
});
const idsOf = (known: EventPage | undefined) => [known?.items.map(({ id }) => id).join(''), known?.next];

test('objects are counted by the picture with most of them', () => {
  const label = (type: string, second: number) => ({ type, at: `2026-11-20T12:00:0${second}Z` });
  expect(objectsOf([])).toEqual([]);
  expect(objectsOf([label('person', 1), label('vehicle', 1), label('person', 3), label('person', 3)])).toEqual([
    { type: 'person', count: 2 },
    { type: 'vehicle', count: 1 },
  ]);
});

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

test('an empty newest page that is not the last keeps what is known, and the place of the search', () => {
  expect(idsOf(mergeNewest(page('fed', 'd'), page('', 'x')))).toEqual(['fed', 'd']);
  expect(idsOf(mergeNewest(page('', 'd'), page('', 'x')))).toEqual(['', 'd']);
  expect(idsOf(mergeNewest(undefined, page('', 'x')))).toEqual(['', 'x']);
  expect(mergeNewest(page('fed', 'd'), { ...page('', 'x'), types: ['person'] }).types).toEqual(['person']);
});

test('more new events than one page restart the list, so that none is missing', () => {
  expect(idsOf(mergeNewest(page('fed', 'd'), page('kji', 'i')))).toEqual(['kji', 'i']);
  expect(idsOf(mergeNewest(undefined, page('fed', 'd')))).toEqual(['fed', 'd']);
  expect(idsOf(mergeNewest(page('fed', 'd'), page('', null)))).toEqual(['', null]);
});
