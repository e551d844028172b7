import { expect, test } from 'vitest';
import { pageIn } from './reported-page.ts';

test.for([
  ['port 80\nok the clock is set\n', { host: '127.0.0.1', port: 80 }],
  ['host 192.168.1.5\nport 8080\n', { host: '192.168.1.5', port: 8080 }],
  ['host fd00::5\nport 8080\n', { host: 'fd00::5', port: 8080 }],
  ['bad the page has no port: see perch logs\n', undefined],
  ['', undefined],
] as const)('the page of the report %j is at %j', ([report, page]) => {
  expect(pageIn(report)).toEqual(page);
});
