import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { filtersOf, filterText, NO_FILTERS } from './event-feed.ts';

test('filters are in the address, and are read from it', () => {
  const types = ['person', 'a&b=c,'.slice(0, 5), '人'];
  const filters = { types, zone: 'Drive & yard', hours: '22:00-06:30', isUnseen: true };
  const text = 'types=person,a%26b%3Dc,%E4%BA%BA&zone=Drive%20%26%20yard&hours=22:00-06:30&new';
  expect(filterText(filters)).toBe(text);
  expect(filtersOf(filterText(filters))).toEqual(filters);
  expect(filterText(NO_FILTERS)).toBe('');
  expect(filtersOf(undefined)).toEqual(NO_FILTERS);
});

test('what is not valid in an address is left out', () => {
  expect(filtersOf('types=,&zone=&hours=25:00-06:00&other=1')).toEqual(NO_FILTERS);
  const next = random(3);
  for (let i = 0; i < 500; i += 1) {
    const text = Array.from({ length: 20 }, () => 'types=%,&hours:0123-newzone=+'[Math.floor(next() * 29)]).join('');
    const filters = filtersOf(text);
    expect(filtersOf(filterText(filters))).toEqual(filters);
  }
});
