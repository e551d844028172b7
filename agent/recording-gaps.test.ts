import { expect, test } from 'vitest';
import { TOLD_REASONS } from './http/api/timeline.ts';
import { GAP_REASONS } from './record/gaps/gap-reason.ts';

test("the API's document names every reason that is noted", () => {
  expect(TOLD_REASONS).toEqual(GAP_REASONS);
});
