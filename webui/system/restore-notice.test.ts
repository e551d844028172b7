import { afterEach, expect, test, vi } from 'vitest';
import { noteRestored, restoredText } from './restore-notice.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

test('a successful restore is reported once, with the time of the backup', () => {
  const kept = new Map<string, string>();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  expect(restoredText()).toBeUndefined();
  noteRestored(new Date(2020, 10, 21, 14, 5).toISOString());
  // The order of day and month is that of the machine's locale.
  expect(restoredText()).toMatch(/^Restored the backup of (.*November 21, 2020 2:05\sPM|21 November 2020 (2|14):05)/);
  expect(restoredText()).toBeUndefined();
});

test('without storage, a restore works without the report', () => {
  const none = () => {
    throw new Error('no storage');
  };
  vi.stubGlobal('sessionStorage', { getItem: none, setItem: none });
  noteRestored('2026-11-21T08:00:00Z');
  expect(restoredText()).toBeUndefined();
});
