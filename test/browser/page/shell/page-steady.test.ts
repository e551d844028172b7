import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { settled, sightsOf, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

/** Cumulative Layout Shift, as browsers compute it; 0.1 is what Web Vitals call good. */
const MAX_SHIFT = 0.02;

interface Shifts {
  sum: number;
  readonly moved: string[];
}

/** Adds up what moves without a tap or key. */
function watchShifts(): void {
  interface Shift extends PerformanceEntry {
    readonly value: number;
    readonly hadRecentInput: boolean;
    readonly sources?: readonly { readonly node?: Node | null }[];
  }
  const shifts: Shifts = { sum: 0, moved: [] };
  Object.assign(window, { shifts });
  const observer = new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources = [] } of list.getEntries() as Shift[]) {
      if (!hadRecentInput) {
        shifts.sum += value;
        const names = sources.map(({ node }) => (node instanceof Element ? `${node.tagName}.${node.className}` : '?'));
        shifts.moved.push(`${value.toFixed(3)}: ${names.join(', ')}`);
      }
    }
  });
  observer.observe({ type: 'layout-shift', buffered: true });
}

const shiftsOf = (page: Page): Promise<Shifts> =>
  page.evaluate(
    () =>
      new Promise<Shifts>((resolve) => {
        requestIdleCallback(() => setTimeout(() => resolve((window as unknown as { shifts: Shifts }).shifts)));
      }),
  );

describeWith(['chromium'], 'while a page loads', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let cameras: readonly string[];
  beforeAll(async () => {
    const config = 'pathDefaults:\n  record: true\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}, {}], config })]);
    await box.claim();
    cameras = await box.adopt();
    await box.api('POST', 'events', { path: cameras[0], type: 'doorbell' });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())('on a %s nothing moves that is there already', { timeout: 200_000 }, async (size) => {
    await using visitor = await visit(viewer.browser, box, { size });
    const { page, complaints } = visitor;
    await visitor.logIn();
    await page.addInitScript(watchShifts);
    const found: string[] = [];
    for (const [name, place, sign] of sightsOf(cameras)) {
      await page.goto('about:blank');
      await visitor.go(place);
      await settled(page, sign);
      const { sum, moved } = await shiftsOf(page);
      found.push(...(sum > MAX_SHIFT ? [`${name}: ${sum.toFixed(3)}: ${moved.join('; ')}`] : []));
    }
    expect(found).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
