import { expect, test } from 'vitest';
import { AcceptedLogins } from './adoption.ts';

const ONE = { user: 'admin', password: 'one' };
const TWO = { user: 'admin', password: 'two' };

test('an accepted login is offered to other cameras, except to those that have rejected it', () => {
  const logins = new AcceptedLogins();
  logins.noteTried('door', ONE);
  logins.noteTried('barn', ONE);
  expect(logins.offerFor(['hall'])).toBeUndefined();
  logins.noteTaken({ ...ONE, title: 'Front door' });
  expect(logins.offerFor(['hall'])).toEqual({ ...ONE, title: 'Front door' });
  expect(logins.offerFor(['hall', 'gate'])).toMatchObject(ONE);
  expect([logins.offerFor(['barn']), logins.offerFor(['hall', 'barn'])]).toEqual([undefined, undefined]);
});

test('the newest login is offered, and none that was rejected before', () => {
  const logins = new AcceptedLogins();
  logins.noteTried('barn', ONE);
  logins.noteTaken({ ...TWO, title: 'Gate' });
  expect(logins.offerFor(['barn'])).toMatchObject(TWO);
  logins.noteTried('barn', TWO);
  logins.noteTaken({ ...ONE, title: 'Front door' });
  expect(logins.offerFor(['barn'])).toBeUndefined();
});
