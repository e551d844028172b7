import { expect, test } from 'vitest';
import { cookie, cookiesOf } from './session-access.ts';

test('all cookies of a name are found, in their order', () => {
  expect(cookiesOf('hlsSession=a; x=1;hlsSession = b ; hlsSessionX=c', 'hlsSession')).toEqual(['a', 'b']);
  expect(cookiesOf(undefined, 'hlsSession')).toEqual([]);
  expect(cookiesOf('=;;hlsSession;', 'hlsSession')).toEqual([]);
  expect(cookiesOf('hlsSession=a;'.repeat(1000), 'hlsSession').length).toBe(16);
});

test('over TLS a cookie is kept in frames of other sites too; over plain HTTP browsers keep it for our own pages', () => {
  expect(cookie('hlsSession', 'x', true)).toBe('hlsSession=x; HttpOnly; Secure; SameSite=None; Partitioned');
  expect(cookie('hlsSession', 'x', false)).toBe('hlsSession=x; HttpOnly; SameSite=Lax');
});
