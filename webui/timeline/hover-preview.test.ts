import { afterEach, expect, test } from 'vitest';
import { hoverMs, hoverShare } from './hover-preview.tsx';
import { showWindow } from './view.ts';

afterEach(() => {
  hoverShare.value = undefined;
});

test('the moment under a resting pointer changes as the window moves or zooms', () => {
  expect(hoverMs.value).toBeUndefined();
  showWindow({ fromMs: 1_000_000, toMs: 1_400_000 });
  hoverShare.value = 0.25;
  expect(hoverMs.value).toBe(1_100_000);
  showWindow({ fromMs: 2_000_000, toMs: 2_400_000 });
  expect(hoverMs.value).toBe(2_100_000);
  showWindow({ fromMs: 2_000_000, toMs: 2_040_000 });
  expect(hoverMs.value).toBe(2_010_000);
});
